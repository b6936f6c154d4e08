"""A catalogue of small models made at test time, and a server that they live on.

catalogue, contents = make_catalogue()
with ModelServer(contents) as server:
    ...
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from resources.models.catalogue import Entry
from tests.support.servers.providers.local_server import Handler, LocalServer

MIT = {"name": "MIT", "commercial": True}
# Larger than what is written at once, and no two stretches of it alike.
WEIGHTS = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(100_000))
CONFIG = b'{"heads": 4}'
HALF = len(WEIGHTS) // 2


def sum_of(data: bytes) -> str:
    """The sha256, as the catalogue has it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def a_file(name: str, data: bytes, **more: Any) -> dict[str, Any]:
    """A file as the catalogue describes it."""
    return {"name": name, "bytes": len(data), "sum": sum_of(data), **more}


def make_entry(kind: str, name: str, *files: Mapping[str, Any], **more: Any) -> Entry:
    """A model of the catalogue."""
    about = {"about": "small", "origin": "these tests", "code_licence": "MIT"}
    facts = {"languages": ["en"], "weights_licence": MIT, "source": "http://nowhere.invalid/"}
    entry = {"kind": kind, "name": name, "files": files, **about, **facts, **more}
    return Entry.model_validate(entry)


def whisper(lives_at: str = "http://nowhere.invalid/", **of_weights: Any) -> Entry:
    """A model of two files."""
    parts = [{"bytes": len(part), "sum": sum_of(part)} for part in (WEIGHTS[:HALF], WEIGHTS[HALF:])]
    weights = {**a_file("model.bin", WEIGHTS, parts=parts), **of_weights}
    config = a_file("below/config.json", CONFIG, source="config.json")
    return make_entry("whisper", "base", weights, config, source=lives_at)


class ModelServer(LocalServer):
    """Files by their paths, with ranges; `breaks_after` are numbers of bytes to hang up after."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        super().__init__(_Handler)
        self.files: dict[str, bytes] = dict(
            files or {"/model.bin": WEIGHTS, "/config.json": CONFIG}
        )
        self.files["/model.bin.gz"] = gzip.compress(WEIGHTS)
        self.breaks_after: list[int] = []
        self.knows_ranges = True
        self.status = 200
        self.asked: list[tuple[str, str]] = []


class _Handler(Handler):
    def do_GET(self) -> None:  # noqa: N802 - the name that the base class calls
        given = self.headers.get("Range", "")
        self.provider.asked.append((self.path, given))
        if self.provider.status != 200:
            return self.send(self.provider.status, {}, b"")
        if self.path not in self.provider.files:
            return self.send(404, {}, b"")
        data: bytes = self.provider.files[self.path]
        ranged = re.fullmatch(r"bytes=(\d+)-", given) if self.provider.knows_ranges else None
        start = int(ranged[1]) if ranged else 0
        if start >= len(data) > 0:
            return self.send(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
        headers: dict[str, object] = {"Content-Length": len(data) - start}
        if ranged:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.head(206 if ranged else 200, headers)
        breaks = self.provider.breaks_after.pop(0) if self.provider.breaks_after else None
        self.wfile.write(data[start:] if breaks is None else data[start : start + breaks])
        self.close_connection = breaks is not None
        return None
