"""Runs of one machine: forked, found when they crash, stopped when somebody wants it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from assets.step.tags import VIDEO
from dub_platform.local.dagster_storage import open_instance
from dub_platform.local.stack import Stack
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.platform import Answer, Platform

pytestmark = pytest.mark.xdist_group("platform")  # one stack serves them all

TERMINATE = """mutation($id: String!) { terminateRun(runId: $id) { __typename
  ... on TerminateRunFailure { message } ... on PythonError { message } } }"""


@pytest.fixture
def instance(platform: Platform) -> Iterator[DagsterInstance]:
    assert isinstance(platform.stack, Stack)
    with open_instance(platform.stack.dagster_home) as instance:
        yield instance


def clip(folder: Path, name: str) -> Path:
    """One with a content of its own, and without captions: listening to it takes a while."""
    path = make_golden_clip(folder).path
    own = folder / f"{name}.mkv"
    own.write_bytes(path.read_bytes() + name.encode())
    return own


def run_at(
    platform: Platform, instance: DagsterInstance, video_id: str, stage: str
) -> tuple[DagsterRun, int]:
    """The run that is at this stage of the video, and its process."""
    platform.until(lambda: platform.video(video_id).get("stage") == stage)
    [run] = instance.get_runs(
        RunsFilter(tags={VIDEO: video_id}, statuses=[DagsterRunStatus.STARTED])
    )
    messages = [entry.message for entry in instance.all_logs(run.run_id)]
    [pid] = re.findall(r"Started process for run \(pid: (\d+)\)", "\n".join(messages))
    return run, int(pid)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.long
def test_a_run_that_is_killed_is_failed_and_its_work_is_made(
    platform: Platform, instance: DagsterInstance, tmp_path: Path
) -> None:
    """Dagster is told which signal it was, long before its monitoring would ask."""
    video = platform.hand_in(clip(tmp_path, "killed"), "es")
    run, pid = run_at(platform, instance, video["id"], "transcript")
    os.kill(pid, signal.SIGKILL)
    platform.until(lambda: _status(instance, run) is DagsterRunStatus.FAILURE)
    messages = [entry.message for entry in instance.all_logs(run.run_id)]
    assert "The run's process ended with signal 9." in "\n".join(messages)
    platform.await_release(video["id"], "es")


@pytest.mark.logs_errors("Run was canceled. Failed steps: ['transcript'].")
def test_a_run_can_be_stopped_and_its_process_is_gone(
    platform: Platform, instance: DagsterInstance, tmp_path: Path
) -> None:
    """With the button of Dagster's page."""
    video = platform.hand_in(clip(tmp_path, "stopped"), "es")
    run, pid = run_at(platform, instance, video["id"], "transcript")
    answer = platform.ask_dagster(TERMINATE, id=run.run_id)["terminateRun"]
    assert "TerminateRunSuccess" == answer["__typename"], answer
    platform.until(lambda: _status(instance, run) is DagsterRunStatus.CANCELED)
    platform.until(lambda: not is_there(pid))
    platform.until(lambda: platform.video(video["id"])["status"] == "failed")
    assert "run_stopped" == platform.video(video["id"])["error"]["code"]


def test_the_process_of_a_run_is_its_own_and_ends_with_it(
    platform: Platform, instance: DagsterInstance, handed_in: Answer
) -> None:
    """Nothing of one run is left in the next, however long the platform is up."""
    runs = instance.get_runs(RunsFilter(tags={VIDEO: handed_in["id"]}))
    platform.until(lambda: all(_is_over(instance, run) for run in runs))
    messages = [entry.message for run in runs for entry in instance.all_logs(run.run_id)]
    pids = {int(pid) for pid in re.findall(r"\(pid: (\d+)\)", "\n".join(messages))}
    # It was prepared, and dubbed into two languages.
    assert 3 <= len(runs) == len(pids)
    platform.until(lambda: not any(is_there(pid) for pid in pids))


def _status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found.status


def _is_over(instance: DagsterInstance, run: DagsterRun) -> bool:
    found = instance.get_run_by_id(run.run_id)
    return found is not None and found.is_finished
