"""Where logs are kept: dagster.yaml says it through `ComputeLogs`, and the settings decide."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster._core.storage.compute_log_manager import (
    CapturedLogData,
    ComputeIOType,
    ComputeLogManager,
)
from dagster._serdes import ConfigurableClassData

from dub_platform.settings import Settings, WrongSettingError
from tests.support.servers.swift import running_swift

KEY = ["run", "compute_logs", "speech"]
Machine = Callable[[str], ComputeLogManager]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes what Dagster makes of dagster.yaml on a machine of this name, with its own disk."""
    monkeypatch.chdir(tmp_path)

    def made(name: str) -> ComputeLogManager:
        monkeypatch.setenv("DUB_HOME", str(tmp_path / name))
        named = ConfigurableClassData("assets.step.compute_logs", "ComputeLogs", "{}\n")
        return named.rehydrate(as_type=ComputeLogManager)  # type: ignore[type-abstract]

    return made


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> str:
    """The private bucket of DUB_STORE=r2, on a machine whose own AWS account is another one."""
    settings = Settings.model_validate(running_swift().new_settings())
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "of-another-account")
    return settings.r2_bucket


def test_a_disk_keeps_logs_beside_the_instance(machine: Machine, tmp_path: Path) -> None:
    """What a step prints is below DUB_HOME and nowhere else."""
    with machine("one").open_log_stream(KEY, ComputeIOType.STDERR) as stream:
        assert stream
        stream.write("Line 1 of 2 is spoken.")  # type: ignore[call-overload]
    kept = tmp_path / "one" / "dagster" / "storage" / "run" / "compute_logs" / "speech.err"
    assert "Line 1 of 2 is spoken." == kept.read_text()


@pytest.mark.usefixtures("bucket")
def test_what_one_machine_printed_is_read_on_another(machine: Machine) -> None:
    """Through the bucket, with the bucket's keys."""
    with machine("one").open_log_stream(KEY, ComputeIOType.STDERR) as stream:
        assert stream
        stream.write("Line 1 of 2 is spoken.")  # type: ignore[call-overload]
    assert b"Line 1 of 2 is spoken." == machine("another").get_log_data(KEY).stderr


def test_what_says_nothing_is_not_kept(machine: Machine, bucket: str) -> None:
    """A sensor opens a log every few seconds, and seldom has anything to say."""
    with machine("one").open_log_stream(KEY, ComputeIOType.STDERR):
        pass
    assert 0 == running_swift().client.list_objects_v2(Bucket=bucket)["KeyCount"]


def test_a_bucket_out_of_reach_is_said_in_a_sentence(
    bucket: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of the step has it where its output would be, and waits for no more."""
    monkeypatch.setenv("DUB_R2_ENDPOINT", "http://127.0.0.1:1")
    shown: list[CapturedLogData] = []
    subscription = machine("webserver").subscribe(KEY)
    subscription(shown.append)
    subscription.fetch()
    assert subscription.is_complete
    [data] = shown
    said = (data.stderr or b"").decode()
    assert f"The bucket '{bucket}', which has what this step printed, cannot be reached" in said
    assert "DUB_R2_ENDPOINT" in said


def test_a_run_without_a_bucket_does_not_load_what_buckets_need(tmp_path: Path) -> None:
    """Every run is a process, and dagster_aws would cost each of them most of a second."""
    asked = (
        "import assets.step.compute_logs, dub_platform.definitions, sys; "
        "print('dagster_aws' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", asked],
        env={**os.environ, "DUB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "False\n" == done.stdout


def test_a_bucket_without_its_settings_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that reads dagster.yaml does not start."""
    monkeypatch.setenv("DUB_STORE", "r2")
    with pytest.raises(WrongSettingError, match="DUB_STORE=r2 needs DUB_R2_ENDPOINT"):
        machine("one")
