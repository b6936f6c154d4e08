"""Whatever can be killed is killed, at random moments, while videos are handed in.

    python -m benchmarks.chaos --videos 100 --seconds 420 --seed 7

Production's topology runs as processes of this machine, on the local servers of the providers, of
whose answers some go wrong, and of the store, which stops answering now and then. Servers die
without a word, alone, several at once, and all together as in a reboot, and are started again a
moment later, as an orchestrator does. Nobody helps: after the last restart the platform has ninety
seconds. What is said then comes from what anybody can fetch, from both databases, and from the
providers' own accounts.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, text

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.faults import captions_of, short_clip
from tests.support.patience import HANG_SECONDS
from tests.support.rig.cluster import Cluster, cluster
from tests.support.rig.cluster.providers import local_providers
from tests.support.servers.providers.speech_provider import Fault, Faults
from tests.support.servers.swift import running_swift

LANGUAGE = "es"
VICTIMS = ("worker-dub", "worker-transcribe", "daemon", "code", "api", "postgres", "redis")
# Those without which nothing else starts come first.
ORDER = ("postgres", "redis", "pgbouncer", "code", "api", "worker-transcribe", "worker-dub")
EVERYTHING = (*ORDER, "daemon")
DOWN_SECONDS = (0.2, 3.0)
# A server that starts again costs two cores seconds of work; most blows should meet work, not that.
CALM_SECONDS = (6.0, 18.0)
STORE_AWAY_SECONDS = 4.0
FAULT_RATE = 0.05
# Videos come in this share of the storm: the rest is for what the storm held up, because the 90
# seconds are for recovering and not for a queue that two cores had no time for.
ARRIVALS = 0.75
RECOVERY_SECONDS = 90.0
RESTART_SECONDS, START_SECONDS = 1.0, 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of all of it."""

    videos: int
    released: int
    failed_with_a_reason: int
    lost: int
    paid_twice: int
    answers_lost: int
    partial_objects: int
    disagreements: int
    runs_left: int
    leftovers: int
    kills: int
    recovery_s: float

    def as_json(self) -> str:
        """The line that machines read."""
        told = ("videos", "lost", "paid_twice", "partial_objects", "recovery_s")
        return json.dumps({name: getattr(self, name) for name in told})

    @property
    def holds(self) -> bool:
        """Whether this is what is promised."""
        wrong = (self.lost, self.paid_twice, self.partial_objects, self.disagreements)
        return not any((*wrong, self.runs_left, self.leftovers))


@dataclass
class Storm:
    """Kills servers at random moments, and starts them again."""

    running: Cluster
    chance: random.Random
    kills: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _restarting: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def orchestrate(self) -> Iterator[None]:
        """Start again what ends by itself, as when it finds another server missing."""
        over = threading.Event()

        def restart() -> None:
            while not over.wait(RESTART_SECONDS):
                with self._restarting:
                    self.running.machine.revive()

        thread = threading.Thread(target=restart, name="orchestrator")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def rage(self, seconds: float) -> None:
        """For so long; the last blow is a reboot."""
        ends = self.began + seconds
        while time.monotonic() < ends:
            time.sleep(self.chance.uniform(*CALM_SECONDS))
            self.chance.choice((self._one, self._one, self._several, self._store_away))()
        self._strike(EVERYTHING)

    def _one(self) -> None:
        self._strike((self.chance.choice(VICTIMS),))

    def _several(self) -> None:
        self._strike(self.chance.sample(VICTIMS, self.chance.randint(2, 4)))

    def _strike(self, names: Sequence[str]) -> None:
        self._note("+".join(names))
        machine = self.running.machine
        with self._restarting:
            self.running.kill(*names)
            time.sleep(self.chance.uniform(*DOWN_SECONDS))
            for name in sorted(names, key=EVERYTHING.index):
                machine.server(name).start()
        _wait(lambda: machine.are_ready(*names), START_SECONDS)

    def _store_away(self) -> None:
        """The store answers nobody for a while."""
        self._note("store")
        stores = [each for each in psutil.process_iter(["cmdline"]) if _is_store(each)]
        for each in stores:
            each.send_signal(signal.SIGSTOP)
        time.sleep(STORE_AWAY_SECONDS)
        for each in stores:
            each.send_signal(signal.SIGCONT)

    def _note(self, struck: str) -> None:
        self.kills.append(struck)
        PROGRESS.print(f"{time.monotonic() - self.began:4.0f} s  {struck}")


def _is_store(process: psutil.Process) -> bool:
    command = process.info["cmdline"] or []
    return "tests.support.servers.swift" in command and process.ppid() == os.getpid()


@dataclass
class Clients:
    """Hand videos in, one after the other, and keep trying as clients do."""

    running: Cluster
    clip: bytes
    folder: Path
    accepted: dict[str, str] = field(default_factory=dict)

    def hand_in(self, videos: int, seconds: float) -> None:
        """So many within about this time; each has words of its own."""
        for number in range(videos):
            began = time.monotonic()
            self._hand_in(number)
            time.sleep(max(0.0, seconds / videos - (time.monotonic() - began)))

    def _hand_in(self, number: int) -> None:
        own, captions = self.clip + f"video {number}".encode(), captions_of(number)
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = self.running.api.post(
                    "/videos",
                    files={"file": ("clip.mkv", own), "captions": ("clip.srt", captions)},
                    data={"languages": LANGUAGE},
                )
                if answer.status_code == 202:
                    self.accepted[answer.json()["id"]] = captions
                    return
                assert answer.status_code >= 500, answer.text
            time.sleep(0.3)


def survive(
    folder: Path, videos: int, seconds: float, seed: int, patience: float = RECOVERY_SECONDS
) -> Outcome:
    """Put the platform through the storm, give it so many seconds to recover, and take stock."""
    clip = short_clip(folder).read_bytes()
    faults = Faults.at_random(FAULT_RATE, seed, [Fault.ERROR, Fault.TOO_MANY, Fault.BAD_GATEWAY])
    with (
        local_providers(folder, faults) as paid,
        # It is the API that is killed here, and asked by one address what became of each of its
        # videos, again and again.
        cluster(folder / "c", behind_front=False, rate_limits="off", **paid.settings) as running,
    ):
        clients, storm = Clients(running, clip, folder), Storm(running, random.Random(seed))  # noqa: S311 - nothing is secret
        handing_in = threading.Thread(target=clients.hand_in, args=(videos, seconds * ARRIVALS))
        with storm.orchestrate():
            handing_in.start()
            storm.rage(seconds)
            restarted = time.monotonic()
            PROGRESS.print("everything runs again, and nobody helps")
            handing_in.join()
            _wait(lambda: not _is_left(running, clients), patience)
            recovery = time.monotonic() - restarted
        return _stock(running, clients, storm, folder / "asked.jsonl", recovery)


def _wait(holds: Callable[[], bool], seconds: float) -> None:
    """At most so long; what does not hold by then is counted, and not waited for."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.5)


def _list_unfinished(running: Cluster, clients: Clients) -> list[str]:
    return [
        each for each in clients.accepted if _status(running, each) not in ("released", "failed")
    ]


def _is_left(running: Cluster, clients: Clients) -> bool:
    """Tell whether something is still to be done: for a video, or for Dagster's view of its
    runs."""
    return bool(_list_unfinished(running, clients) or _rows(running, "dagster", _RUNS_LEFT))


def _status(running: Cluster, video_id: str) -> str:
    with contextlib.suppress(httpx.TransportError):
        answer = running.api.get(f"/videos/{video_id}/dubs/{LANGUAGE}")
        if answer.is_success:
            status: str = answer.json()["status"]
            return status
    return "unknown"


def _stock(
    running: Cluster, clients: Clients, storm: Storm, account: Path, recovery: float
) -> Outcome:
    dubs = [running.dub(each, LANGUAGE) for each in clients.accepted]
    released = [dub for dub in dubs if dub["status"] == "released"]
    failed = [dub for dub in dubs if dub["status"] == "failed" and dub["error"]["message"]]
    lost_answers = _rows(running, "dub", "SELECT count(*) FROM paid_calls WHERE status = 'open'")
    again = _count_spoken_again(account)
    return Outcome(
        videos=len(dubs),
        released=len(released),
        failed_with_a_reason=len(failed),
        lost=len(dubs) - len(released) - len(failed),
        paid_twice=max(0, again - lost_answers),
        answers_lost=lost_answers,
        partial_objects=sum(not _is_whole(dub) for dub in released) + _broken_pointers(running),
        disagreements=abs(_count_released(running) - len(released)),
        runs_left=_rows(running, "dagster", _RUNS_LEFT),
        leftovers=_leftovers(running),
        kills=len(storm.kills),
        recovery_s=round(recovery, 1),
    )


def _count_spoken_again(account: Path) -> int:
    """Count lines of which the voice sent more than one whole answer, by its own account."""
    asked = [json.loads(line) for line in account.read_text().splitlines()]
    whole = Counter(each["text"] for each in asked if each["fault"] is None)
    return sum(count - 1 for count in whole.values())


_RUNS_LEFT = "SELECT count(*) FROM runs WHERE status IN ('QUEUED','STARTING','STARTED','CANCELING')"


def _count_released(running: Cluster) -> int:
    """Count dubs of which Dagster knows a release."""
    query = (
        "SELECT count(DISTINCT partition) FROM event_logs "
        "WHERE dagster_event_type = 'ASSET_MATERIALIZATION' AND asset_key = '[\"r2_object\"]'"
    )
    return _rows(running, "dagster", query)


def _rows(running: Cluster, database: str, query: str) -> int:
    with engine_of(running, database).connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def engine_of(running: Cluster, database: str) -> Engine:
    """One of the cluster's two databases, `dub` or `dagster`, not through the pooler."""
    environment = running.machine.server("api").environment
    url = f"postgresql+psycopg2://dub@127.0.0.1:{running.machine.here.port('5432')}/{database}"
    return create_engine(url, connect_args={"password": environment["PGPASSWORD"]})


def _is_whole(dub: Mapping[str, Any]) -> bool:
    """Whether everything that a viewer is pointed to can be fetched as it was made."""
    with httpx.Client(timeout=HANG_SECONDS) as client:
        manifest, track = client.get(dub["manifest_url"]), client.get(dub["track_url"])
        captions = [client.get(url) for url in dub["captions_urls"].values()]
        answers = [manifest, track, client.head(dub["video_url"]), *captions]
    if not all(answer.is_success for answer in answers):
        return False
    return bool(hashlib.sha256(track.content).hexdigest() == manifest.json()["track"]["sha256"])


def _broken_pointers(running: Cluster) -> int:
    """`current.json` files in the public bucket that name what is not there."""
    settings = running.settings
    store = running_swift().client
    bucket = settings.r2_public_bucket
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = {each["Key"] for page in pages for each in page.get("Contents", [])}
    broken = 0
    for key in (each for each in keys if each.endswith("/current.json")):
        pointer = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
        named = {pointer["track"], pointer["manifest"], pointer["film"]}
        broken += not {*named, *pointer["captions"].values()} <= keys
    return broken


def _leftovers(running: Cluster) -> int:
    """Files in the work folder, and leases that somebody still renews."""
    spool = running.machine.around.home / "spool"
    files = sum(path.is_file() for path in spool.rglob("*")) if spool.exists() else 0
    fresh = "SELECT count(*) FROM leases WHERE renewed_at > now() - interval '10 seconds'"
    return files + _rows(running, "dub", fresh)


def main() -> int:
    """Run it, print a table for people and a line for machines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos")
    parser.add_argument("--videos", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    with _folder() as folder:
        outcome = survive(folder, chosen.videos, chosen.seconds, chosen.seed)
    table = Table("measure", "value")
    for name, value in asdict(outcome).items():
        table.add_row(name, str(value))
    console = Console()
    console.print(table)
    console.print(outcome.as_json(), soft_wrap=True, highlight=False)
    return 0 if outcome.holds else 1


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dub-chaos-", ignore_cleanup_errors=True) as name:
        yield Path(name)


if __name__ == "__main__":
    command.run(main)
