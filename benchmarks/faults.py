"""Providers that misbehave: short videos put through the whole pipeline while every fifth request
to the translator and to the voice goes wrong.

    python -m benchmarks.faults --videos 100

The providers are local servers that speak the real wire formats, spoken to by the real SDKs. What
is counted is counted from the servers' own accounts and from the registry, not from the
platform's numbers: videos released, lines synthesised twice although an answer had arrived whole,
and runs that outlived their deadline.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks import command
from dub_platform.core.text.captions import as_srt, make_cues
from dub_platform.registry import DubStatus
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.workshop import Workshop, open_workshop
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_server import Fault as ChatFault
from tests.support.servers.providers.openai_server import OpenAIServer, random_faults
from tests.support.servers.providers.speech_provider import Fault as SpeechFault
from tests.support.servers.providers.speech_provider import Faults

LANGUAGE = "es"
TRY_SECONDS = 3.0
# So many tries' seconds are all that one call may take.
TRIES_IN_A_CALL = 4
# All that a dub does in its calls: a batch of lines, two takes, each with three tries, and Dagster
# tries a failed step twice more.
CALLS_IN_A_RUN = 3 * 3
# An account without credit is a fault that no patience mends.
_PASSING = [fault for fault in ChatFault if fault is not ChatFault.NO_CREDIT]
_SENTENCES = (
    "Every summer, many people come to visit us.",
    "On Sunday morning, the market opens at seven.",
)


@dataclass(frozen=True)
class Outcome:
    """What became of all videos."""

    videos: int
    released: int
    synthesised_twice: int
    over_deadline: int
    seconds: float
    requests: int
    faults: int

    def as_json(self) -> str:
        """The line that machines read."""
        return json.dumps(
            {
                "videos": self.videos,
                "released": self.released,
                "synthesised_twice": self.synthesised_twice,
                "over_deadline": self.over_deadline,
            }
        )


def measure_faults(
    folder: Path, videos: int, *, rate: float, seed: int, try_seconds: float = TRY_SECONDS
) -> Outcome:
    """Put so many videos through the pipeline with this rate of faults."""
    began = time.monotonic()
    clip = short_clip(folder)
    longest = CALLS_IN_A_RUN * TRIES_IN_A_CALL * try_seconds
    with _platform(folder, rate, seed, try_seconds) as (workshop, voice):
        durations = [_dub_one(workshop, folder, clip, number) for number in range(videos)]
        released = sum(duration.released for duration in durations)
        asked = voice.asked()
    return Outcome(
        videos=videos,
        released=released,
        synthesised_twice=_count_synthesised_twice(asked),
        over_deadline=sum(each.seconds > longest for each in durations),
        seconds=time.monotonic() - began,
        requests=len(asked),
        faults=sum(entry["fault"] is not None for entry in asked),
    )


@dataclass(frozen=True)
class _Dub:
    released: bool
    seconds: float


def _dub_one(workshop: Workshop, folder: Path, clip: Path, number: int) -> _Dub:
    """Dub one video of its own words: captions beside the clip say them, so none is known
    before."""
    own = folder / f"clip-{number}.mkv"
    # What stands after the end of a Matroska file is no part of it, but of its content hash.
    own.write_bytes(clip.read_bytes() + f"video {number}".encode())
    video_id = workshop.hand_in(own, LANGUAGE, captions=captions_of(number))
    began = time.monotonic()
    workshop.prepare(video_id, raise_on_error=False)
    workshop.dub(video_id, LANGUAGE, raise_on_error=False)
    status = workshop.registry.dub(video_id, LANGUAGE).status
    return _Dub(status is DubStatus.RELEASED, time.monotonic() - began)


def short_clip(folder: Path) -> Path:
    """Two sentences in seven and a half seconds."""
    return make_golden_clip(folder, [(0.5, _SENTENCES[0]), (4.2, _SENTENCES[1])], 7.5).path


def captions_of(number: int, starts: Sequence[float] = (0.5, 4.2)) -> str:
    """The clip's captions (SRT): a line at each start, with words that no other line has."""
    lines = (_line(number, place) for place in range(len(starts)))
    return as_srt(make_cues((at, at + 2.8, line) for at, line in zip(starts, lines, strict=True)))


def _line(number: int, place: int) -> str:
    # The number comes first: the local translator shortens a line by leaving out its end.
    text = _SENTENCES[place % len(_SENTENCES)]
    return f"In part {number}.{place + 1}, {text[0].lower()}{text[1:]}"


@contextmanager
def _platform(
    folder: Path, rate: float, seed: int, try_seconds: float
) -> Iterator[tuple[Workshop, ElevenLabsServer]]:
    with ExitStack() as running:
        chat = running.enter_context(OpenAIServer(random_faults(seed, rate, _PASSING)))
        faults = Faults.at_random(rate, seed + 1, SpeechFault)
        voice = running.enter_context(ElevenLabsServer(folder / "asked.jsonl", faults))
        engines = paid_engines(chat, voice, try_seconds=try_seconds)
        yield running.enter_context(open_workshop(folder, **engines)), voice


def paid_engines(
    chat: OpenAIServer, voice: ElevenLabsServer, *, try_seconds: float = HANG_SECONDS
) -> dict[str, Any]:
    """The settings of a deployment that pays, with local servers as its providers."""
    return {
        "translator": "openai",
        "voice": "elevenlabs",
        "OPENAI_API_KEY": chat.api_key,
        "OPENAI_BASE_URL": chat.base_url,
        "ELEVENLABS_API_KEY": voice.key,
        "ELEVENLABS_BASE_URL": voice.url,
        "elevenlabs_voices": "default=aVoiceForTheTests000",
        "provider_try_seconds": try_seconds,
        "provider_deadline_seconds": TRIES_IN_A_CALL * try_seconds,
    }


def _count_synthesised_twice(asked: Sequence[Mapping[str, Any]]) -> int:
    """Count lines that were spoken again although a good answer had come whole, by the server's own
    account."""
    whole = Counter(
        entry["text"] for entry in asked if entry["fault"] is None and entry["status"] == 200
    )
    return sum(count - 1 for count in whole.values())


def main() -> int:
    """Run it, print a table for people and a line for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("--videos", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    # Every fault is a line in Dagster's log and in ours, and the table is what is looked for.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="dub-faults-") as folder:
        outcome = measure_faults(Path(folder), chosen.videos, rate=chosen.rate, seed=chosen.seed)
    table = Table("measure", "value")
    for name, value in vars(outcome).items():
        table.add_row(name, f"{value:.1f}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(table)
    console.print(outcome.as_json(), soft_wrap=True, highlight=False)
    return 0


if __name__ == "__main__":
    command.run(main)
