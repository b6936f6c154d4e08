"""Many people at the API at once, and what it does in a second beside a bare route.

    python -m benchmarks.load --seconds 30

Two processes of the API, as production has them, PostgreSQL, PgBouncer and Redis run on this
machine, and locust plays the people beside them, on the same cores. The video that they ask for was
dubbed before; the workers, which have machines of their own in production, are stopped then. How
many requests fail, how long the slowest twentieth takes, and what the processes' memory does is
told for 50, 200 and 500 people. Throughput is what clients get who never pause, of a video's page
of the API and of a route of Starlette that does nothing, in one process. What else the machine does
at the time slows both: compare their ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.faults import captions_of, short_clip
from tests.support.rig.cluster import Cluster, cluster
from tests.support.rig.cluster.addresses import HERE
from tests.support.rig.cluster.machine import SECOND
from tests.support.rig.cluster.server import Server, answers
from tests.support.rig.platform import free_ports

CHECKOUT = Path(__file__).resolve().parent.parent
PEOPLE = CHECKOUT / "benchmarks" / "people.py"
LOCUST = (sys.executable, "-m", "locust", "-f", str(PEOPLE), "--headless", "--json")
CROWDS = (50, 200, 500)
LANGUAGE = "es"
# What no request of these needs, and what would compute beside them.
ELSEWHERE = ("worker-transcribe", "worker-dub", "daemon", "webserver", "code")


@dataclass(frozen=True)
class Load:
    """What so many people saw; times in ms, `rss_mb` is the memory after them of the API's process
    that has most."""

    users: int
    requests: int
    failed: int
    rps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    slowest: str
    rss_mb: float

    @property
    def error_rate(self) -> float:
        """The share of requests that were not answered as they should be."""
        return self.failed / max(1, self.requests)


def measure_load(folder: Path, seconds: int) -> tuple[list[Load], Load, Load]:
    """Measure each crowd at the API, then clients without a pause at the API and at a bare
    route."""
    # Five hundred people have one address here, and what is measured is the API without a proxy.
    alone: Mapping[str, Any] = {"behind_front": False, "rate_limits": "off"}
    with cluster(folder / "c", workers=1, downloader="youtube", **alone) as running:
        place = _prepare(running, folder)
        running.kill(*ELSEWHERE)
        apis = _apis(running)
        crowds = [
            _load(apis, "Person", users, seconds, place)
            for users in track(CROWDS, "crowds", console=PROGRESS)
        ]
        busy = _load(apis, "Reader", CROWDS[0], seconds, place)
        running.kill(SECOND)
        with _bare(folder) as bare:
            least = _load([bare], "Reader", CROWDS[0], seconds, {"PAGE": "/"})
    return crowds, busy, least


def _apis(running: Cluster) -> Sequence[tuple[str, Server]]:
    """The API's process, and the second one of the composition, with their addresses."""
    machine = running.machine
    running.start(SECOND)
    second = machine.here.of_second_api().url("5001")
    return [(machine.settings.base_url, machine.server("api")), (second, machine.server(SECOND))]


def _prepare(running: Cluster, folder: Path) -> Mapping[str, str]:
    """Dub the video that everybody is interested in; return it as locust's environment."""
    files = {
        "file": ("clip.mkv", short_clip(folder).read_bytes()),
        "captions": ("clip.srt", captions_of(0).encode()),
    }
    answer = running.api.post("/videos", files=files, data={"languages": LANGUAGE})
    video_id: str = answer.raise_for_status().json()["id"]
    dub = running.await_release(video_id, LANGUAGE)
    page = f"/videos/{video_id}"
    return {"VIDEO": video_id, "TRACK": urlsplit(dub["track_url"]).path, "PAGE": page}


def _load(
    servers: Sequence[tuple[str, Server]],
    kind: str,
    users: int,
    seconds: int,
    place: Mapping[str, str],
) -> Load:
    hosts = [address for address, _ in servers]
    words = ("--users", users, "--spawn-rate", users, "--run-time", seconds, "--host", hosts[0])
    ended = subprocess.run(
        [*LOCUST, kind, *map(str, words)],
        env={**os.environ, **place, "HOSTS": ",".join(hosts)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    most = max(psutil.Process(server.pid).memory_info().rss for _, server in servers)
    return read_load(json.loads(ended.stdout), users, seconds, most / 1e6)


def read_load(
    stats: Sequence[Mapping[str, Any]], users: int, seconds: float, rss_mb: float
) -> Load:
    """Read locust's count of requests by their rounded times, an entry for each kind."""
    times: Counter[float] = Counter()
    for entry in stats:
        times.update({float(ms): count for ms, count in entry["response_times"].items()})
    slowest = max(stats, key=lambda entry: _percentile(entry["response_times"], 0.95))
    requests = sum(entry["num_requests"] for entry in stats)
    return Load(
        users=users,
        requests=requests,
        failed=sum(entry["num_failures"] for entry in stats),
        rps=requests / seconds,
        p50_ms=_percentile(times, 0.5),
        p95_ms=_percentile(times, 0.95),
        p99_ms=_percentile(times, 0.99),
        slowest=slowest["name"],
        rss_mb=rss_mb,
    )


def _percentile(times: Mapping[Any, int], share: float) -> float:
    counted = sorted((float(ms), count) for ms, count in times.items())
    wanted = math.ceil(share * sum(times.values()))
    reached = itertools.accumulate(count for _, count in counted)
    return next(ms for (ms, _), sofar in zip(counted, reached, strict=True) if sofar >= wanted)


@contextlib.contextmanager
def _bare(folder: Path) -> Iterator[tuple[str, Server]]:
    """A server that does nothing else, started as the API is, with its address."""
    [port] = free_ports(1)
    address = f"http://{HERE}:{port}"
    words = ["uvicorn", "benchmarks.bare:app", "--port", str(port), "--no-access-log"]
    server = Server(
        name="bare",
        command=[sys.executable, "-m", *words],
        environment=os.environ,
        folder=folder,
        is_ready=answers(address),
        place=CHECKOUT,
    )
    server.start()
    try:
        server.await_ready()
        yield address, server
    finally:
        server.kill()


def main() -> int:
    """Run it, print tables for people and a line for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("--seconds", type=int, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dub-load-", ignore_cleanup_errors=True) as name:
        crowds, busy, bare = measure_load(Path(name), chosen.seconds)
    console = Console()
    for table in (_people(crowds), _throughput(busy, bare)):
        console.print(table)
    console.print(as_json(crowds, busy, bare), soft_wrap=True, highlight=False)
    return 0


def _people(crowds: Sequence[Load]) -> Table:
    table = Table("people", *(f"{each.users}" for each in crowds))
    table.add_row("requests", *(f"{each.requests:,}" for each in crowds))
    table.add_row("failed, %", *(f"{100 * each.error_rate:.3f}" for each in crowds))
    table.add_row("requests in a second", *(f"{each.rps:.0f}" for each in crowds))
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        table.add_row(name, *(f"{getattr(each, name):.0f}" for each in crowds))
    table.add_row("slowest", *(each.slowest for each in crowds))
    table.add_row("memory of the API, MB", *(f"{each.rss_mb:.0f}" for each in crowds))
    return table


def _throughput(busy: Load, bare: Load) -> Table:
    table = Table("50 clients without a pause", "requests in a second", "p95_ms", "failed")
    for name, load in (("a video's page of the API", busy), ("a bare route of Starlette", bare)):
        table.add_row(name, f"{load.rps:.0f}", f"{load.p95_ms:.0f}", str(load.failed))
    return table


def as_json(crowds: Sequence[Load], busy: Load, bare: Load) -> str:
    """The line that machines read: of the smallest crowd, of the largest, and of the readers."""
    few, many = crowds[0], crowds[-1]
    return json.dumps(
        {
            "users": few.users,
            "error_rate": round(few.error_rate, 5),
            "p95_ms": round(few.p95_ms),
            f"error_rate_{many.users}": round(many.error_rate, 5),
            f"p95_ms_{many.users}": round(many.p95_ms),
            "rps": round(busy.rps),
            "bare_rps": round(bare.rps),
            "rps_ratio": round(busy.rps / bare.rps, 3),
        }
    )


if __name__ == "__main__":
    command.run(main)
