"""From settings to engines: what one of them is told, the others are told too."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import pytest

from dub_platform import wiring
from dub_platform.core.errors import EngineUnavailableError
from dub_platform.settings import Settings
from resources.media import ffmpeg
from resources.mixer.blocks import BlockMixer
from resources.voice.port import Reading
from tests.support.recipes.media import make_sound, tone
from tests.support.recipes.voice_models import install_kokoro, install_piper

KEYS = {
    "OPENAI_API_KEY": "sk-1",
    "ELEVENLABS_API_KEY": "el-1",
    "elevenlabs_voices": "default=aVoiceForTests000001",
}


@pytest.mark.parametrize(
    ("chosen", "usd"),
    [
        ({"voice": "espeak"}, 0.0),
        ({"voice": "elevenlabs"}, 0.10),
        ({"voice": "elevenlabs", "elevenlabs_model": "eleven_flash_v2_5"}, 0.05),
        ({"voice": "openai"}, 0.02),
        ({"voice": "openai", "price_speech_per_thousand_characters_usd": 0.5}, 0.5),
        ({"voice": "openai", "price_speech_per_thousand_characters_usd": 0.0}, 0.0),
    ],
    ids=["free", "ElevenLabs", "ElevenLabs' fast model", "OpenAI", "set", "set to nothing"],
)
def test_an_estimate_takes_the_price_that_the_voice_is_booked_at(
    tmp_path: Path, chosen: dict[str, str | float], usd: float
) -> None:
    """The engine's own where none is set."""
    settings = Settings(home=tmp_path, **KEYS, **chosen)  # type: ignore[arg-type]
    assert pytest.approx(usd) == wiring.prices(settings).speech_per_thousand_characters
    assert pytest.approx(usd / 1000) == wiring.voice(settings).cost_usd("a")


@pytest.mark.parametrize(
    ("original", "removes_voice", "depth_db", "is_heard"),
    [("duck", False, 26.0, True), ("remove", True, 3.0, True), ("voice", False, 26.0, False)],
)
def test_what_becomes_of_the_original_is_one_choice(
    tmp_path: Path,
    original: Literal["duck", "remove", "voice"],
    removes_voice: bool,
    depth_db: float,
    is_heard: bool,
) -> None:
    """Separator and mixer follow it: without a voice, music makes room as it does beside one."""
    model = tmp_path / "model.th"
    model.touch()
    settings = Settings(home=tmp_path, original=original, demucs_model=str(model))
    mixer = wiring.mixer(settings)
    assert isinstance(mixer, BlockMixer)
    assert removes_voice == wiring.separator(settings).removes_voice
    assert (depth_db, is_heard) == (mixer.ducking.depth_db, mixer.original)


def test_a_separator_that_is_not_installed_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the first dub."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    settings = Settings(home=tmp_path, original="remove")
    with pytest.raises(EngineUnavailableError, match=r"DUB_ORIGINAL.*install.sh.*\[separate\]"):
        wiring.beds(settings, wiring.store(settings))


@pytest.fixture
def unchosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process chose before is chosen after the test again."""
    monkeypatch.setattr(ffmpeg._choice, "program", None)


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """An ffmpeg that notes in ffmpeg.log that it was started, then works as the wheel's does."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    real = shlex.quote(str(ffmpeg.find_in_wheel()))
    program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/ffmpeg.log\nexec {real} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.usefixtures("unchosen")
def test_a_broken_ffmpeg_that_is_first_on_path_is_not_run(
    tmp_path: Path, noted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that the wheel's package is told of: what the tests run is what runs."""
    noted.write_text(noted.read_text().replace("exec", "exit 1\n"))
    monkeypatch.setenv("PATH", str(noted.parent), prepend=":")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(noted))
    wiring.ffmpeg(Settings(home=tmp_path))
    sound = make_sound(tmp_path / "sound.wav", tone(440, 1.0))
    assert pytest.approx(1.0) == ffmpeg.measure(sound).seconds
    assert not (tmp_path / "ffmpeg.log").exists()


@pytest.mark.usefixtures("unchosen")
def test_the_ffmpeg_that_is_named_does_all_work(tmp_path: Path, noted: Path) -> None:
    """It is asked what it has, and then it works."""
    wiring.ffmpeg(Settings(home=tmp_path, ffmpeg=noted))
    sound = make_sound(tmp_path / "sound.wav", tone(440, 1.0))
    assert pytest.approx(1.0) == ffmpeg.measure(sound).seconds
    started = (tmp_path / "ffmpeg.log").read_text()
    assert "-hide_banner -filters" in started
    assert "volumedetect" in started.splitlines()[-1]


@pytest.mark.usefixtures("unchosen")
def test_an_ffmpeg_that_lacks_something_stops_the_start(tmp_path: Path, noted: Path) -> None:
    """And not the first video."""
    noted.write_text(noted.read_text().rstrip().replace("exec ", "") + " | grep -v libx264\n")
    with pytest.raises(EngineUnavailableError, match=r"lacks .* encoder libx264\. .* DUB_FFMPEG"):
        wiring.ffmpeg(Settings(home=tmp_path, ffmpeg=noted))


@pytest.mark.usefixtures("unchosen")
def test_a_wheel_without_an_ffmpeg_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are machines that the package has none for."""
    monkeypatch.setattr(ffmpeg, "files", lambda package: tmp_path)
    with pytest.raises(EngineUnavailableError, match="Install one and name it with DUB_FFMPEG"):
        wiring.ffmpeg(Settings(home=tmp_path))


class TestLocalVoices:
    """DUB_VOICE=kokoro and piper, with what is in DUB_MODELS_DIR."""

    def test_each_language_has_the_best_voice_that_is_here(self, tmp_path: Path) -> None:
        """Kokoro before Piper before eSpeak NG, and what is spoken with is named."""
        install_kokoro(tmp_path, ["ef_dora", "em_alex"])
        install_piper(tmp_path, "pl_PL-tiny", "pl")
        voice = wiring.voice(Settings(voice="kokoro", models_dir=tmp_path))
        engines = [voice.engine_for(code).partition(" ")[0] for code in ("es", "pl", "hu")]
        assert ["kokoro/tiny", "piper/pl_PL-tiny", "espeak-ng"] == engines
        only = wiring.voice(Settings(voice="piper", models_dir=tmp_path))
        assert ["espeak-ng", "piper/pl_PL-tiny"] == [
            only.engine_for(code).partition(" ")[0] for code in ("es", "pl")
        ]

    def test_a_region_is_spoken_by_a_voice_of_its_own_first(self, tmp_path: Path) -> None:
        """Britain's English by a British voice, and who was cast for English speaks it too."""
        install_kokoro(tmp_path, ["af_heart", "bf_emma"])
        settings = Settings(voice="kokoro", models_dir=tmp_path)
        voice = wiring.voice(settings)
        tags = ("en", "en-US", "en-GB")
        spoken = [voice.shape(Reading("Hello.", tag))["voice"] for tag in tags]
        assert ["af_heart", "af_heart", "bf_emma"] == spoken
        cast = settings.model_copy(update={"kokoro_voices": "en=af_heart"})
        assert "af_heart" == wiring.voice(cast).shape(Reading("Hello.", "en-GB"))["voice"]

    @pytest.mark.parametrize("kind", ["kokoro", "piper"])
    def test_a_voice_without_its_model_says_how_to_get_it(
        self, tmp_path: Path, kind: Literal["kokoro", "piper"]
    ) -> None:
        """When a server starts; nothing is spoken by a robot instead."""
        with pytest.raises(EngineUnavailableError, match=rf"MB\).*dub-admin models get {kind}/"):
            wiring.voice(Settings(voice=kind, models_dir=tmp_path))

    def test_a_voice_that_is_named_and_not_here_is_refused(self, tmp_path: Path) -> None:
        """Also one of Piper's where Kokoro speaks first."""
        install_kokoro(tmp_path, ["ef_dora"])
        for named in ({"kokoro_voices": "es=em_alex"}, {"piper_voices": "pl:1=pl_PL-tiny"}):
            settings = Settings(voice="kokoro", models_dir=tmp_path, **named)  # type: ignore[arg-type]
            with pytest.raises(EngineUnavailableError, match="has no voice called"):
                wiring.voice(settings)
