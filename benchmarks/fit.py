"""The timeline against the greedy placement that others use, on takes as they were recorded.

    python -m benchmarks.fit                 # measure
    python -m benchmarks.fit --record        # make benchmarks/fit.json anew

What is recorded are pairs of a slot and a take: sentences as flite's voice says them, and the same
as Apertium translates and eSpeak NG's voices say them. A video is drawn from the pairs with a fixed
seed: its lines follow each other with the sample's pauses, whole (calm) or a fifth of them (dense).

Greedy is: at the onset or after the take before, whichever is later, as fast as the slot and the
silence after it ask for, up to a cap. What does not fit at the cap is shifted, or cut where it is
the kind that cuts.

Lines with pauses are drawn too, each of one to three of the pairs at three fifths of their length.
Six takes of seven rest where a phrase ends, as eSpeak NG does at a comma.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.command import PROGRESS, run
from dub_platform.core.speech import Line, Span, Transcript
from dub_platform.core.timeline import (
    EARLIEST_SECONDS,
    FASTEST,
    GAP_SECONDS,
    LATEST_SECONDS,
    Part,
    Placement,
    Timeline,
    fit_timeline,
)
from dub_platform.core.timing.fitting import NO_RESTS, parts_of

RECORDED = Path(__file__).with_name("fit.json")
LANGUAGES = ("ca", "eo", "es", "gl")
SPEAKERS = ("1", "2", "3")
SEED = 6
DENSITIES = {"calm": 1.0, "dense": 0.2}
LOAN_SECONDS = 1.0
NOTICED_TEMPO = 1.205
PHRASE_SHARE, REST_SECONDS, REST_SHARE = 0.6, 0.17, 6 / 7
PAUSE_SECONDS = (0.3, 0.8)
# How far from its place a pause may end, as in resources/listening/pauses.py.
OFF_SECONDS = 0.3
SIZES = (30, 300, 3000)


@dataclass(frozen=True)
class Pair:
    """How long a sentence took in the original, and as a take; both in seconds."""

    slot: float
    take: float
    words: int


@dataclass(frozen=True)
class Result:
    """What became of a video's takes, with shares of all its lines and of all its words.

    `out_of_step` is further off than viewers accept, `fast` is where fast speech is noticed.
    """

    onset_p95_ms: float
    onset_max_ms: float
    out_of_step: float
    tempo_p95: float
    fast: float
    overlaps: int
    words_cut: float
    overrun_seconds: float
    solve_ms: float
    pauses_in_place: float | None


@dataclass(frozen=True)
class Video:
    """Takes to place, with the words in each, and where pauses end within their lines."""

    parts: Sequence[Part]
    words: Sequence[int]
    seconds: float
    pauses: Sequence[float] = ()


@dataclass(frozen=True)
class Placed:
    """A timeline, and the share of each take that was cut off."""

    timeline: Timeline
    cut: Sequence[float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="make the recorded pairs anew")
    if parser.parse_args().record:
        told = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(x)}" for name, x in record_pairs().items()
        )
        RECORDED.write_text(f"{{{told}}}\n", "utf-8")
        return 0
    results = {
        f"{name} {density} {size}": measure_way(place, draw_video(size, share))
        for size in track(SIZES, "videos by their lines", console=PROGRESS)
        for density, share in DENSITIES.items()
        for name, place in WAYS.items()
    }
    results |= {
        f"{name} {density} {size}": measure_way(solve, draw_breathing(size, share, parted=parted))
        for size in SIZES
        for density, share in DENSITIES.items()
        for name, parted in (("whole takes", False), ("takes in parts", True))
    }
    Console().print(_table(results))
    print(json.dumps({name: vars(result) for name, result in results.items()}))  # noqa: T201
    return 0


def draw_video(lines: int, share: float) -> Video:
    """Draw a video of so many lines, each a recorded pair after a share of a pause of the
    sample's."""
    kept = json.loads(RECORDED.read_text("utf-8"))
    pairs, pauses = [Pair(*pair) for pair in kept["pairs"]], kept["pauses"]
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    parts, words, at = [], [], share * chance.choice(pauses)
    for number in range(lines):
        pair = chance.choice(pairs)
        end = at + pair.slot
        parts.append(Part(number, at, pair.take, end + LOAN_SECONDS))
        words.append(pair.words)
        at = end + share * chance.choice(pauses)
    return Video(parts, words, at)


def draw_breathing(lines: int, share: float, *, parted: bool) -> Video:
    """A video whose lines hold pauses, and takes to be placed whole or in parts."""
    kept = json.loads(RECORDED.read_text("utf-8"))
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    drawn_lines, at = [], 0.0
    lengths, rests = dict[int, float](), dict[int, Any]()
    for number in range(lines):
        phrases = [chance.choice(kept["pairs"]) for _ in range(chance.choice((1, 1, 2, 2, 3)))]
        end, take, pauses, rests[number] = at, 0.0, [], []
        for left, (slot, seconds, _) in zip(range(len(phrases))[::-1], phrases, strict=True):
            end, take = end + PHRASE_SHARE * slot, take + PHRASE_SHARE * seconds
            if left:
                pauses.append(Span(end, end + chance.uniform(*PAUSE_SECONDS)))
                end = pauses[-1].end
            if left and chance.random() < REST_SHARE:
                rests[number].append(Span(take, take + REST_SECONDS))
                take += REST_SECONDS
        drawn_lines.append(Line(number, at, end, "", pauses=tuple(pauses)))
        lengths[number] = take
        at = end + share * chance.choice(kept["pauses"])
    parts = parts_of(drawn_lines, lengths, rests=rests if parted else NO_RESTS)
    ends = [pause.end for line in drawn_lines for pause in line.pauses]
    return Video(parts, [1] * len(parts), at, ends)


def solve(video: Video) -> Placed:
    """Place takes as the platform does."""
    return Placed(fit_timeline(video.parts, seconds=video.seconds), [0.0] * len(video.parts))


def greedy(video: Video, *, cap: float, cuts: bool) -> Placed:
    """One take after the other, as others place them; at the cap it is shifted, or cut."""
    placements, shares, free = [], [], 0.0
    borders = [*(part.onset for part in video.parts[1:]), video.seconds]
    for part, border in zip(video.parts, borders, strict=True):
        start = max(part.onset, free)
        room = max(border - GAP_SECONDS - start, 0.1)
        tempo = min(cap, max(1.0, part.seconds / room))
        sounding = min(part.seconds / tempo, room) if cuts else part.seconds / tempo
        shares.append(max(0.0, 1.0 - sounding * tempo / part.seconds))
        placements.append(Placement(part.line_id, start, sounding, tempo, start - part.onset))
        free = placements[-1].end + GAP_SECONDS
    return Placed(Timeline(video.seconds, tuple(placements)), shares)


def overlaid(video: Video, *, cap: float) -> Placed:
    """Every take on its onset, as fast as its slot asks for up to the cap, whatever sounds then."""
    borders = [*(part.onset for part in video.parts[1:]), video.seconds]
    placements = []
    for part, border in zip(video.parts, borders, strict=True):
        tempo = min(cap, max(1.0, part.seconds / (border - part.onset)))
        placements.append(Placement(part.line_id, part.onset, part.seconds / tempo, tempo))
    return Placed(Timeline(video.seconds, tuple(placements)), [0.0] * len(placements))


WAYS: dict[str, Callable[[Video], Placed]] = {
    "timeline": solve,
    "greedy, shifts": lambda video: greedy(video, cap=FASTEST, cuts=False),
    "greedy, cuts": lambda video: greedy(video, cap=FASTEST, cuts=True),
    "overlaid": lambda video: overlaid(video, cap=FASTEST),
}


def measure_way(place: Callable[[Video], Placed], video: Video) -> Result:
    """Measure what a way of placing makes of a video; CPU time is the median of three."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        placed = place(video)
        seconds.append(time.process_time() - began)
    places = placed.timeline.placements
    words = zip(placed.cut, video.words, strict=True)
    return Result(
        onset_p95_ms=1000 * placed.timeline.onset_p95,
        onset_max_ms=1000 * max(abs(each.onset_error) for each in places),
        out_of_step=_share(
            not EARLIEST_SECONDS <= each.onset_error <= LATEST_SECONDS for each in places
        ),
        tempo_p95=placed.timeline.tempo_p95,
        fast=_share(each.tempo > NOTICED_TEMPO for each in places),
        overlaps=len(placed.timeline.overlaps()),
        words_cut=sum(share * count for share, count in words) / sum(video.words),
        overrun_seconds=placed.timeline.overrun,
        solve_ms=1000 * statistics.median(seconds),
        pauses_in_place=_count_in_place(places, video.pauses) if video.pauses else None,
    )


def _count_in_place(places: Sequence[Placement], pauses: Sequence[float]) -> float:
    """The share of pauses after which a take goes on where its line does."""
    begun = [part.start for place in places for part in place.parts[1:]]
    return _share(any(abs(start - end) <= OFF_SECONDS for start in begun) for end in pauses)


def _share(found: Iterable[bool]) -> float:
    return statistics.fmean(found)


def _table(results: dict[str, Result]) -> Table:
    table = Table("way, lines", "onset p95", "max", "out of step", "tempo p95", "over 1.2")
    for name in ("overlaps", "cut", "CPU", "pauses in place"):
        table.add_column(name)
    for name, result in results.items():
        table.add_row(
            name,
            f"{result.onset_p95_ms:.0f} ms",
            f"{result.onset_max_ms:.0f} ms",
            f"{result.out_of_step:.1%}",
            f"{result.tempo_p95:.3f}",
            f"{result.fast:.1%}",
            str(result.overlaps),
            f"{result.words_cut:.2%}",
            f"{result.solve_ms:.1f} ms",
            "-" if result.pauses_in_place is None else f"{result.pauses_in_place:.1%}",
        )
    return table


def record_pairs() -> dict[str, Any]:
    """Record the pairs by flite, Apertium and eSpeak NG as they are installed here."""
    # The engines are for recording alone.
    from resources.translator.apertium import ApertiumTranslator
    from resources.voice.espeak import EspeakVoice

    translator, voice = ApertiumTranslator(), EspeakVoice()
    lines = tuple(Line(number, 0.0, 1.0, text) for number, text in enumerate(_sentences()))
    transcript = Transcript("en", "recipe", lines)
    slots = [_original_seconds(line.text) for line in lines]
    pairs = []
    for language, speaker in track(
        list(itertools.product(LANGUAGES, SPEAKERS)), "voices", console=PROGRESS
    ):
        texts = [line.text for line in translator.translate(transcript, language).lines]
        lengths = _take_seconds(voice, texts, language, speaker)
        pairs += [
            (round(slot, 3), round(seconds, 3), len(text.split()))
            for slot, seconds, text in zip(slots, lengths, texts, strict=True)
        ]
    translator.close()
    voice.close()
    made_by = f"{translator.engine}, {voice.engine}, flite: python -m benchmarks.fit --record"
    return {
        "recorded_by": made_by,
        "pauses": _pauses(),
        "pair": "slot s, take s, words of the take",
        "pairs": pairs,
    }


def _sentences() -> list[str]:
    from examples.sample.make_sample import SENTENCES
    from tests.support.recipes import speech as speech_recipes

    recipes = [text for name, text in vars(speech_recipes).items() if name.isupper()]
    return [text for _, text in SENTENCES] + [text for text in recipes if isinstance(text, str)]


def _pauses() -> list[float]:
    """The sample's, from the end of a sentence to the start of the next one, in seconds."""
    from examples.sample.make_sample import SENTENCES

    return [
        round(following - start - _original_seconds(text), 3)
        for (start, text), (following, _) in itertools.pairwise(SENTENCES)
    ]


def _original_seconds(text: str) -> float:
    from tests.support.recipes.speech import RATE, say

    return len(say(text)) / RATE


def _take_seconds(voice: Any, texts: Sequence[str], language: str, speaker: str) -> Iterator[float]:
    from resources.providers.paid_once import Bill
    from resources.voice.port import Reading
    from resources.voice.recording import decode_recording, find_speech

    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "take.wav"
        for text in texts:
            voice.speak(Reading(text, language, speaker), into=wav, bill=Bill())
            start, end = find_speech(decode_recording(wav), text)
            yield end - start


if __name__ == "__main__":
    run(main)
