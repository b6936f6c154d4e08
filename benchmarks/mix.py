"""The mix: how long it takes and how much memory, beside the least that ffmpeg could take.

    python -m benchmarks.mix --minutes 5 60 180

The source is made from recipes: music that is not the same left and right, and a voice in the
middle, AAC in MP4. Ten takes a minute are said by eSpeak NG, MP3 at 24 kHz, a set of them again
and again. For each length, one after the other:

- the floor: one ffmpeg decodes the source and encodes it as AAC at default settings, one more
  decodes all takes. Nothing is mixed, ducked, stretched, limited or measured.
- the mix: from the sound as the asset `audio` keeps it, FLAC, and the takes as they were paid for,
  to the M4A with its loudness and true peak measured, by the real mixer in a process of its own,
  whose memory is watched.

The two are done in turn, again and again, and the fastest of each counts: what others do on the
machine meanwhile belongs to neither. The memory is the most that was seen.

Decoding the source to FLAC is a part of `audio`, done once for all languages of a video, and shown
beside them. The mixer's own start, such as loading codecs, counts as mixing; Python's does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import ffmpeg as graphs
import numpy as np
import psutil
import soundfile
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import command
from benchmarks.command import PROGRESS
from dub_platform.core.mixing import RATE
from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import Part, fit_timeline
from resources.media.sound import decode_sound
from resources.mixer.blocks import BlockMixer
from resources.providers.paid_once import Bill
from resources.voice import recording
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.measuring import at_48_khz
from tests.support.recipes.media import run

TAKES_A_MINUTE = 10
TAKE_RATE = 24_000
LOOP_SECONDS = 60
# Slow enough for a line to be as long as in a talk, 3 to 5 s.
VOICE_WORDS_A_MINUTE = 175
SAMPLE_SECONDS = 0.05
MOST_MINUTES_THRICE = 60
SAID = (
    "My father was a fisherman, and he taught me how to read the wind.",
    "The water is cold, but the people here love the sea.",
    "Today the market is full of fresh fish and bread.",
    "Come back tomorrow, and we will show you the old light house.",
    "Every day, small boats leave this town before the sun comes up.",
)
SAID_AGAIN = (
    "Mi padre era pescador, y me enseñó a leer el viento en las olas.",
    "El agua está fría, pero a la gente de aquí le encanta el mar.",
    "Hoy el mercado está lleno de pescado fresco y de pan.",
    "Vuelve mañana, y te enseñaremos el viejo faro.",
    "Cada día, pequeñas barcas salen de este pueblo antes de que amanezca.",
    "Buenos días, y bienvenidos al puerto.",
    "Nadie sabe cuántos barcos se han perdido en esta costa.",
)


@dataclass(frozen=True)
class Cost:
    """What was measured at one length."""

    minutes: int
    floor_s: float
    audio_s: float
    peak_mb: float
    seconds: float
    lufs: float
    true_peak_db: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.floor_s


def measure_mix(minutes: Sequence[int]) -> list[Cost]:
    """Measure the mix; one row for each length, ascending."""
    with tempfile.TemporaryDirectory(prefix="dub-mix-") as folder:
        material = _Material(Path(folder))
        told = track(sorted(minutes), "lengths", console=PROGRESS)
        return [material.cost(length) for length in told]


class _Material:
    """What is mixed, at any length: a minute of source and a few takes, again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.takes = [_take(folder, number, text) for number, text in enumerate(SAID_AGAIN)]
        self.spans = _write_minute(folder / "minute.wav")
        minute = graphs.input(str(folder / "minute.wav"), stream_loop=4)
        run(minute.output(str(folder / "five.mp4"), acodec="aac", audio_bitrate="160k"))

    def cost(self, minutes: int) -> Cost:
        source = self._source(minutes)
        began = time.monotonic()
        decode_sound(source, seconds=60.0 * minutes, into=self.folder, pictures=False)
        audio = time.monotonic() - began
        job = self.job(minutes)
        turns = [(self._floor(minutes), *_watch(job)) for _ in range(_times(minutes))]
        floors, said, peaks = zip(*turns, strict=True)
        fastest = min(said, key=lambda each: each["seconds"])
        return Cost(minutes, min(floors), audio, peak_mb=max(peaks), **fastest)

    def _source(self, minutes: int) -> Path:
        source = self.folder / "source.mp4"
        loops = -(-minutes // 5) - 1
        five = graphs.input(str(self.folder / "five.mp4"), stream_loop=loops)
        run(five.output(str(source), acodec="copy", t=60 * minutes))
        return source

    def _floor(self, minutes: int) -> float:
        """Seconds of ffmpeg, all of its threads allowed."""
        listed = self.folder / "takes.txt"
        names = [path.name for _, path in self._say(minutes)]
        listed.write_text("".join(f"file '{name}'\n" for name in names))
        source = graphs.input(str(self.folder / "source.mp4"))
        takes = graphs.input(str(listed), format="concat", safe=0)
        began = time.monotonic()
        run(source.output(str(self.folder / "floor.m4a"), acodec="aac", vn=None))
        run(takes.output("-", format="null"))
        return time.monotonic() - began

    def _say(self, minutes: int) -> list[tuple[Take, Path]]:
        return [
            (replace(self.takes[line % len(self.takes)][0], line_id=line), path)
            for line in range(TAKES_A_MINUTE * minutes)
            for path in [self.takes[line % len(self.takes)][1]]
        ]

    def job(self, minutes: int) -> Path:
        """What is to be mixed, in a file for the process that does."""
        job = self.folder / "job.pickle"
        takes = self._say(minutes)
        every = 60.0 / TAKES_A_MINUTE
        parts = [Part(take.line_id, every * take.line_id, take.speech_seconds) for take, _ in takes]
        speech = [
            Span(60.0 * minute + span.start, 60.0 * minute + span.end)
            for minute in range(minutes)
            for span in self.spans
        ]
        timeline = fit_timeline(parts, seconds=60.0 * minutes)
        job.write_bytes(pickle.dumps((self.folder / "sound.flac", takes, timeline, speech)))
        return job


def _times(minutes: int) -> int:
    """How often a length is measured: a long one evens out by itself what is short."""
    return 3 if minutes <= MOST_MINUTES_THRICE else 2


def _write_minute(path: Path) -> list[Span]:
    """Write a minute of music with a voice in it; say where the voice is."""
    time = np.arange(LOOP_SECONDS * RATE) / RATE
    beat = np.exp(-6.0 * (time % 0.5))
    sides = [
        sum(np.sin(2 * np.pi * hertz * note * time) / note for note in (1.0, 1.5, 2.0, 3.01))
        for hertz in (220.0, 277.2)
    ]
    hiss = np.random.default_rng(1).standard_normal((2, len(time)))
    sound = np.stack(
        [0.05 * side + 0.04 * beat * noise for side, noise in zip(sides, hiss, strict=True)]
    )
    spans = []
    for number in range(TAKES_A_MINUTE):
        said = _speak(path.with_suffix(".take.wav"), SAID[number % len(SAID)], "en")
        first = round((LOOP_SECONDS / TAKES_A_MINUTE * number + 0.3) * RATE)
        voice = at_48_khz(said.sound, said.rate)[: 5 * RATE]  # type: ignore[arg-type]
        sound[:, first : first + len(voice)] += 0.5 * voice
        spans.append(Span(first / RATE, (first + len(voice)) / RATE))
    soundfile.write(path, sound.T, RATE, subtype="PCM_16")
    return spans


def _take(folder: Path, number: int, text: str) -> tuple[Take, Path]:
    path = folder / f"take-{number}.mp3"
    said = _speak(folder / "take.wav", text, "es")
    wav = graphs.input(str(folder / "take.wav"))
    run(wav.output(str(path), ar=TAKE_RATE, audio_bitrate="64k"))
    start, end = recording.find_speech_bounds(said.sound, said.rate)
    return Take(number, text, path.name, said.seconds, start, end, len(text)), path


def _speak(path: Path, text: str, language: str) -> recording.Recording:
    EspeakVoice(VOICE_WORDS_A_MINUTE).speak(Reading(text, language), into=path, bill=Bill())
    return recording.decode_recording(path)


def _watch(job: Path) -> tuple[dict[str, float], float]:
    """Run the job in a process; return what it says, and the memory of it and all it starts, in
    megabytes."""
    command = [sys.executable, "-m", "benchmarks.mix", "--job", str(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        peak, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, count_bytes(watched))
            time.sleep(SAMPLE_SECONDS)
        assert process.stdout is not None
        return json.loads(process.stdout.read()), peak / 1e6


def count_bytes(process: psutil.Process) -> int:
    found = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in (process, *process.children(recursive=True)):
            found += each.memory_info().rss
    return found


def _mix(job: Path) -> dict[str, float]:
    """The work of the process that mixes."""
    bed, takes, timeline, speech = pickle.loads(job.read_bytes())  # noqa: S301 - our own
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=job.parent) as into:
        mixed = BlockMixer().mix(bed, takes, timeline, speech, into=Path(into))
        seconds = time.monotonic() - began
    return {"seconds": seconds, **asdict(mixed.loudness)}


def main() -> int:
    """Print the table and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, nargs="+", default=[5, 60, 180])
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        print(json.dumps(_mix(chosen.job)))  # noqa: T201
        return 0
    costs = measure_mix(chosen.minutes)
    _print(costs)
    return 0


def _print(costs: Sequence[Cost]) -> None:
    table = Table("minutes", *(str(cost.minutes) for cost in costs))
    for name in ("floor_s", "seconds", "ratio", "peak_mb", "audio_s", "lufs", "true_peak_db"):
        table.add_row(name, *(f"{getattr(cost, name):.2f}" for cost in costs))
    Console().print(table)
    print(as_json(costs))  # noqa: T201


def as_json(costs: Sequence[Cost]) -> str:
    """The line that machines read: a ratio for each length, and the memory of the longest."""
    figures = {f"ratio_{cost.minutes}": round(cost.ratio, 2) for cost in costs}
    return json.dumps({**figures, f"peak_mb_{costs[-1].minutes}": round(costs[-1].peak_mb)})


if __name__ == "__main__":
    command.run(main)
