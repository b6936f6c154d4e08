"""The benchmark of engines on this machine: its line, its watched processes, its second Whisper."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.converted import convert
from benchmarks.local import as_json, watch
from resources.media.vad import SileroSpeechFinder
from resources.transcriber.faster_whisper import FasterWhisperTranscriber
from resources.transcriber.whisper import WhisperTranscriber
from tests.support import weights
from tests.support.recipes.speech import count_wrong_words, plain_words
from tests.support.recordings import bring_telephone


def test_the_line_has_the_figures_of_the_neural_demo_and_what_grows() -> None:
    """Two dubs at once have twice the memory, which is not that of a run."""
    line = as_json(
        {
            "listen faster-whisper": {"rtf": 0.2, "cpu_rtf": 0.3, "wer": 0.15, "peak_mb": 490.0},
            "listen pocketsphinx": {"rtf": 1.0, "cpu_rtf": 1.4, "wer": 0.88, "peak_mb": 220.0},
            "translate bergamot": {"lines_per_s": 30.0, "cpu_lines_per_s": 50.0, "peak_mb": 160.0},
            "speak kokoro pt": {"rtf": 0.7, "cpu_rtf": 1.2, "wer": 0.031234, "peak_mb": 400.0},
            "dub of the sample": {"seconds": 28.0, "peak_mb": 900.0},
            "dub, by itself": {"seconds": 30.0, "peak_mb": 910.0},
            "dub, two at once": {"seconds": 50.0, "peak_mb": 1800.0},
            "dub of 5 min": {"seconds": 100.0, "peak_mb": 950.0},
            "dub of 60 min": {"seconds": 1000.0, "peak_mb": 960.0},
        }
    )
    assert {
        "asr_rtf": 0.2,
        "asr_cpu_rtf": 0.3,
        "asr_wer": 0.15,
        "mt_lines_per_s": 30.0,
        "mt_cpu_lines_per_s": 50.0,
        "tts_rtf": 0.7,
        "tts_cpu_rtf": 1.2,
        "tts_wer": 0.031,
        "neural_demo_s": 28.0,
        "two_in_turn_s": 60.0,
        "two_at_once_s": 50.0,
        "peak_mb_5": 950.0,
        "peak_mb_60": 960.0,
        "peak_mb": 960.0,
    } == json.loads(line)


@pytest.mark.long
def test_a_piece_of_work_is_done_in_a_process_that_is_watched(tmp_path: Path) -> None:
    """Its speed is that of what it did, and its memory that of a Python with numpy at least."""
    job = {
        "work": "translate",
        "home": str(tmp_path),
        "settings": {"translator": "apertium"},
        "language": "es",
    }
    said, peak = watch(json.dumps(job))
    assert min(said.values()) > 0.0
    assert peak > 30.0


@pytest.mark.long
@pytest.mark.xdist_group("weights")
def test_both_whispers_hear_the_same_with_the_same_weights(tmp_path: Path) -> None:
    """So what differs in the table is the engine."""
    base = weights.bring("whisper/base").find("whisper", "base")
    telephone = bring_telephone()
    speech = SileroSpeechFinder().find(telephone.path)[1:2]
    checkpoint = convert(base.folder, tmp_path / "base.pt")
    one, other = (
        plain_words(" ".join(word.text for each in heard.segments for word in each.words))
        for heard in (
            engine.transcribe(telephone.path, speech, "en")
            for engine in (
                FasterWhisperTranscriber(base.folder, base.engine, threads=1),
                WhisperTranscriber(str(checkpoint), threads=1),
            )
        )
    )
    assert one
    assert count_wrong_words(one, other) <= 1
