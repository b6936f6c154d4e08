"""The composition running: its own commands on real servers, without docker's engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from assets.step.tags import VIDEO
from dub_platform.client import DubClient
from tests.assets.conftest import SENTENCES
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.processes import is_gone
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.cluster import Cluster, cluster
from tests.support.rig.cluster.composition import ROOT
from tests.support.rig.cluster.machine import PASSWORD, SECOND
from tests.support.rig.cluster.platform import Surroundings
from tests.support.rig.cluster.providers import Providers, local_providers
from tests.support.rig.platform import Answer
from tests.support.servers.providers.openai_server import Fault

# One cluster serves them all.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("cluster")]

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "workers.json"
WATCHED = ("flower", "prometheus", "proxy")
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename } } } } }"""
RUNS = """query($tags: [ExecutionTag!]!) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results {
    runId jobName status
    eventConnection { events {
      ... on MessageEvent { message }
      ... on EngineEvent { metadataEntries { label ... on TextMetadataEntry { text } } }
    } } } } }
}"""
BY_HAND = "__ASSET_JOB"
TERMINATE = """mutation($run: String!) { terminateRun(runId: $run) { __typename } }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("composed")


@pytest.fixture(scope="module")
def providers(folder: Path) -> Iterator[Providers]:
    """A bucket, and paid engines."""
    with local_providers(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def running(folder: Path, providers: Providers) -> Iterator[Cluster]:
    """The whole composition, with one process at each queue."""
    with cluster(folder, workers=1, more=WATCHED, **providers.settings) as started:
        yield started


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Clips of nine seconds: what stands after the end of one is of its content hash only."""
    folder = tmp_path_factory.mktemp("clips")
    content = make_golden_clip(folder, SENTENCES, 9.0).path.read_bytes()

    def another() -> Iterator[Path]:
        for number in range(100):
            path = folder / f"clip-{number}.mkv"
            path.write_bytes(content + f"clip {number}".encode())
            yield path

    return another()


@pytest.fixture(scope="module")
def dubbed(running: Cluster, clips: Iterator[Path]) -> list[Answer]:
    """Two clips, one after the other, released in Spanish."""
    videos = [running.hand_in(next(clips), "es") for _ in range(2)]
    return [running.await_release(video["id"], "es") for video in videos]


def test_the_webserver_loads_the_code(running: Cluster) -> None:
    """The UI has the definitions that the code server offers."""
    [entry] = running.ask_dagster(LOADED)["workspaceOrError"]["locationEntries"]
    assert "RepositoryLocation" == entry["locationOrLoadError"]["__typename"]


def test_the_limits_are_those_that_there_are_by_default(running: Cluster) -> None:
    """Through `front`, which tells the API who asks: each address is counted for itself."""
    policies = {'"minute";q=120;w=60', '"hour";q=3000;w=3600'}
    left = dict[str, Any]()
    for address in ("203.0.113.7", "203.0.113.7", "203.0.113.8"):
        answer = running.api.get("/videos", headers={"x-forwarded-for": address})
        assert policies == set(answer.raise_for_status().headers["ratelimit-policy"].split(", "))
        assert "Caddy" in answer.headers["via"]
        found = re.search(r'"minute";r=(\d+)', answer.headers["ratelimit"])
        assert found
        left.setdefault(address, []).append(int(found[1]))
    assert {"203.0.113.7": [119, 118], "203.0.113.8": [119]} == left


def test_what_a_process_of_the_api_counted_counts_at_the_other(running: Cluster) -> None:
    """Which answers at the same address when the first is gone."""
    addresses = (f"203.0.113.{number}" for number in range(9, 255))

    def is_counted_at_both() -> bool:
        asked = partial(running.api.get, "/videos", headers={"x-forwarded-for": next(addresses)})
        asked().raise_for_status()
        running.start(SECOND)
        running.kill("api")
        left = asked().raise_for_status().headers["ratelimit"]
        running.start("api")
        running.kill(SECOND)
        asked().raise_for_status()
        return '"hour";r=2998' in left

    # On a busy machine Redis may answer too late, and then each process counts by itself.
    wait_until(is_counted_at_both)


def test_a_script_hands_in_a_playlist_and_waits_for_it(
    running: Cluster, clips: Iterator[Path], dubbed: list[Answer]
) -> None:
    """A hundred links at once, and whoever watches meanwhile is not refused either."""
    del dubbed
    playlist = [f"{number:010}A" for number in range(100)]
    with DubClient(str(running.api.base_url)) as client:
        ids = [client.estimate(each, ["es"])["id"] for each in playlist]
        video = client.add(str(next(clips)), ["es"])
        assert playlist == ids
        assert "released" == client.wait(video["id"])["dubs"][0]["status"]
        watched = client.file(video["links"]["watch"]["es"])
    assert b"<video" in watched


def test_a_released_track_can_be_heard(running: Cluster, dubbed: list[Answer]) -> None:
    """Over HTTP, at the address that the API gives for it."""
    assert {200} == {running.api.head(dub["track_url"]).status_code for dub in dubbed}


def test_a_run_goes_to_the_queue_of_its_job(running: Cluster, dubbed: list[Answer]) -> None:
    """And the workers of that queue have done it, by Celery's own count."""
    queues = {run["jobName"]: _queue(run) for run in _runs(running)}
    assert {"prepare_video": "transcribe", "dub_video": "dub"} == queues
    for queue in queues.values():
        done = f'flower_events_total{{type="task-succeeded",queue="{queue}"}}'
        wait_until(partial(_has_counted, running, done, len(dubbed)))


def test_what_an_operator_starts_goes_to_the_same_queues(
    running: Cluster, dubbed: list[Answer]
) -> None:
    """By the UI's button, whose job is Dagster's own and has no tags."""
    video = dubbed[0]["video_id"]
    running.materialize(BY_HAND, "source_media", video=video)
    running.materialize(BY_HAND, "translation", video=video, language="es")
    sent = [_queue(run) for run in _runs(running) if run["jobName"] == BY_HAND]
    assert ["dub", "transcribe"] == sent


def test_runs_share_a_warm_process(running: Cluster, dubbed: list[Answer]) -> None:
    """Both dubs were made by the same process id: nothing was imported for the second."""
    began = [run for dub in dubbed for run in _runs(running, dub["video_id"])]
    # A machine that is too busy to launch one in time gives it up, and another is asked for.
    made = [run for run in began if run["status"] == "SUCCESS"]
    dubs = [run for run in made if run["jobName"] == "dub_video"]
    assert 2 == len(dubs)
    assert 1 == len({_pid(run) for run in dubs})


def test_a_run_that_is_terminated_in_the_ui_ends(
    running: Cluster, providers: Providers, clips: Iterator[Path]
) -> None:
    """In the middle of a call to a provider; run and dub say so."""
    asked = len(providers.chat.asked)
    providers.chat.script(Fault.HANG)
    video = running.hand_in(next(clips), "es")
    wait_until(lambda: len(providers.chat.asked) > asked)
    [run] = [run for run in _runs(running, video["id"]) if run["jobName"] == "dub_video"]
    answer = running.ask_dagster(TERMINATE, run=run["runId"])
    assert "TerminateRunSuccess" == answer["terminateRun"]["__typename"]
    dub = running.await_end(video["id"], "es")
    assert "failed" == dub["status"]
    assert "was stopped" in dub["error"]["message"]
    assert ["CANCELED"] == _dubs(running, video["id"])


def test_a_worker_that_is_told_to_stop_finishes_its_run(
    running: Cluster, clips: Iterator[Path]
) -> None:
    """It takes nothing new, and a worker that starts elsewhere does."""
    first, second = (running.hand_in(next(clips), "es") for _ in range(2))
    dubs = {first["id"], second["id"]}
    wait_until(lambda: any("STARTED" in _dubs(running, video) for video in dubs))
    running.stop("worker-dub")
    left = {status for video in dubs for status in _dubs(running, video)}
    assert "SUCCESS" in left
    assert set() == left & {"STARTED", "CANCELED", "FAILURE"}
    running.start("worker-dub-2")
    assert {"released"} == {running.await_release(video, "es")["status"] for video in dubs}


def test_stores_that_were_killed_come_back_with_what_they_held(
    running: Cluster, clips: Iterator[Path], dubbed: list[Answer]
) -> None:
    """And everybody finds them again: nothing else has to be started anew."""
    running.kill("postgres", "redis", "pgbouncer")
    running.start("postgres", "redis", "pgbouncer")
    assert "released" == running.dub(dubbed[0]["video_id"], "es")["status"]
    video = running.hand_in(next(clips), "es")
    assert "released" == running.await_release(video["id"], "es")["status"]
    assert running.machine.find_dead() is None


@pytest.mark.usefixtures("dubbed")
def test_no_panel_is_without_a_figure(running: Cluster) -> None:
    """Prometheus answers every query of the dashboard."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    for query in queries:
        wait_until(partial(_asked, running, query))


@pytest.mark.parametrize(
    ("path", "says"), [("/server_info", "dagster_webserver_version"), ("/flower/workers", "Flower")]
)
def test_nobody_sees_the_page_without_the_password(running: Cluster, path: str, says: str) -> None:
    """Dagster and Flower are behind the proxy, which knows one account."""
    url = running.machine.here.url("8080") + path
    assert [401, 401] == [
        httpx.get(url, auth=auth, timeout=HANG_SECONDS).status_code for auth in (None, ("dub", "x"))
    ]
    assert (
        says in httpx.get(url, auth=("dub", PASSWORD), timeout=HANG_SECONDS).raise_for_status().text
    )


@pytest.mark.parametrize("name", ["api", "code", "daemon", "worker-transcribe"])
def test_a_health_check_passes(running: Cluster, name: str) -> None:
    """The composition's own, run as in the container."""
    assert 0 == _health(running, name).returncode


def test_a_health_check_fails_for_a_worker_that_is_not_there(running: Cluster) -> None:
    """It asks one worker, and not whichever answers."""
    assert 0 != _health(running, "worker-gpu").returncode


@pytest.mark.usefixtures("dubbed")
def test_a_killed_worker_leaves_no_process(running: Cluster) -> None:
    """Those that execute its runs end with it: another worker is given what they were at."""
    worker = running.machine.server("worker-transcribe")
    started = worker.pids()
    assert len(started) > 1
    os.kill(worker.pid, signal.SIGKILL)
    assert is_gone(*started)
    running.kill("worker-transcribe")
    running.start("worker-transcribe")


@pytest.mark.usefixtures("dubbed")
def test_nothing_is_written_beside_the_volume(running: Cluster) -> None:
    """In a container the rest of the file system is read-only."""
    home = running.machine.around.dagster_home
    written = {path.name for path in home.rglob("*") if path.is_file()}
    assert {"dagster.yaml", "workspace.yaml"} == written


@pytest.mark.usefixtures("dubbed")
def test_no_log_holds_a_secret(running: Cluster) -> None:
    """Not of the broker or the database, no provider's key and not the bucket's."""
    logs = "".join(path.read_text() for path in (running.machine.folder / "logs").iterdir())
    chosen = running.settings
    keys = (chosen.openai_api_key, chosen.elevenlabs_api_key, chosen.r2_secret_access_key)
    secrets = ["secret-of-", *(key.get_secret_value() for key in keys if key)]
    assert 4 == len(secrets)
    assert [] == [secret for secret in secrets if secret in logs]


def _runs(running: Cluster, video_id: str = "") -> list[dict[str, Any]]:
    tags = [{"key": VIDEO, "value": video_id}] if video_id else []
    found: list[dict[str, Any]] = running.ask_dagster(RUNS, tags=tags)["runsOrError"]["results"]
    return found


def _dubs(running: Cluster, video_id: str) -> list[str]:
    """The statuses of the runs that dub a video."""
    return [run["status"] for run in _runs(running, video_id) if run["jobName"] == "dub_video"]


def _queue(run: dict[str, Any]) -> str:
    """The queue that a run was sent to, as the run's events say."""
    shown = [
        entry
        for event in run["eventConnection"]["events"]
        for entry in event.get("metadataEntries", ())
    ]
    [queue] = {entry["text"] for entry in shown if entry["label"] == "Celery Queue"}
    return str(queue)


def _pid(run: dict[str, Any]) -> str:
    """The process that executed a run, as the run's events say."""
    messages = "\n".join(str(event.get("message")) for event in run["eventConnection"]["events"])
    found = re.search(r"\(pid: (\d+)\)", messages)
    assert found, messages
    return found[1]


def _asked(running: Cluster, query: str) -> list[float]:
    """What Prometheus answers: the value of each series."""
    url = running.machine.here.url("9090") + "/prometheus/api/v1/query"
    answer = httpx.get(url, params={"query": query}, timeout=HANG_SECONDS).raise_for_status().json()
    values = [float(each["value"][1]) for each in answer["data"]["result"]]
    return [value for value in values if value == value]


def _health(running: Cluster, name: str) -> subprocess.CompletedProcess[bytes]:
    around: Surroundings = running.machine.around
    composed = running.machine.services[name]
    how, *words = composed["healthcheck"]["test"]
    words = [around.word(word, name) for word in words]
    environment = {**around.environment(composed), "HOSTNAME": name}
    command = words if how == "CMD" else ["sh", "-c", *words]
    return subprocess.run(
        command, env=environment, cwd=around.dagster_home, capture_output=True, check=False
    )


def _has_counted(running: Cluster, query: str, count: int) -> bool:
    return sum(_asked(running, query)) >= count
