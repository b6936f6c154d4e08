"""Engines by name: what each declares of itself, and how it is made of the settings.

    from dub_platform.engines import VoiceEngine, VoiceFacts

    ENGINE = VoiceEngine(
        about="A voice that hums.",
        facts=lambda chosen: VoiceFacts(languages=("en", "es")),
        make=lambda chosen: Hum(chosen.require("API_KEY")),
    )

A package names its engine in its pyproject.toml, in the group of the role, as ours are named in
this package's (docs/guides/add-an-engine.md). The module that declares it imports what it needs in
`make`, so that who only answers requests knows what it can do, and does without its dependencies.
"""

from dub_platform.engines.choosing import Choice, choose
from dub_platform.engines.declarations import (
    Chosen,
    Declaration,
    SeparatorEngine,
    StoreEngine,
    TranscriberEngine,
    TranslatorEngine,
    VoiceEngine,
)
from resources.transcriber.capabilities import TranscriberFacts
from resources.translator.capabilities import TranslatorFacts
from resources.voice.capabilities import VoiceFacts

__all__ = [
    "Choice",
    "Chosen",
    "Declaration",
    "SeparatorEngine",
    "StoreEngine",
    "TranscriberEngine",
    "TranscriberFacts",
    "TranslatorEngine",
    "TranslatorFacts",
    "VoiceEngine",
    "VoiceFacts",
    "choose",
]
