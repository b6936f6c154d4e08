"""A long quiet day: videos one after another, people at the API, and nothing that grows.

    python -m benchmarks.soak --minutes 20 --seed 7

Production's topology runs as processes of this machine, with one process at each queue, on local
servers of the providers that answer at once. A new video is handed in when the one before it is
released, so the machine is busy and never overloaded; some come without captions and are listened
to. Meanwhile clients ask the API for all that it offers, ask for what it refuses, and leave in the
middle. Every few seconds memory, file descriptors and threads of each process are read, and what
all hold together: connections, temporary files, Redis' keys. The minutes, and the slopes
(`benchmarks/growth.py`), begin after a warm-up. What `make up` uses while nothing is to be done is
read before all that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psutil
from redis import Redis
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import TextClause, text

from benchmarks import command, growth
from benchmarks.chaos import engine_of
from benchmarks.faults import captions_of, short_clip
from benchmarks.growth import Growth, Measure, Reading, Sample
from benchmarks.one_machine import idle_percent
from tests.support.patience import HANG_SECONDS
from tests.support.rig.cluster import Cluster, cluster
from tests.support.rig.cluster.addresses import HERE
from tests.support.rig.cluster.machine import SECRETS
from tests.support.rig.cluster.providers import Providers, local_providers

LANGUAGE = "es"
WORKERS = ("worker-transcribe", "worker-dub")
JUDGED = ("api", *WORKERS, "code")
ROLES = (*JUDGED, "daemon")
SAMPLE_SECONDS = 5.0
PAUSE_SECONDS = 0.25
WITHOUT_CAPTIONS = 0.2
# What a process keeps of what it meets first becomes less with each video, and is no leak: the heap
# of one that dubs grew by 8, 4 and 3 MB in its first three times five.
WARM_UP_VIDEOS = 130
# More than one seed comes to: no two have a video in common.
NUMBERS = 10_000
# More than a form keeps in memory, so it is on the disk when the client leaves.
HALF_A_FILE = 2_000_000
MEASURES: Mapping[str, Measure] = {
    "RSS MB": lambda process: process.rss_mb,
    "own MB": lambda process: process.own_mb,
    "fds": lambda process: process.fds,
    "threads": lambda process: process.threads,
}
_CLIENTS = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_LIVE_RUNS = text(
    "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
)


@dataclass
class Videos:
    """Short videos, each with the words and the content of its number, one after the other."""

    running: Cluster
    clip: bytes
    first: int
    chance: random.Random
    tracks: list[str] = field(default_factory=list)
    failed: int = 0

    @property
    def ended(self) -> int:
        """How many are released or failed."""
        return len(self.tracks) + self.failed

    def come(self, stop: threading.Event) -> None:
        """The next one when the one before has ended, until it is said to stop."""
        while not stop.is_set():
            video_id = self._hand_in()
            dub = self.running.await_end(video_id, LANGUAGE)
            if dub["status"] == "released":
                self.tracks.append(dub["track_url"])
            else:
                self.failed += 1

    def _hand_in(self) -> str:
        number = self.first + self.ended
        files = {"file": ("clip.mkv", self.clip + f"video {number}".encode())}
        if self.chance.random() > WITHOUT_CAPTIONS:
            files["captions"] = ("clip.srt", captions_of(number).encode())
        answer = self.running.api.post("/videos", files=files, data={"languages": LANGUAGE})
        video_id: str = answer.raise_for_status().json()["id"]
        return video_id


@dataclass
class Visitors:
    """People at the API: most get what they ask for, some are refused, some leave."""

    videos: Videos
    chance: random.Random
    requests: int = 0
    surprised: int = 0

    def come(self, stop: threading.Event) -> None:
        """One request after the other, until it is said to stop."""
        visits = (self._list, self._look, self._watch, self._hear, self._err, self._leave)
        with httpx.Client(
            base_url=self.videos.running.api.base_url, timeout=HANG_SECONDS
        ) as client:
            while not stop.wait(PAUSE_SECONDS):
                self.requests += 1
                self.surprised += not self.chance.choice(visits)(client)

    def _list(self, client: httpx.Client) -> bool:
        return client.get("/videos?limit=20").status_code == 200

    def _look(self, client: httpx.Client) -> bool:
        return all(client.get(path).status_code == 200 for path in ("/", "/ready", "/version"))

    def _watch(self, client: httpx.Client) -> bool:
        video = client.get("/videos?limit=1").json()["videos"]
        return all(
            client.get("/watch", params={"v": each["id"], "lang": LANGUAGE}).status_code == 200
            for each in video
        )

    def _hear(self, client: httpx.Client) -> bool:
        asked = {"range": "bytes=100-1099"}
        tracks = self.videos.tracks[-1:]
        return all(client.get(each, headers=asked).status_code == 206 for each in tracks)

    def _err(self, client: httpx.Client) -> bool:
        refused = (
            client.post("/videos", files={"file": b"no video"}, data={"languages": LANGUAGE}),
            client.post("/videos", json={"languages": 5}),
            client.get("/videos/nothing-here"),
        )
        return all(400 <= answer.status_code < 500 for answer in refused)

    def _leave(self, client: httpx.Client) -> bool:
        """In the middle of an upload, and in the middle of an answer."""
        kind = {"content-type": "multipart/form-data; boundary=b"}
        with contextlib.suppress(_GoneError):
            client.post("/videos", content=_half_a_form(), headers=kind)
        with client.stream("GET", "/") as answer:
            return answer.status_code == 200


class _GoneError(Exception):
    """A client has left."""


def _half_a_form() -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="clip.mkv"\r\n\r\n'
    yield bytes(HALF_A_FILE)
    raise _GoneError


class Meter:
    """Reads what the servers of a cluster hold."""

    def __init__(self, running: Cluster) -> None:
        self._machine = running.machine
        self._dagster = engine_of(running, "dagster")
        password = SECRETS["REDIS_PASSWORD"]
        self._redis = Redis(HERE, self._machine.here.port("6379"), password=password)

    def sample(self) -> Sample:
        """All of it, now."""
        processes = {role: self._readings(role) for role in ROLES}
        return Sample(time.monotonic(), processes, self._counts())

    def live_runs(self) -> int:
        """Runs that Dagster has not seen end."""
        return self._ask(_LIVE_RUNS)

    def temp_files(self) -> int:
        """What lies in the work folder and where the services keep what is temporary."""
        roots = (self._machine.settings.spool_dir, self._machine.around.temp)
        walked = (each for root in roots for each in os.walk(root))
        return sum(len(folders) + len(files) for _, folders, files in walked)

    def _readings(self, role: str) -> Mapping[psutil.Process, Reading]:
        server = psutil.Process(self._machine.server(role).pid)
        read = {each: _reading(each) for each in (server, *server.children(recursive=True))}
        return {process: reading for process, reading in read.items() if reading}

    def _counts(self) -> Mapping[str, float]:
        info = self._redis.info()
        keys = info.get("db0", {"keys": 0, "expires": 0})
        return {
            "PostgreSQL's clients": self._ask(_CLIENTS),
            "PgBouncer's clients": self._count_pooled(),
            "Redis' clients": info["connected_clients"],
            "Redis' keys that expire": keys["expires"],
            "Redis' keys that stay": keys["keys"] - keys["expires"],
            "Redis' memory, MB": info["used_memory"] / 1e6,
            "temp files": self.temp_files(),
        }

    def _ask(self, query: TextClause) -> int:
        with self._dagster.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _count_pooled(self) -> int:
        port = self._machine.here.port("6432")
        pooler = psutil.Process(self._machine.server("pgbouncer").pid)
        return sum(
            each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
            for each in pooler.net_connections("tcp")
        )


def _reading(process: psutil.Process) -> Reading | None:
    """None for one that has just ended."""
    try:
        memory = process.memory_full_info()
        fds, threads = process.num_fds(), process.num_threads()
    except psutil.NoSuchProcess:
        return None
    return Reading(memory.rss / 1e6, memory.uss / 1e6, fds, threads)


@dataclass(frozen=True)
class Outcome:
    """What was seen, and what became of the videos and of those who came.

    `temp_files` are those left when all work has ended, `at_rest` is what is held then,
    `idle_percent` the share of a core that `make up` uses with nothing to do.
    """

    samples: Sequence[Sample]
    at_rest: Sample
    videos: int
    released: int
    requests: int
    surprised: int
    temp_files: int
    idle_percent: float = 0.0

    @property
    def settled(self) -> Sequence[Sample]:
        """What slopes are taken from."""
        return growth.drop_warm_up(self.samples)

    @property
    def minutes(self) -> float:
        """How long it was looked at."""
        return (self.samples[-1].moment - self.samples[0].moment) / 60

    def judged(self, measure: str) -> float:
        """Growth in an hour of API, workers and code server together."""
        roles = (growth.of_role(self.settled, role, MEASURES[measure]) for role in JUDGED)
        return sum(each.per_hour for each in roles)

    def as_json(self) -> str:
        """The line that machines read."""
        return json.dumps(
            {
                "rss_slope_mb_per_hour": round(self.judged("RSS MB"), 2),
                "fd_slope_per_hour": round(self.judged("fds"), 2),
                "own_slope_mb_per_hour": round(self.judged("own MB"), 2),
                "thread_slope_per_hour": round(self.judged("threads"), 2),
                "idle_cpu_percent": round(self.idle_percent, 2),
                "replaced": sum(growth.count_replaced(self.samples, role) for role in JUDGED),
                "temp_files": self.temp_files,
                "minutes": round(self.minutes, 1),
                "videos": self.videos,
                "released": self.released,
                "requests": self.requests,
                "unexpected_answers": self.surprised,
            }
        )


def soak(
    running: Cluster,
    clip: bytes,
    *,
    seed: int,
    seconds: float = 0.0,
    videos: int = 1,
    seen: Callable[[Sample, int], None] = lambda _sample, _videos: None,
) -> Outcome:
    """Keep a cluster at work for so long, and until so many videos have ended."""
    meter, chance = Meter(running), random.Random(seed)  # noqa: S311 - nothing is secret
    handed_in = Videos(running, clip, NUMBERS * seed, chance)
    visitors = Visitors(handed_in, random.Random(seed))  # noqa: S311 - nothing is secret
    before, samples, ends = meter.temp_files(), [], time.monotonic() + seconds
    with _coming(handed_in, visitors) as gave_up:
        while not gave_up() and (time.monotonic() < ends or handed_in.ended < videos):
            samples.append(meter.sample())
            seen(samples[-1], handed_in.ended)
            time.sleep(SAMPLE_SECONDS)
    running.until(lambda: meter.live_runs() == 0)
    return Outcome(
        samples=samples,
        at_rest=meter.sample(),
        videos=handed_in.ended,
        released=len(handed_in.tracks),
        requests=visitors.requests,
        surprised=visitors.surprised,
        temp_files=meter.temp_files() - before,
    )


@contextlib.contextmanager
def _coming(*guests: Videos | Visitors) -> Iterator[Callable[[], bool]]:
    """Each in a thread of its own, until the end; yields whether one of them is there no more."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(guests)) as pool:
        coming = [pool.submit(each.come, stop) for each in guests]
        try:
            yield lambda: any(each.done() for each in coming)
        finally:
            stop.set()
        for each in coming:
            each.result()


def main() -> int:
    """Run it, print tables for people and a line for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--warm-up", type=int, default=WARM_UP_VIDEOS, help="videos before them")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="dub-soak-", ignore_cleanup_errors=True) as name:
        console.print("`make up` with nothing to do")
        idle = idle_percent(Path(name) / "idle")
        outcome = _soak_cluster(
            Path(name), 60 * chosen.minutes, chosen.warm_up, chosen.seed, console
        )
    outcome = replace(outcome, idle_percent=idle)
    for table in (_roles(outcome), _counts(outcome)):
        console.print(table)
    console.print(outcome.as_json(), soft_wrap=True, highlight=False)
    return 0


def _soak_cluster(
    folder: Path, seconds: float, warm_up: int, seed: int, console: Console
) -> Outcome:
    clip = short_clip(folder).read_bytes()
    with (
        local_providers(folder) as paid,
        open_cluster(folder / "c", paid) as running,
        Progress(console=console) as progress,
    ):
        warming = progress.add_task("warm-up", total=warm_up)
        soak(
            running,
            clip,
            seed=seed + 1,
            videos=warm_up,
            seen=lambda _, videos: progress.update(warming, completed=videos),
        )
        bar = progress.add_task("", total=seconds)
        began = time.monotonic()

        def seen(sample: Sample, videos: int) -> None:
            rss = sum(each.rss_mb for role in JUDGED for each in sample.processes[role].values())
            done = f"{videos} videos, {rss:,.0f} MB"
            progress.update(bar, completed=time.monotonic() - began, description=done)

        return soak(running, clip, seed=seed, seconds=seconds, seen=seen)


def open_cluster(folder: Path, paid: Providers) -> contextlib.AbstractContextManager[Cluster]:
    """A cluster whose API is measured, and visited without a pause from one address."""
    return cluster(folder, workers=1, behind_front=False, rate_limits="off", **paid.settings)


def _roles(outcome: Outcome) -> Table:
    table = Table("after the warm-up", "measure", "start", "end", "/h", "replaced")
    for role in ROLES:
        table.add_section()
        for name, measure in MEASURES.items():
            grown = growth.of_role(outcome.settled, role, measure)
            table.add_row(
                role, name, *_cells(grown), str(growth.count_replaced(outcome.samples, role))
            )
    return table


def _counts(outcome: Outcome) -> Table:
    table = Table("after the warm-up", "start", "end", "/h")
    for name in outcome.samples[0].counts:
        table.add_row(name, *_cells(growth.of_count(outcome.settled, name)))
    return table


def _cells(grown: Growth) -> tuple[str, str, str]:
    return f"{grown.start:.1f}", f"{grown.end:.1f}", f"{grown.per_hour:+.1f}"


if __name__ == "__main__":
    command.run(main)
