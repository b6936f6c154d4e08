"""A released dub of three lines, for those who read and edit them."""

from __future__ import annotations

import json

from dub_platform.core.speech import Transcript, TranslatedLine, Translation
from tests.api.routes.test_lines import LINES, MANIFEST, TEXTS, keep
from tests.support.rig.services import YOUTUBE, Services, release


def release_with_lines(services: Services) -> None:
    """As its run leaves it, in Spanish."""
    made = release(services, YOUTUBE, "es")
    services.store.put_bytes(made.manifest_key, json.dumps(MANIFEST).encode())
    keep(services, "transcript", Transcript("en", "an engine", LINES))
    translated = tuple(TranslatedLine(*pair) for pair in enumerate(TEXTS))
    keep(services, "translation", Translation("es", "an engine", translated), "es")
