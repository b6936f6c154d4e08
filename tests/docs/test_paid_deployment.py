"""The `.env` of a deployment that pays, as the guide has it to be copied."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

import openai
import pytest
from dotenv import dotenv_values

from dub_platform import wiring
from dub_platform.definitions import definitions
from dub_platform.settings import Settings, WrongSettingError
from tests.docs.documents import ROOT, default, settings
from tests.support.recipes.installed_models import install_empty

TEXT = (ROOT / "docs" / "guides" / "engines.md").read_text()
BLOCK = TEXT.partition("```ini\n")[2].partition("```")[0]
MODELS = ("TRANSCRIPTION", "TRANSLATION", "SPEECH")


def variables(text: str) -> Mapping[str, str]:
    """What a `.env` sets."""
    return {name: value or "" for name, value in dotenv_values(stream=io.StringIO(text)).items()}


WHOLE = variables(BLOCK)
REQUIRED = next(variables(part) for part in BLOCK.split("\n\n") if "cannot do without" in part)


@pytest.fixture(autouse=True)
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is in the environment of the tests is not there."""
    monkeypatch.chdir(tmp_path)
    for name in settings():
        monkeypatch.delenv(name, raising=False)


def read(given: Mapping[str, str]) -> Settings:
    """The settings of a machine with this `.env` and nothing else."""
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    return Settings.from_environment()


@pytest.mark.parametrize("transcriber", ["whisper", "openai"])
def test_the_platform_starts_with_exactly_these(
    monkeypatch: pytest.MonkeyPatch, transcriber: str, tmp_path: Path
) -> None:
    """Every engine is made of them, as when the code server starts; with either that listens.

    Whisper's model is got as the page says.
    """
    [model] = re.findall(r"^# .*dub-admin models get (\S+)$", TEXT, re.MULTILINE)
    install_empty(tmp_path / "models", model)
    models = {"DUB_MODELS_DIR": str(tmp_path / "models")}
    chosen = read({**WHOLE, **models, "DUB_TRANSCRIBER": transcriber})
    for name, value in chosen.as_environment().items():
        monkeypatch.setenv(name, value)
    made = definitions(chosen).resources or {}
    assert {"downloader", "transcriber", "translator", "speaker", "bench", "s3"} <= set(made)
    paid = ("youtube", transcriber, "openai", "elevenlabs", "r2")
    roles = (chosen.downloader, chosen.transcriber, chosen.translator, chosen.voice, chosen.store)
    assert paid == roles


@pytest.mark.parametrize("name", REQUIRED)
def test_one_that_is_required_is_missed_by_its_name(name: str) -> None:
    """Leave it out, and the platform does not start."""
    with pytest.raises(WrongSettingError, match=rf"needs {name}\b"):
        read({other: value for other, value in WHOLE.items() if other != name})


@pytest.mark.parametrize("name", sorted(set(WHOLE) - set(REQUIRED)))
def test_one_that_is_a_choice_can_be_left_out(name: str) -> None:
    """It is a setting, and has a default."""
    assert name in settings()
    assert read({other: value for other, value in WHOLE.items() if other != name})


def test_its_prices_are_those_of_the_code() -> None:
    """Left out, they are the same."""
    names = [name for name in WHOLE if name.startswith("DUB_PRICE_")]
    assert 4 == len(names)
    without = {name: value for name, value in WHOLE.items() if name not in names}
    for transcriber in ("whisper", "openai"):
        chosen = {"DUB_TRANSCRIBER": transcriber}
        assert wiring.prices(read({**WHOLE, **chosen})) == wiring.prices(
            read({**without, **chosen})
        )


@pytest.mark.parametrize("role", MODELS)
def test_it_says_until_when_a_default_model_is_served(role: str) -> None:
    """With the date that OpenAI's own SDK has, if it has one."""
    model = default(settings()[f"DUB_OPENAI_{role}_MODEL"])
    rows = [row for row in TEXT.splitlines() if row.startswith("| 20") and f"`{model}`" in row]
    assert _ends(model) == [row.split("|")[1].strip() for row in rows]


def _ends(model: str) -> list[str]:
    """The days on which OpenAI ends a model, as the SDK's types say in their descriptions."""
    types = Path(openai.__file__).parent / "types"
    files = ("shared/chat_model.py", "audio/speech_model.py", "audio_model.py")
    text = " ".join(" ".join((types / name).read_text().split()) for name in files)
    entries = re.findall(r"- ((?:\"[^\"]+\",? ?)+): Announced shutdown date: ([\d-]+)", text)
    return [day for models, day in entries if f'"{model}"' in models]
