"""A released dub of three lines, for those who read and edit them."""

from __future__ import annotations

import json

from api.desk import Desk
from dub_platform.core.speech import Transcript, TranslatedLine, Translation
from tests.api.desks import YOUTUBE, release
from tests.api.test_lines import LINES, MANIFEST, TEXTS, keep


def release_with_lines(desk: Desk) -> None:
    """As its run leaves it, in Spanish."""
    made = release(desk, YOUTUBE, "es")
    desk.store.put_bytes(made.manifest_key, json.dumps(MANIFEST).encode())
    keep(desk, "transcript", Transcript("en", "an engine", LINES))
    translated = tuple(TranslatedLine(*pair) for pair in enumerate(TEXTS))
    keep(desk, "translation", Translation("es", "an engine", translated), "es")
