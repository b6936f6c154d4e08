"""Which engines the demo uses: the best that are here, and what it says of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dub_platform.local import neural
from dub_platform.settings import Settings
from tests.support.recipes.installed_models import install_empty

ALL = ("whisper/base", "bergamot/en-pt", "kokoro/v1.0-int8")


def test_the_demo_uses_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its languages are those whose models are all here, Spanish and Portuguese first."""
    install_empty(tmp_path, *ALL, "bergamot/en-de", "bergamot/en-fr", "bergamot/fr-en")
    settings = Settings(models_dir=tmp_path)
    # German has no voice here, and is not spoken by a robot instead.
    assert ("pt", "fr") == neural.find_languages(settings)
    monkeypatch.setattr(os, "environ", {"DUB_HOME": str(tmp_path / "home")})
    neural.choose_engines()
    assert "kokoro" == os.environ["DUB_VOICE"]
    assert str(tmp_path / "home" / "neural") == os.environ["DUB_HOME"]


@pytest.mark.parametrize("missing", ALL)
def test_without_one_of_the_models_nothing_changes(tmp_path: Path, missing: str) -> None:
    """Nothing is downloaded either: a line at the end says what would be."""
    install_empty(tmp_path, *(name for name in ALL if name != missing))
    assert () == neural.find_languages(Settings(models_dir=tmp_path))


def test_without_a_package_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models alone speak nothing."""
    install_empty(tmp_path, *ALL)
    monkeypatch.setattr(neural, "find_spec", lambda name: None if name == "fxtranslate" else name)
    assert () == neural.find_languages(Settings(models_dir=tmp_path))


def test_a_chosen_engine_stays(tmp_path: Path) -> None:
    """Whoever names one wants to hear it."""
    install_empty(tmp_path, *ALL)
    assert () == neural.find_languages(Settings(models_dir=tmp_path, voice="espeak"))


def test_what_a_human_voice_takes_is_said_in_one_line() -> None:
    """The command, and how much it downloads."""
    said = neural.describe_download()
    assert "\n" not in said
    assert "make demo-neural, which downloads about 492 MB of packages and models once" in said
