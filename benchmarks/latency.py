"""Where the time of a video goes, from POST to released: on one machine, and in production.

    python -m benchmarks.latency --clips 12 --burst 100
    python -m benchmarks.latency --one-machine              # the embedded platform alone

The embedded platform is measured by `one_machine.py`. In production, first one-minute clips are
handed in one after another, with nothing else to do: what the platform adds to the work itself is
its overhead. Then so many are handed in at once, while the providers' local servers take as long
as the real ones: how long each takes from the start of its work to its release, the wait for a
worker told apart. All times are Dagster's own, from its event log, and the client's clock at the
POST and at the release.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table
from sqlalchemy import text

from benchmarks import command
from benchmarks.chaos import engine_of
from benchmarks.command import PROGRESS
from benchmarks.faults import captions_of
from benchmarks.one_machine import OneMachine, measure_machine
from benchmarks.timing import Run
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.cluster import Cluster, cluster
from tests.support.rig.cluster.providers import local_providers

LANGUAGE, JOBS = "es", ("prepare_video", "dub_video")
SECONDS = 60.0
SENTENCES = (
    "Every summer, many people come to visit us.",
    "On Sunday morning, the market opens at seven.",
)
# Twelve lines in the minute.
STARTS = tuple(2.0 + 4.8 * place for place in range(12))
# What OpenAI takes for a batch of lines, and ElevenLabs for a line, at the median.
TRANSLATION_SECONDS, SPEECH_SECONDS = 4.0, 1.0
PAUSE_SECONDS = 0.1
# Who asks ten times a second is refused else.
ASKED: Mapping[str, str] = {"rate_limits": "off"}
# Clips on the embedded platform, one after the other.
ALONE = 7
# Of each queue, one for a core: what waits in a queue is not yet work, what shares a core is slow.
WORKERS = 2
_EVENTS = text(
    "SELECT e.run_id, e.dagster_event_type AS kind, e.step_key, "
    "extract(epoch FROM e.timestamp AT TIME ZONE 'UTC') AS moment "
    "FROM event_logs e JOIN run_tags t ON t.run_id = e.run_id "
    "WHERE t.key = '.dagster/dub.video' AND t.value = :video AND e.dagster_event_type IN "
    "('PIPELINE_ENQUEUED', 'PIPELINE_START', 'STEP_START', 'STEP_SUCCESS', 'PIPELINE_SUCCESS') "
    "ORDER BY e.id"
)
_STATES = text("SELECT video_id, status FROM dubs WHERE status IN ('released', 'failed')")


@dataclass(frozen=True)
class Parts:
    """Seconds of one video; the four after the total are the platform's own."""

    total: float
    request_wait: float
    queue_wait: float
    start: float
    between_steps: float
    steps: float
    publish: float

    @property
    def overhead(self) -> float:
        """What is not work on the video."""
        return self.total - self.steps


def parts_of(running: Cluster, video_id: str, posted: float, released: float) -> Parts:
    """Where the seconds between these two moments went."""
    runs = prepare, dub = _runs(running, video_id, released)
    steps = sum(sum(run.steps.values()) for run in runs)
    return Parts(
        total=released - posted,
        request_wait=(prepare.requested - posted) + (dub.requested - prepare.ended),
        queue_wait=sum(run.taken - run.requested for run in runs),
        start=sum(run.began - run.taken for run in runs),
        between_steps=sum(run.ended - run.began - sum(run.steps.values()) for run in runs),
        steps=steps,
        publish=dub.steps["r2_object"],
    )


def _runs(running: Cluster, video_id: str, released: float) -> tuple[Run, Run]:
    """Its preparation and its dub, once Dagster has written that both ended well."""
    ended: list[list[tuple[str, str | None, float]]] = []
    while len(ended) < len(JOBS):
        events: dict[str, list[tuple[str, str | None, float]]] = {}
        with engine_of(running, "dagster").connect() as connection:
            for row in connection.execute(_EVENTS, {"video": video_id}):
                known = events.setdefault(row.run_id, [])
                known.append((row.kind, row.step_key, float(row.moment)))
        ended = [each for each in events.values() if each[-1][0] == "PIPELINE_SUCCESS"]
        time.sleep(PAUSE_SECONDS)
    runs = sorted((Run.of(each, released) for each in ended), key=lambda run: run.requested)
    return runs[0], runs[-1]


class Clips:
    """One-minute clips, each with words and a content of its own."""

    def __init__(self, folder: Path) -> None:
        spoken = list(zip(STARTS, itertools.cycle(SENTENCES), strict=False))
        self._content = make_golden_clip(folder, spoken, SECONDS).path.read_bytes()
        self._folder = folder
        self._count = 0

    def hand_in(self, running: Cluster) -> tuple[str, float]:
        """The next one's id, and the moment it was accepted."""
        self._count += 1
        own = self._content + f"clip {self._count}".encode()
        captions = captions_of(self._count, STARTS)
        posted = time.time()
        answer = running.api.post(
            "/videos",
            files={"file": ("clip.mkv", own), "captions": ("clip.srt", captions)},
            data={"languages": LANGUAGE},
        )
        video_id: str = answer.raise_for_status().json()["id"]
        return video_id, posted


def alone(running: Cluster, clips: Clips, count: int) -> list[Parts]:
    """One after the other; the first, for which nothing is warm yet, is not told."""
    found = []
    for _ in track(range(count + 1), "clips one by one", console=PROGRESS):
        video_id, posted = clips.hand_in(running)
        released = _await_release(running, video_id)
        found.append(parts_of(running, video_id, posted, released))
    return found[1:]


@dataclass(frozen=True)
class Burst:
    """What became of clips that came all at once, in seconds."""

    clips: int
    all_done: float
    work_median: float
    work_p95: float
    wait_median: float
    wait_p95: float


def at_once(running: Cluster, clips: Clips, count: int) -> Burst:
    """All of them in a row; work is counted from when a worker takes a run to the run's end."""
    began = time.time()
    handed_in = [clips.hand_in(running) for _ in range(count)]
    ends = _all_released(running, [video_id for video_id, _ in handed_in])
    work, wait = [], []
    for video_id, posted in handed_in:
        released = ends[video_id]
        prepare, dub = _runs(running, video_id, released)
        work.append((prepare.ended - prepare.taken) + (dub.ended - dub.taken))
        wait.append(released - posted - work[-1])
    return Burst(
        clips=count,
        all_done=max(ends.values()) - began,
        work_median=statistics.median(work),
        work_p95=_p95(work),
        wait_median=statistics.median(wait),
        wait_p95=_p95(wait),
    )


def _await_release(running: Cluster, video_id: str) -> float:
    while True:
        dub = running.dub(video_id, LANGUAGE)
        if dub["status"] == "released":
            return time.time()
        if dub["status"] == "failed":
            raise RuntimeError(f"{video_id}: {dub['error']}")
        time.sleep(PAUSE_SECONDS)


def _all_released(running: Cluster, video_ids: Sequence[str]) -> Mapping[str, float]:
    """When each was released, as the registry says: a hundred clients asking would be a load."""
    ends: dict[str, float] = {}
    with Progress(console=PROGRESS) as progress, engine_of(running, "dub").connect() as connection:
        bar = progress.add_task("clips all at once", total=len(video_ids))
        while len(ends) < len(video_ids):
            with connection.begin():
                rows = connection.execute(_STATES).all()
            assert not [row for row in rows if row.status == "failed"], rows
            for row in rows:
                ends.setdefault(row.video_id, time.time())
            progress.update(bar, completed=len(ends))
            time.sleep(PAUSE_SECONDS)
    return ends


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def main() -> int:
    """Run both, print tables for people and a line for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency")
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--burst", type=int, default=100)
    parser.add_argument("--one-machine", action="store_true", help="the embedded platform alone")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dub-latency-") as name:
        folder = Path(name)
        machine = measure_machine(folder / "one", ALONE)
        figures = print_one_machine(machine)
        if not chosen.one_machine:
            found, burst = measure_latency(folder, chosen.clips, chosen.burst)
            figures |= print_production(found, burst)
    Console().print(json.dumps(figures), soft_wrap=True, highlight=False)
    return 0


def measure_latency(folder: Path, clips: int, burst: int) -> tuple[list[Parts], Burst]:
    """Measure so many clips one by one, then so many at once."""
    made = Clips(folder)
    with (
        local_providers(folder) as paid,
        cluster(folder / "a", **ASKED, **paid.settings) as running,  # type: ignore[arg-type]
    ):
        found = alone(running, made, clips)
    (folder / "slow").mkdir()
    with (
        local_providers(
            folder / "slow",
            translation_seconds=TRANSLATION_SECONDS,
            speech_seconds=SPEECH_SECONDS,
        ) as paid,
        cluster(folder / "b", workers=WORKERS, **ASKED, **paid.settings) as running,  # type: ignore[arg-type]
    ):
        return found, at_once(running, made, burst)


def print_one_machine(found: OneMachine) -> dict[str, float]:
    """Print the table of the embedded platform; the figures that machines read."""
    table = Table("the embedded platform", "value")
    table.add_row("second start, to all servers ready", f"{found.start_seconds:.1f} s")
    table.add_row("a bare `import dagster`", f"{found.import_seconds:.2f} s")
    table.add_row("at rest: memory", f"{found.idle_mb:.0f} MB")
    table.add_row("at rest: share of a core", f"{100 * found.idle_share:.1f} %")
    worst = max(found.overheads)
    table.add_row("overhead of a clip, alone", f"{found.overhead_median:.2f} s, worst {worst:.2f}")
    table.add_row("the demo, two languages at once", f"{found.demo_seconds:.1f} s")
    table.add_row("its steps, of the longer dub", f"{found.demo_engine_seconds:.1f} s")
    Console().print(table)
    return {
        "start_s": round(found.start_seconds, 1),
        "start_ratio": round(found.start_ratio, 1),
        "idle_mb": round(found.idle_mb),
        "overhead_embedded_median_s": round(found.overhead_median, 2),
        "demo_ratio": round(found.demo_ratio, 2),
    }


def print_production(found: Sequence[Parts], burst: Burst) -> dict[str, float]:
    """Print the tables of the warm workers; the figures that machines read."""
    console = Console()
    table = Table("seconds of a clip, alone", "median", "worst")
    measures: dict[str, Callable[[Parts], float]] = {
        **{each.name: _get(each.name) for each in fields(Parts)},
        "overhead": lambda parts: parts.overhead,
    }
    for name, measure in measures.items():
        values = [measure(parts) for parts in found]
        table.add_row(name, f"{statistics.median(values):.2f}", f"{max(values):.2f}")
    console.print(table)
    crowd = Table("seconds, all at once", "value")
    for name, value in asdict(burst).items():
        crowd.add_row(name, f"{value:.1f}")
    console.print(crowd)
    overhead = statistics.median(parts.overhead for parts in found)
    return {"overhead_median_s": round(overhead, 2), "p95_s": round(burst.work_p95, 1)}


def _get(name: str) -> Callable[[Parts], float]:
    return lambda parts: float(getattr(parts, name))


if __name__ == "__main__":
    command.run(main)
