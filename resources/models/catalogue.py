"""What models there are: their files with sums, where they come from, what they may be used for.

    entry = read_catalogue()["whisper/base"]
    entry.bytes, entry.languages, entry.weights_licence.commercial

`catalogue.json` holds them. A model is in it only where a sum of each of its files is known: the
sha256, or the md5 where its publisher gives no other. So nothing is fetched on trust. Weights of
one's own are named by a path in the engine's setting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

# What each kind of model is for. A kind is named for the engine that reads it.
ROLES: Mapping[str, str] = {
    "whisper": "listening",
    "whisper-torch": "listening",
    "bergamot": "translating",
    "piper": "speaking",
    "kokoro": "speaking",
    "speaker": "telling voices apart",
    "demucs": "taking voices out",
}
_DIGEST = 12
# An md5 beside its kind; what it proves is that the file is the one that its publisher named.
_SUM = r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Fact):
    """A stretch of a file, as packages hold it that may not be larger."""

    bytes: int
    sum: str = Field(pattern=_SUM)


class ModelFile(_Fact):
    """A file of a model. `source` is its address, or continues its model's; empty is its name."""

    name: str
    bytes: int
    sum: str = Field(pattern=_SUM)
    source: str = ""
    gzip: bool = False
    parts: tuple[Part, ...] = ()

    @field_validator("name")
    @classmethod
    def _stays_in_its_folder(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name:
            raise ValueError("it is no name of a file below the model's folder")
        return name


class Licence(_Fact):
    """By its SPDX name where it has one; `commercial` is None where its text does not say."""

    name: str
    commercial: bool | None
    note: str = ""


class Entry(_Fact):
    """A model of the catalogue. Languages are BCP 47 tags; those of a translator are from, to.

    `source` is the address that its files' continue. `recommended` for languages is what a set
    for them takes. `quality` is what its makers measured of these very weights, where they say.
    """

    kind: str
    name: str
    about: str
    languages: tuple[str, ...]
    source: str
    origin: str
    code_licence: str
    weights_licence: Licence
    quality: str = ""
    files: tuple[ModelFile, ...]
    recommended: bool = False

    @property
    def full_name(self) -> str:
        """As people write it: whisper/base."""
        return f"{self.kind}/{self.name}"

    @property
    def role(self) -> str:
        """What it is for."""
        return ROLES[self.kind]

    @property
    def bytes(self) -> int:
        """The size of all of its files."""
        return sum(file.bytes for file in self.files)

    @property
    def digest(self) -> str:
        """The first of the sum over its files' names and sums: other weights, another digest."""
        lines = sorted(f"{file.sum}  {file.name}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:_DIGEST]

    def address(self, file: ModelFile) -> str:
        """Tell where this file of it comes from."""
        return self.source + (file.source or file.name)


_ENTRIES = TypeAdapter(tuple[Entry, ...])


@lru_cache(maxsize=1)
def read_catalogue() -> Mapping[str, Entry]:
    """Return all models by their full names, in the order of the file."""
    text = Path(__file__).with_name("catalogue.json").read_bytes()
    return {entry.full_name: entry for entry in _ENTRIES.validate_json(text)}
