"""The demo with neural engines: which they are, and what it takes to hear them.

find_languages(settings)         # ("es", "pt"), where all that they need is here
choose_engines()                 # for this process and all that it starts
describe_download()              # "To hear human voices: make demo-neural, which ..."
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from dub_platform.settings import Settings
from resources.models.catalogue import read_catalogue
from resources.models.choosing import choose_for
from resources.models.installed import ModelFolder

LANGUAGES = ("es", "pt")
ENGINES = {
    "DUB_TRANSCRIBER": "faster-whisper",
    "DUB_WHISPER_MODEL": "base",
    "DUB_TRANSLATOR": "bergamot",
    "DUB_VOICE": "kokoro",
}
_PACKAGES = ("faster_whisper", "fxtranslate")
_KOKORO = "kokoro/v1.0-int8"
# What the extra `local` adds to .venv, in bytes.
_PACKAGES_BYTES = 180_000_000


def find_languages(settings: Settings) -> tuple[str, ...]:
    """Return up to two languages that neural engines dub the sample into with what is here.

    Returns none if a package or a model is missing, or if somebody has chosen an engine.
    """
    chosen = {name.removeprefix("DUB_").lower() for name in ENGINES} & settings.model_fields_set
    if chosen or not all(map(find_spec, _PACKAGES)):
        return ()
    models = ModelFolder(settings.models_folder)
    here = {model.entry.full_name for model in models.list_installed()}
    pairs = (model.entry.languages for model in models.list_installed("bergamot"))
    targets = sorted({into for spoken, into in pairs if spoken == "en"}, key=_order)
    return tuple(each for each in targets if _list_needed(each) <= here)[: len(LANGUAGES)]


def _list_needed(language: str) -> set[str]:
    """The names of the models for a language; the engines start with Kokoro, whoever speaks."""
    entries = choose_for(f"en:{language}", read_catalogue()).entries
    return {entry.full_name for entry in entries} | {_KOKORO}


def _order(language: str) -> tuple[bool, str]:
    return language not in LANGUAGES, language


def choose_engines() -> None:
    """Set the variables of these engines, and a home of their own below that of the demo.

    In the other's home the sample is dubbed already, by the engines that need no model.
    """
    home = os.environ.get("DUB_HOME") or ".dub"
    os.environ.update(ENGINES, DUB_HOME=str(Path(home, "neural")))


def describe_download() -> str:
    """Return a sentence: how to hear a human voice, and how much that downloads."""
    chosen = choose_for(f"en:{','.join(LANGUAGES)}", read_catalogue()).entries
    size = _PACKAGES_BYTES + sum(entry.bytes for entry in chosen)
    return (
        "To hear human voices: make demo-neural, which downloads about "
        f"{size / 1e6:,.0f} MB of packages and models once."
    )
