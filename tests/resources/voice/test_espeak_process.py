"""eSpeak NG's process, asked as the voice asks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import espeakng_loader
import pytest

from resources.voice import espeak_process
from resources.voice.espeak import espeak_voices

PLACES = [espeakng_loader.get_library_path(), espeakng_loader.get_data_path()]


def ask(*requests: dict[str, Any], places: list[str] = PLACES) -> list[dict[str, Any]]:
    """The answers of one process to these requests."""
    asked = subprocess.run(
        [sys.executable, "-I", espeak_process.__file__, *places],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in asked.stdout.splitlines()]


def request(path: Path, text: str = "Hola.", voice: str = "es+m3") -> dict[str, Any]:
    """A request line."""
    return {"text": text, "voice": voice, "speed": 165, "path": str(path)}


def test_each_line_has_one_answer(tmp_path: Path) -> None:
    """In order, with the seconds spoken."""
    short, long = ask(request(tmp_path / "1.wav"), request(tmp_path / "2.wav", "Hola. " * 9))
    assert 0.2 < short["seconds"] < 1.5
    assert short["seconds"] * 4 < long["seconds"]


def test_a_refused_line_does_not_end_the_process(tmp_path: Path) -> None:
    """The error is the answer, and the next line is spoken."""
    refused, spoken = ask(request(tmp_path / "1.wav", voice="xx"), request(tmp_path / "2.wav"))
    assert "eSpeak NG refused the voice xx with code 2" == refused["error"]
    assert spoken["seconds"] > 0.2
    assert [tmp_path / "2.wav"] == list(tmp_path.iterdir())


def test_a_crash_takes_one_line_and_not_the_process(tmp_path: Path) -> None:
    """A line that ends its fork is answered, and so is the next."""
    crashed, spoken = ask({"not": "a request"}, request(tmp_path / "2.wav"))
    assert "eSpeak NG crashed" in crashed["error"]
    assert spoken["seconds"] > 0.2


def test_wrong_data_are_said_at_the_start(tmp_path: Path) -> None:
    """A process that cannot start ends with the reason."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        ask(places=[PLACES[0], str(tmp_path)])
    assert f"did not start with the data in {tmp_path}" in failed.value.stderr


@pytest.mark.parametrize(
    ("code", "voice"), [("es", "es"), ("en", "en"), ("no", "nb"), ("fr", "fr"), ("zh", "cmn")]
)
def test_a_language_has_the_voice_that_claims_it_first(code: str, voice: str) -> None:
    """Regional voices do not take the place of the plain one."""
    assert voice == espeak_voices(Path(PLACES[1]))[code]
