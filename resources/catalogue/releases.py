"""What a release consists of: the files of a film, and the lines that a manifest tells of.

placed_in(store.get_bytes(release.manifest_key))
film_files("releases/dQw4w9WgXcQ/film/5d41402abc4b2a76.mp4")
"""

from __future__ import annotations

import json

from dub_platform.core.text.script import Placed


def film_files(film_key: str) -> tuple[str, str]:
    """The film, and what says that it is whole."""
    return film_key, f"{film_key.removesuffix('.mp4')}.json"


def placed_in(manifest: bytes) -> tuple[Placed, ...]:
    """The lines of a release, from its manifest."""
    return tuple(
        Placed(
            source=line["source"],
            slot_start=line["slot"][0],
            slot_end=line["slot"][1],
            text=line["target"],
            start=line["start"],
            tempo=line["tempo"],
        )
        for line in json.loads(manifest).get("lines", ())
    )
