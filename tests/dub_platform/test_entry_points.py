"""Engines of other packages: found by name, or refused with words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dub_platform import entry_points, wiring
from dub_platform.core.errors import EngineUnavailableError
from dub_platform.settings import Settings, WrongSettingError
from resources.providers.paid_once import Bill
from resources.voice.port import Reading
from tests.support.packages import (
    VOICES,
    install_example,
    install_package,
    installed_packages,
    write_module,
)

# Imports what nobody has where it is made, and nothing of it before.
LAZY = """
from dub_platform.engines import VoiceEngine, VoiceFacts

def make(chosen):
    import parrot_sounds

FACTS = VoiceFacts(languages=("en", "eo"), usd_per_1000_characters=0.2)
ENGINE = VoiceEngine(about="A parrot.", facts=lambda chosen: FACTS, make=make)
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, which this process finds engines in."""
    monkeypatch.chdir(tmp_path)
    with installed_packages(tmp_path / "packages") as folder:
        yield folder


def install_voice(folder: Path, name: str, module: str, text: str, package: str = "") -> None:
    install_package(folder, package or f"dub-{name}", {VOICES: {name: f"{module}:ENGINE"}})
    write_module(folder, module, text)


def test_an_engine_of_another_package_speaks(packages: Path) -> None:
    """Named in the setting, with a variable of its own."""
    install_example(packages)
    (packages.parent / ".env").write_text("DUB_VOICE=hum\nDUB_HUM_HERTZ=220\n")
    settings = Settings.from_environment()
    voice = wiring.voice(settings)
    assert 440 > float(voice.shape(Reading("Hola.", "es"))["hertz"]) >= 220
    voice.speak(Reading("Hola.", "es"), into=packages / "take.wav", bill=(bill := Bill()))
    assert (5, b"RIFF") == (bill.units, (packages / "take.wav").read_bytes()[:4])


def test_what_it_can_do_is_known_without_what_it_needs(packages: Path, tmp_path: Path) -> None:
    """Its languages and its price, or the price that is set; to make it is another thing."""
    install_voice(packages, "parrot", "dub_parrot", LAZY)
    settings = Settings(home=tmp_path, voice="parrot")
    assert {"eo"} == {*wiring.targets(settings)("en")} & {"eo", "es"}
    assert pytest.approx(0.2) == wiring.prices(settings).speech_per_thousand_characters
    agreed = settings.model_copy(update={"price_speech_per_thousand_characters_usd": 0.1})
    assert pytest.approx(0.1) == wiring.prices(agreed).speech_per_thousand_characters
    with pytest.raises(EngineUnavailableError) as missing:
        wiring.voice(settings)
    assert "DUB_VOICE=parrot, which the package dub-parrot 1.0 has" in missing.value.sentence
    assert "No module named 'parrot_sounds'. Install" in missing.value.sentence


def test_a_name_that_nothing_has_is_refused_with_those_that_there_are(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the settings are read, with how to install it, and without the value."""
    install_example(packages)
    monkeypatch.setenv("DUB_VOICE", "sk-secret")
    with pytest.raises(WrongSettingError) as refused:
        Settings.from_environment()
    said = str(refused.value)
    assert "DUB_VOICE: no engine of this name is installed, only elevenlabs, espeak, hum, " in said
    assert "install the package that has it with pip" in said
    assert "sk-secret" not in said


def test_a_name_that_two_packages_have_is_refused(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first on the path, nothing is guessed; one of ours cannot be taken over."""
    install_voice(packages, "openai", "dub_taken", LAZY, package="dub-taken")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("DUB_VOICE", "openai")
    with pytest.raises(WrongSettingError, match=r"dub-platform \S+ and dub-taken 1\.0 both have"):
        Settings.from_environment()
    monkeypatch.setenv("DUB_VOICE", "espeak")
    assert "espeak" == Settings.from_environment().voice


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import parrot_sounds", "cannot be imported: No module named 'parrot_sounds'"),
        ("ENGINE = 1 / 0", "failed with ZeroDivisionError"),
        ("ENGINE = print", "dub_parrot:ENGINE of the package is not a VoiceEngine"),
        ("", "failed with AttributeError"),
    ],
    ids=["a missing module", "an error", "something else", "nothing"],
)
def test_a_package_that_is_broken_is_named(
    packages: Path, tmp_path: Path, text: str, said: str
) -> None:
    """With what to do; whoever asks sees no trace of its own."""
    install_voice(packages, "parrot", "dub_parrot", text)
    with pytest.raises(EngineUnavailableError) as broken:
        wiring.prices(Settings(home=tmp_path, voice="parrot"))
    assert broken.value.sentence.startswith("DUB_VOICE=parrot, which the package dub-parrot 1.0")
    assert said in broken.value.sentence
    assert broken.value.sentence.endswith("or choose another engine.")


def test_its_own_variables_are_read_and_its_keys_are_told_to_nobody(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no mistakes of who sets them, and reach the servers that are started."""
    needy = LAZY.replace("import parrot_sounds", "chosen.require('API_KEY')")
    install_voice(packages, "parrot", "dub_parrot", needy)
    monkeypatch.setenv("DUB_VOICE", "parrot")
    with pytest.raises(EngineUnavailableError, match="needs DUB_PARROT_API_KEY, which is not set"):
        wiring.voice(Settings.from_environment())
    (tmp_path / ".env").write_text("DUB_PARROT_API_KEY=hunter2\n")
    monkeypatch.setenv("DUB_PARROT_SPEED", "9")
    settings = Settings.from_environment()
    wiring.voice(settings)
    assert [] == [remark for remark in Settings.remarks() if "PARROT" in remark]
    assert "hunter2" in settings.secrets
    assert "9" not in settings.secrets
    handed = settings.as_environment()
    assert ("hunter2", "9") == (handed["DUB_PARROT_API_KEY"], handed["DUB_PARROT_SPEED"])


def test_metadata_from_before_are_said_to_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that was pulled and not installed again knows none of its own engines."""
    found = [replace(each, is_ours=False) for each in entry_points.installed()]
    monkeypatch.setattr(entry_points, "installed", lambda: found)
    with pytest.raises(ValueError, match=r"install it again, in a checkout with `make"):
        entry_points.find("voice", "parrot")
