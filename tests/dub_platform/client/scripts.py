"""A released dub of three lines, for those who read and edit them."""

from __future__ import annotations

import json

from api.services import Desk
from dub_platform.core.speech import Transcript, TranslatedLine, Translation
from tests.api.routes.test_lines import LINES, MANIFEST, TEXTS, keep
from tests.support.rig.desks import YOUTUBE, release


def release_with_lines(desk: Desk) -> None:
    """As its run leaves it, in Spanish."""
    made = release(desk, YOUTUBE, "es")
    desk.store.put_bytes(made.manifest_key, json.dumps(MANIFEST).encode())
    keep(desk, "transcript", Transcript("en", "an engine", LINES))
    translated = tuple(TranslatedLine(*pair) for pair in enumerate(TEXTS))
    keep(desk, "translation", Translation("es", "an engine", translated), "es")
