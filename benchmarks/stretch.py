"""What is left of speech at other tempos, by our way to change them and by others'.

    python -m benchmarks.stretch --recordings FOLDER

The speech is flite's and eSpeak NG's, made here, and that of a folder of WAV files if there is
one. Each way is asked for tempos of 0.90 to 1.30; `tests.support.likeness` says what is measured.
Besides: how far speech that went to 1.2 and back is from where it began, what a recogniser makes
wrong of it, and what it costs, as a ratio to ffmpeg's atempo in the same run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.stretchers import ATEMPO, Sound, Stretcher, list_installed
from dub_platform.core.speech import Span
from resources.providers.paid_once import Bill
from resources.transcriber.pocketsphinx import PocketsphinxTranscriber
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.likeness import Likeness, likeness, spectral_distance_db
from tests.support.recipes.speech import (
    BOATS,
    FISHERMAN,
    HARBOR,
    MARKET,
    count_wrong_words,
    plain_words,
    say,
    write_wav,
)
from tests.support.recipes.speech import RATE as FLITE_RATE

TEMPOS = (0.90, 0.95, 1.05, 1.10, 1.15, 1.20, 1.30)
THERE = 1.20
# What a recogniser hears is compared where it is hardest.
HEARD_TEMPO = 1.30
VOICES, SENTENCES = ("awb", "slt"), (HARBOR, FISHERMAN, MARKET, BOATS)
FOREIGN = {
    "es": "Mi padre era pescador y me enseñó a leer el viento.",
    "de": "Jeden Tag verlassen kleine Boote diese Stadt, bevor die Sonne aufgeht.",
    "pl": "Każdego dnia małe łodzie opuszczają to miasto przed wschodem słońca.",
}
PAUSE_SECONDS = 0.4
LONG_SECONDS = 60


@dataclass(frozen=True)
class Speech:
    """Mono speech at its rate."""

    sound: Sound
    rate: int


@dataclass(frozen=True)
class Result:
    """One stretcher's figures: means over all speech and tempos, lengths and delays at worst."""

    name: str
    length_ms: float
    delay_ms: float
    wander_ms: float
    pitch_median_cents: float
    pitch_p95_cents: float
    mcd_db: float
    onsets_kept: float
    onsets_false: float
    harmonicity_db: float
    step: float
    there_and_back_db: float
    word_errors: float
    cpu_ratio: float
    memory_mb: float


def speeches(folder: Path, recordings: Path | None) -> Iterator[Speech]:
    """By flite in English, by eSpeak NG in other languages, and what was recorded elsewhere."""
    for voice in VOICES:
        said = say(f"{FISHERMAN} {BOATS}", voice)
        yield Speech(said.astype(np.float32), FLITE_RATE)
    espeak = EspeakVoice()
    for number, (language, text) in enumerate(FOREIGN.items(), 1):
        path = folder / f"{language}.wav"
        espeak.speak(Reading(text, language, str(number)), into=path, bill=Bill())
        yield Speech(*soundfile.read(path, dtype="float32"))
    espeak.close()
    for path in sorted(recordings.glob("*.wav")) if recordings else ():
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        yield Speech(sound.mean(axis=1), rate)


def measure_stretcher(stretcher: Stretcher, spoken: Sequence[Speech], folder: Path) -> Result:
    """Measure everything of a stretcher but what is relative to others."""
    found, back, cpu = [], [], 0.0
    for speech in spoken:
        stretcher.stretch(speech.sound, speech.rate, TEMPOS[0])
        for tempo in TEMPOS:
            began = time.process_time()
            made = stretcher.stretch(speech.sound, speech.rate, tempo)
            cpu += time.process_time() - began
            found.append(likeness(speech.sound, made, rate=speech.rate, tempo=tempo))
        there = stretcher.stretch(speech.sound, speech.rate, THERE)
        again = stretcher.stretch(there, speech.rate, 1 / THERE)
        back.append(spectral_distance_db(speech.sound, again, speech.rate))
    seconds = sum(len(speech.sound) / speech.rate for speech in spoken) * len(TEMPOS)
    return Result(
        name=stretcher.name,
        **_summary(found),
        there_and_back_db=statistics.mean(back),
        word_errors=_word_errors(stretcher, HEARD_TEMPO, folder),
        cpu_ratio=cpu / seconds,
        memory_mb=_memory_mb(stretcher),
    )


def _summary(found: Sequence[Likeness]) -> dict[str, float]:
    each = {name: [asdict(one)[name] for one in found] for name in asdict(found[0])}
    worst = {name: max(map(abs, each[name])) for name in ("length_ms", "delay_ms", "step")}
    return {name: statistics.mean(values) for name, values in each.items()} | worst


def _word_errors(stretcher: Stretcher, tempo: float, folder: Path) -> float:
    """Words that pocketsphinx gets wrong, for each that was said."""
    path, spans, texts = folder / "said.wav", [], []
    sound = np.zeros(0)
    for voice in VOICES:
        for text in SENTENCES:
            said = stretcher.stretch(say(text, voice).astype(np.float32), FLITE_RATE, tempo)
            pause = np.zeros(round(PAUSE_SECONDS * FLITE_RATE))
            start = len(sound) + len(pause) / 2
            sound = np.concatenate([sound, pause, said, pause])
            spans.append(Span(start / FLITE_RATE, (len(sound) - len(pause) / 2) / FLITE_RATE))
            texts.append(text)
    write_wav(path, sound)
    heard = PocketsphinxTranscriber().transcribe(path, spans, "en")
    words = plain_words(" ".join(word.text for segment in heard.segments for word in segment.words))
    expected = plain_words(" ".join(texts))
    return count_wrong_words(expected, words) / len(expected)


def _memory_mb(stretcher: Stretcher) -> float:
    """What a minute of speech adds to the peak of a process that has its library loaded."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_growth_mb, (stretcher,))


def _growth_mb(stretcher: Stretcher) -> float:
    sound = np.random.default_rng(1).standard_normal(LONG_SECONDS * 24_000).astype(np.float32) / 9
    stretcher.stretch(sound[:24_000], 24_000, THERE)  # type: ignore[arg-type]
    # The peak so far was that of the imports: it is forgotten, and memory is at its own again.
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_mb()
    stretcher.stretch(sound, 24_000, THERE)  # type: ignore[arg-type]
    return _peak_mb() - before


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _relative(results: Sequence[Result]) -> Iterator[Result]:
    atempo = next(result.cpu_ratio for result in results if result.name == ATEMPO.name)
    for result in results:
        yield Result(**{**asdict(result), "cpu_ratio": result.cpu_ratio / atempo})


def main() -> int:
    """Compare them, print a table for people and a line for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stretch")
    parser.add_argument("--recordings", type=Path, help="a folder of WAV files of speech")
    chosen = parser.parse_args()
    stretchers = list(list_installed())
    with tempfile.TemporaryDirectory(prefix="dub-stretch-") as name:
        folder = Path(name)
        spoken = list(speeches(folder, chosen.recordings))
        progress = track(stretchers, "ways to stretch", console=PROGRESS)
        results = list(_relative([measure_stretcher(each, spoken, folder) for each in progress]))
    _print(stretchers, results)
    return 0


def _print(stretchers: Sequence[Stretcher], results: Sequence[Result]) -> None:
    console = Console()
    table = Table("", *(result.name for result in results))
    table.add_row("from", *(each.version for each in stretchers))
    table.add_row("licence", *(each.licence for each in stretchers))
    for name in list(asdict(results[0]))[1:]:
        table.add_row(name, *(f"{asdict(result)[name]:.2f}" for result in results))
    console.print(table)
    console.print(as_json(results), soft_wrap=True, highlight=False)


def as_json(results: Sequence[Result]) -> str:
    """The line that machines read: the figures of each by its name."""
    lines: Mapping[str, Mapping[str, float]] = {
        result.name: {name: round(value, 3) for name, value in list(asdict(result).items())[1:]}
        for result in results
    }
    return json.dumps(lines)


if __name__ == "__main__":
    command.run(main)
