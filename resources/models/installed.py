"""The models that are on this machine, in one folder that all processes share.

    models = ModelFolder(Path("/srv/dub/models"))
    model = models.find("piper", "en_US-joe-medium")     # raises EngineUnavailableError
    model.path("en_US-joe-medium.onnx"), model.engine

`<kind>/<name>/<digest>/` holds a model, its files and `model.json`, and appears there when all of
them are verified. Runs read it and never write to it, nor fetch what is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from dub_platform.core.errors import EngineUnavailableError
from resources.models.catalogue import Entry, read_catalogue

RECORD = "model.json"
COMMAND = "dub-admin models get"


class Record(BaseModel):
    """What `model.json` says: the catalogue's entry at the time, and where the files came from."""

    model_config = ConfigDict(frozen=True)

    entry: Entry
    came_from: str
    at: str


@dataclass(frozen=True)
class Model:
    """A model that is there. `digest` changes with its weights."""

    entry: Entry
    folder: Path
    came_from: str = ""

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def engine(self) -> str:
        """What receipts call it, so that they tell other weights of the same name apart."""
        return f"{self.entry.full_name} {self.digest}"

    def path(self, name: str) -> Path:
        """Tell where this file of it is. Raises EngineUnavailableError."""
        path = self.folder / name
        if not path.is_file():
            raise EngineUnavailableError(
                f"The model {self.entry.full_name} lacks its file {name} in {self.folder}. Get it "
                f"anew: dub-admin models remove {self.entry.full_name}, then {COMMAND} "
                f"{self.entry.full_name}"
            )
        return path


@dataclass(frozen=True)
class ModelFolder:
    """The folder of all models."""

    root: Path
    catalogue: Mapping[str, Entry] = field(default_factory=read_catalogue)

    def find(self, kind: str, name: str) -> Model:
        """Return the model of this name: with the catalogue's weights, or else those that are
        there.

        Raises EngineUnavailableError, with its size and the command that gets it.
        """
        there = {model.digest: model for model in self._list_models(kind, name)}
        known = self.catalogue.get(f"{kind}/{name}")
        if known and known.digest in there:
            return there[known.digest]
        if there:
            return next(iter(there.values()))
        raise self._missing(kind, name)

    def list_installed(self, kind: str = "") -> tuple[Model, ...]:
        """List the models that can be found, of one kind or of all, by their names."""
        folders = sorted(self.root.glob(f"{kind or '*'}/*"))
        return tuple(
            self.find(folder.parent.name, folder.name)
            for folder in folders
            if any(self._list_models(folder.parent.name, folder.name))
        )

    def place(self, entry: Entry) -> Path:
        """Tell where a model is, once it is there."""
        return self.root / entry.kind / entry.name / entry.digest

    def _list_models(self, kind: str, name: str) -> Iterator[Model]:
        for record in sorted(self.root.glob(f"{kind}/{name}/*/{RECORD}")):
            try:
                read = Record.model_validate_json(record.read_bytes())
            except (OSError, ValidationError):
                continue
            if read.entry.full_name == f"{kind}/{name}" and record.parent.name == read.entry.digest:
                yield Model(read.entry, record.parent, read.came_from)

    def _missing(self, kind: str, name: str) -> EngineUnavailableError:
        known = self.catalogue.get(f"{kind}/{name}")
        if known:
            return EngineUnavailableError(
                f"The model {known.full_name} ({known.bytes / 1e6:,.0f} MB) is not in {self.root}. "
                f"Nothing is downloaded without being asked for; get it: {COMMAND} "
                f"{known.full_name}"
            )
        others = ", ".join(each.name for each in self.catalogue.values() if each.kind == kind)
        return EngineUnavailableError(
            f"There is no model {kind}/{name} in {self.root}, and the catalogue knows none. It "
            f"knows {others or 'none of this kind'}."
        )
