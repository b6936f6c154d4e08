"""The embedded platform, as `make up` starts it: its start, its rest, and its share of a dub.

    found = measure_machine(Path("/tmp/home"), clips=5)
    found.overhead_median, found.demo_ratio, found.start_seconds

A second start is measured, as people see it every day: from the command to the line that says that
the last server is ready. A dub's own seconds are those of its steps, by Dagster's event log.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from dagster import DagsterInstance, RunsFilter
from rich.progress import track

from assets.step.tags import VIDEO
from benchmarks.command import PROGRESS
from benchmarks.timing import Run
from dub_platform.local.dagster_storage import open_instance
from dub_platform.local.demo import SAMPLE, client_of
from tests.support.patience import wait_until
from tests.support.rig.platform import free_ports

COMMAND = (sys.executable, "-m", "dub_platform.local", "up")
LAST_READY = "dagster-daemon ready"
PAUSE_SECONDS = 0.1
REST_SECONDS = 60
IMPORTS = 3


@dataclass(frozen=True)
class OneMachine:
    """What was measured; memory is what no two processes are counted for, in MB."""

    start_seconds: float
    import_seconds: float
    idle_mb: float
    idle_share: float
    overheads: Sequence[float]
    demo_seconds: float
    demo_engine_seconds: float

    @property
    def overhead_median(self) -> float:
        """Seconds from POST to released beyond the steps' own, for one clip in one language."""
        return statistics.median(self.overheads)

    @property
    def start_ratio(self) -> float:
        """The second start over a bare `import dagster`."""
        return self.start_seconds / self.import_seconds

    @property
    def demo_ratio(self) -> float:
        """The demo's seconds over its steps': those before the dubs, and of the longer dub."""
        return self.demo_seconds / self.demo_engine_seconds


def measure_machine(home: Path, clips: int) -> OneMachine:
    """Start the platform twice; measure the second one at rest and at work."""
    environment = _environment(home)
    with _up(environment):
        pass
    with _up(environment) as (up, start_seconds):
        idle_mb, idle_share = _at_rest(up)
        with (
            client_of(f"http://127.0.0.1:{environment['PORT']}") as api,
            open_instance(home / "dagster") as instance,
        ):
            overheads = [
                _Dubbed(api, instance, number, "es").overhead
                # For the first, nothing is warm yet.
                for number in track(range(clips + 1), "clips one by one", console=PROGRESS)
            ][1:]
            demo = _Dubbed(api, instance, clips + 1, "es,ca")
    return OneMachine(
        start_seconds=start_seconds,
        import_seconds=_import_seconds(),
        idle_mb=idle_mb,
        idle_share=idle_share,
        overheads=overheads,
        demo_seconds=demo.seconds,
        demo_engine_seconds=demo.engine_seconds,
    )


def idle_percent(home: Path) -> float:
    """The share of a core that the platform uses after its start, with nothing to do."""
    with _up(_environment(home)) as (up, _):
        # What a start leaves to do is over by then.
        time.sleep(REST_SECONDS)
        return 100 * _at_rest(up)[1]


def _environment(home: Path) -> Mapping[str, str]:
    port, dagster_port = free_ports(2)
    ports = {"PORT": str(port), "DAGSTER_PORT": str(dagster_port)}
    return {**os.environ, **ports, "DUB_HOME": str(home)}


@contextlib.contextmanager
def _up(environment: Mapping[str, str]) -> Iterator[tuple[psutil.Process, float]]:
    """The platform, and how long it took until all of it was ready."""
    began = time.monotonic()
    up = subprocess.Popen(COMMAND, env=dict(environment), stdout=subprocess.PIPE, text=True)
    assert up.stdout is not None
    try:
        ready = next((line for line in up.stdout if LAST_READY in line), None)
        if ready is None:
            raise RuntimeError("the platform did not start; `make up` says why")
        yield psutil.Process(up.pid), time.monotonic() - began
    finally:
        up.terminate()
        up.communicate()


def _at_rest(up: psutil.Process) -> tuple[float, float]:
    """Memory in MB, and the share of a core that is used while nothing is handed in."""
    servers = [up, *up.children(recursive=True)]
    before = sum(_cpu_seconds(server) for server in servers)
    time.sleep(REST_SECONDS)
    used = sum(_cpu_seconds(server) for server in servers) - before
    # Of pages that several share, each has its part.
    megabytes = sum(server.memory_full_info().pss for server in servers) / 1e6
    return megabytes, used / REST_SECONDS


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _import_seconds() -> float:
    took = []
    for _ in range(IMPORTS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import dagster"], check=True)
        took.append(time.monotonic() - began)
    return statistics.median(took)


class _Dubbed:
    """The demo's clip, handed in with a content of its own and dubbed into these languages."""

    def __init__(
        self, api: httpx.Client, instance: DagsterInstance, number: int, languages: str
    ) -> None:
        content = SAMPLE.read_bytes() + f"clip {number}".encode()
        posted = time.time()
        answer = api.post(
            "/videos", files={"file": ("clip.mp4", content)}, data={"languages": languages}
        )
        video_id = answer.raise_for_status().json()["id"]
        released = _await_release(api, video_id)
        self.seconds = released - posted
        runs = _runs_of(instance, video_id, released)
        prepare = sum(runs[0].steps.values())
        self.engine_seconds = prepare + max(sum(run.steps.values()) for run in runs[1:])

    @property
    def overhead(self) -> float:
        """Of a clip in one language, what is not work on it."""
        return self.seconds - self.engine_seconds


def _await_release(api: httpx.Client, video_id: str) -> float:
    while True:
        video: Mapping[str, Any] = api.get(f"/videos/{video_id}").raise_for_status().json()
        states = {dub["status"] for dub in video["dubs"]}
        if states == {"released"}:
            return time.time()
        if "failed" in states:
            raise RuntimeError(f"{video_id}: {video}")
        time.sleep(PAUSE_SECONDS)


def _runs_of(instance: DagsterInstance, video_id: str, released: float) -> list[Run]:
    """The preparation, then the dubs, once all have ended."""
    mine = RunsFilter(tags={VIDEO: video_id})
    wait_until(lambda: all(run.is_finished for run in instance.get_runs(mine)), pause=PAUSE_SECONDS)
    told = [
        [
            (event.dagster_event.event_type_value, event.dagster_event.step_key, event.timestamp)
            for event in instance.all_logs(run.run_id)
            if event.dagster_event is not None
        ]
        for run in instance.get_runs(mine)
    ]
    return sorted((Run.of(each, released) for each in told), key=lambda run: run.requested)
