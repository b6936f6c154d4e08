"""The size of the catalogue: what a tick, a page and the daemon cost when it grows.

    python -m benchmarks.scale --videos 1000 10000 100000

Registry and Dagster stand on one real PostgreSQL, filled to each size in turn: every video is
prepared and released in two languages, as most of a grown catalogue is. Then are measured: a tick
of each requesting sensor with ten videos or dubs waiting, from its call to its requests; the same
when one more language was just asked for over the whole catalogue; a page of `GET /videos`, and
`GET /metrics` without and with that language waiting, over HTTP from a process of its own; how long
a real daemon takes to request the runs of ten videos, its wait for the next tick included; and its
memory after that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import psutil
from dagster import DagsterInstance, SensorDefinition, build_sensor_context
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import Engine, create_engine, delete, insert, text

from benchmarks import command
from benchmarks.command import PROGRESS
from dub_platform.registry import NewVideo, Source, SqlRegistry
from dub_platform.registry.database.tables import dubs, videos
from dub_platform.registry.migrate import upgrade
from sensors import requesting as intake
from sensors import waiting
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.platform import free_ports
from tests.support.servers.postgres import new_server

CHECKOUT = Path(__file__).resolve().parent.parent
LANGUAGES, ONE_MORE = ("ca", "es"), "gl"
WAITING = 10
ROWS_A_STATEMENT = 5000
PAGES = 40
DAEMON_SECONDS = 30.0
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Cost:
    """What was measured at one size."""

    videos: int
    tick_videos_s: float
    tick_dubs_s: float
    tick_idle_s: float
    tick_backlog_s: float
    page_ms: float
    last_page_ms: float
    metrics_ms: float
    metrics_backlog_ms: float
    requested_s: float
    daemon_mb: float


def measure_scale(
    sizes: Sequence[int], folder: Path, *, daemon_seconds: float = DAEMON_SECONDS
) -> list[Cost]:
    """Measure each size, ascending; the daemon is given so long before it is looked at."""
    with _platform(folder, daemon_seconds) as platform:
        told = track(sorted(sizes), "catalogues", console=PROGRESS)
        return [platform.measure_at(size) for size in told]


@dataclass
class Platform:
    """The servers and databases that are measured."""

    engine: Engine
    dagster: Engine
    registry: SqlRegistry
    instance: DagsterInstance
    api: httpx.Client
    environment: dict[str, str]
    daemon_seconds: float
    filled: int = 0
    handed_in: int = 0

    def measure_at(self, size: int) -> Cost:
        self._fill(size)
        ticks = [
            self._tick(each)
            for each in (self._hand_in, self._prepare, lambda: None, self._ask_for_one_more)
        ]
        backlog = self._page_ms("/metrics")
        self._forget_one_more()
        pages, metrics = self._pages(), self._page_ms("/metrics")
        return Cost(size, *ticks, *pages, metrics, backlog, *self._daemon())  # type: ignore[call-arg]

    def _fill(self, size: int) -> None:
        """Rows as the platform writes them, up to this many."""
        numbers = range(self.filled, size)
        for begin in range(0, len(numbers), ROWS_A_STATEMENT):
            part = numbers[begin : begin + ROWS_A_STATEMENT]
            with self.engine.begin() as connection:
                connection.execute(insert(videos), [_video(number) for number in part])
                connection.execute(
                    insert(dubs), [_dub(number, code) for number in part for code in LANGUAGES]
                )
            self.instance.add_dynamic_partitions("videos", [_id(number) for number in part])
        self.instance.add_dynamic_partitions("languages", list(LANGUAGES))
        for engine in (self.engine, self.dagster):
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))
        self.filled = size

    def _hand_in(self) -> SensorDefinition:
        self.handed_in += 1
        for number in range(WAITING):
            waiting = NewVideo(self._new_id(number), Source.YOUTUBE)
            self.registry.accept(waiting, LANGUAGES)
        return intake.on_video_registered

    def _new_id(self, number: int) -> str:
        return f"n{self.handed_in:07}-{number:02}"

    def _prepare(self) -> SensorDefinition:
        for number in range(WAITING):
            video_id = self._new_id(number)
            facts: dict[str, Any] = {"title": "A walk", "language": "en", "run_id": "run"}
            self.registry.note_prepared(video_id, duration_seconds=9.0, file_size_bytes=1, **facts)
        return intake.on_video_prepared

    def _ask_for_one_more(self) -> SensorDefinition:
        """A language over the whole catalogue."""
        with self.engine.begin() as connection:
            for begin in range(0, self.filled, ROWS_A_STATEMENT):
                part = range(begin, min(begin + ROWS_A_STATEMENT, self.filled))
                rows = [{**_dub(number, ONE_MORE), "status": "queued"} for number in part]
                connection.execute(insert(dubs), rows)
        return intake.on_video_prepared

    def _forget_one_more(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(dubs).where(dubs.c.language == ONE_MORE))

    def _tick(self, stand_in_line: Callable[[], SensorDefinition | None]) -> float:
        sensor = stand_in_line() or intake.on_video_registered
        resources = {"registry": self.registry}
        with build_sensor_context(instance=self.instance, resources=resources) as context:
            began = time.perf_counter()
            sensor(context)
            return time.perf_counter() - began

    def _pages(self) -> tuple[float, float]:
        """Milliseconds of the first page, and of one deep in the listing, at the median."""
        deep = self.registry.videos(limit=1, cursor=None).next_cursor
        for _ in range(20):
            page = self.registry.videos(limit=100, cursor=deep)
            deep = page.next_cursor or deep
        return self._page_ms("/videos?limit=50"), self._page_ms(f"/videos?limit=50&cursor={deep}")

    def _page_ms(self, path: str) -> float:
        took = []
        for _ in range(PAGES):
            began = time.perf_counter()
            self.api.get(path).raise_for_status()
            took.append(1000 * (time.perf_counter() - began))
        return statistics.median(took)

    def _daemon(self) -> tuple[float, float]:
        """Seconds until ten videos have their runs, and megabytes after it."""
        command = ["dub_platform.processes.daemon", "run", "-w", str(CHECKOUT / "workspace.yaml")]
        with _process(command, self.environment) as daemon:
            time.sleep(self.daemon_seconds)
            before = self.instance.get_runs_count()
            self._hand_in()
            began = time.perf_counter()
            wait_until(lambda: self.instance.get_runs_count() >= before + WAITING, pause=0.05)
            took = time.perf_counter() - began
            return took, float(psutil.Process(daemon.pid).memory_info().rss) / 1e6


def _id(number: int) -> str:
    return f"v{number:010}"


def _video(number: int) -> dict[str, Any]:
    moment = START + timedelta(seconds=number)
    return {
        "id": _id(number),
        "source": Source.YOUTUBE,
        "title": f"Video {number} of a catalogue",
        "language": "en",
        "status": "prepared",
        "created_at": moment,
        "updated_at": moment,
        "duration_seconds": 60.0,
        "file_size_bytes": 12_000_000,
    }


def _dub(number: int, language: str) -> dict[str, Any]:
    moment = START + timedelta(seconds=number)
    named = {"video_id": _id(number), "language": language, "status": "released"}
    return {**named, "created_at": moment, "updated_at": moment}


@contextmanager
def _platform(folder: Path, daemon_seconds: float) -> Iterator[Platform]:
    with ExitStack() as stack:
        server = new_server()
        stack.callback(server.cleanup)
        engine = create_engine(server.get_uri())
        for name in ("dub", "dagster"):
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
        url, dagster_url = server.get_uri("dub"), server.get_uri("dagster")
        upgrade(url)
        port, code_port = free_ports(2)
        (folder / "dagster.yaml").write_text(
            "telemetry: {enabled: false}\n"
            f"storage: {{postgres: {{postgres_url: '{dagster_url}'}}}}\n"
            "sensors: {use_threads: true, num_workers: 8}\n"
        )
        environment = {
            **os.environ,
            "DUB_DATABASE_URL": url,
            "DUB_HOME": str(folder / "home"),
            "PORT": str(port),
            # Pages are asked for one after the other, to time them.
            "DUB_RATE_LIMITS": "off",
            "DAGSTER_HOME": str(folder),
            "DUB_CODE_HOST": "127.0.0.1",
            "DUB_CODE_PORT": str(code_port),
        }
        instance = stack.enter_context(DagsterInstance.from_config(str(folder)))
        address = ["--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(
            _process(["uvicorn", "--factory", "api.asgi:create", *address], environment)
        )
        module = [
            "-m",
            "dub_platform.processes.code_location",
            "-h",
            "127.0.0.1",
            "-p",
            str(code_port),
        ]
        stack.enter_context(_process(["dagster", "api", "grpc", *module], environment))
        api = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=HANG_SECONDS)
        )
        _await(api)
        registry_engine = create_engine(url)
        yield Platform(
            registry_engine,
            create_engine(dagster_url),
            SqlRegistry(registry_engine),
            instance,
            api,
            environment,
            daemon_seconds,
        )


@contextmanager
def _process(
    module: Sequence[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)


def _await(api: httpx.Client) -> None:
    def answers() -> bool:
        with suppress(httpx.HTTPError):
            return api.get("/health").is_success
        return False

    wait_until(answers, pause=0.2)


def main() -> int:
    """Print the table and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    chosen = parser.parse_args()
    waiting.WAIT_SECONDS = 0.0
    with tempfile.TemporaryDirectory(prefix="dub-scale-") as folder:
        costs = measure_scale(chosen.videos, Path(folder))
    _print(costs)
    return 0


def _print(costs: Sequence[Cost]) -> None:
    table = Table("at so many videos", *(f"{cost.videos:,}" for cost in costs), "growth")
    for name in list(asdict(costs[0]))[1:]:
        row = [getattr(cost, name) for cost in costs]
        shown = [f"{value:.3f}" if value < 10 else f"{value:.1f}" for value in row]
        table.add_row(name, *shown, f"x {row[-1] / max(row[0], 1e-9):.2f}")
    Console().print(table)
    print(as_json(costs[-1]))  # noqa: T201


def as_json(last: Cost) -> str:
    """The line that machines read, of the largest size."""
    tick = max(last.tick_videos_s, last.tick_dubs_s, last.tick_idle_s, last.tick_backlog_s)
    return json.dumps(
        {
            "tick_s_100k": round(tick, 3),
            "page_ms_100k": round(last.page_ms, 1),
            "metrics_ms_100k": round(last.metrics_ms, 1),
        }
    )


if __name__ == "__main__":
    command.run(main)
