"""The recogniser's process, asked as the transcriber asks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resources.transcriber import sphinx_process
from resources.transcriber.sphinx_process import spell
from tests.support.recipes.speech import FISHERMAN, make_speech


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("read(2)", "read"),
        ("i", "I"),
        ("i'm", "I'm"),
        ("it's", "it's"),
        ("i(3)", "I"),
        ("ice", "ice"),
    ],
)
def test_words_are_spelled_as_they_are_written(word: str, written: str) -> None:
    """The dictionary's pronunciation numbers go, and the first person is a capital."""
    assert written == spell(word)


def test_times_are_the_recordings_and_fillers_are_left_out(tmp_path: Path) -> None:
    """A span in mid-recording gives words at their place in it, without silence marks."""
    audio = tmp_path / "speech.wav"
    (spoken,) = make_speech(audio, [(2.0, FISHERMAN)], seconds=7.0)
    request = json.dumps({"start": 1.5, "end": spoken.end + 0.5})
    asked = subprocess.run(
        [sys.executable, "-I", sphinx_process.__file__, audio],
        input=request + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    words = json.loads(asked.stdout)["words"]
    assert "" == asked.stderr
    assert pytest.approx(spoken.start, abs=0.06) == words[0][1]
    assert pytest.approx(spoken.end, abs=0.12) == words[-1][2]
    assert [] == [text for text, *_ in words if not text.replace("'", "").isalpha()]
