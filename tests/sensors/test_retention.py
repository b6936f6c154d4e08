"""Retention in Dagster: which runs go, and what an operator is shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    DynamicPartitionsDefinition,
    Output,
    TableMetadataValue,
    asset,
    define_asset_job,
    in_process_executor,
)

from assets.step.tags import queue_of
from dub_platform.commands.admin import main
from dub_platform.definitions import definitions
from dub_platform.registry import Work
from dub_platform.registry.database.engine import engine_at
from dub_platform.settings import Settings
from resources.catalogue.retention import Gone, Kind
from sensors.retention import Tally, count_by_kind, every_night, old_runs, total
from tests.contracts.databases import postgres, postgres_url, run_script, script_of
from tests.sensors.rows import VIDEO, run_of
from tests.support.new_registries import make_registry

__all__ = ["postgres", "postgres_url"]

LATER = datetime.now(timezone.utc) + timedelta(days=31)
videos = DynamicPartitionsDefinition(name="videos")
VIDEOS = ["one", "two"]
WORK = Work(VIDEO, None, 1)


@asset(partitions_def=videos)
def made() -> Output[None]:
    """Something of each video."""
    print("made")  # noqa: T201 - so that the run has a log
    return Output(None)


DEFS = Definitions(
    assets=[made], jobs=[define_asset_job("make", [made])], executor=in_process_executor
)


@pytest.fixture(params=["sqlite", "postgresql"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, on_sqlite: Path
) -> Iterator[DagsterInstance]:
    """On both databases, with two videos."""
    overrides = {}
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        overrides = on_postgresql(url)
        engine = engine_at(url)
        run_script(engine, script_of(make_instance))
        engine.dispose()
    else:
        shutil.copytree(on_sqlite, tmp_path, dirs_exist_ok=True)
    with DagsterInstance.local_temp(str(tmp_path), overrides) as opened:
        yield opened


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance: it is copied in a fraction of the time that it takes to make."""
    folder = tmp_path_factory.mktemp("instance")
    with DagsterInstance.local_temp(str(folder)) as opened:
        opened.add_dynamic_partitions("videos", VIDEOS)
    return folder


def make_instance(url: str) -> None:
    """Make Dagster's tables in the PostgreSQL database."""
    with DagsterInstance.local_temp(overrides=on_postgresql(url)) as opened:
        opened.add_dynamic_partitions("videos", VIDEOS)


def on_postgresql(url: str) -> dict[str, Any]:
    return {"storage": {"postgres": {"postgres_url": url}}}


def run(instance: DagsterInstance, video: str) -> str:
    """Make it of a video; the run's id."""
    job = DEFS.resolve_job_def("make")
    return job.execute_in_process(instance=instance, partition_key=video).run_id


def gone(instance: DagsterInstance, before: datetime = LATER, *, dry_run: bool = False) -> int:
    """How many runs went."""
    return len(list(old_runs(instance, before, dry_run=dry_run)))


def runs(instance: DagsterInstance) -> set[str]:
    return {record.dagster_run.run_id for record in instance.get_run_records()}


def test_runs_that_made_the_latest_of_a_video_stay(instance: DagsterInstance) -> None:
    """Those before them go; nothing that was made is taken for missing afterwards."""
    _, second, other = [run(instance, video) for video in ("one", "one", "two")]
    assert 1 == gone(instance)
    assert {second, other} == runs(instance)
    assert {"one", "two"} == instance.get_materialized_partitions(AssetKey("made"))
    assert 0 == gone(instance)


def test_a_run_leaves_neither_logs_nor_files(instance: DagsterInstance, tmp_path: Path) -> None:
    """What it printed goes, and on SQLite the file of its events, whose bytes are told."""
    first = run(instance, "one")
    run(instance, "one")
    found = [path for path in tmp_path.rglob("*") if first in path.name]
    events = [path.stat().st_size for path in found if path.is_file()]
    assert [Gone(Kind.RUNS, sum(events))] == list(old_runs(instance, LATER, dry_run=False))
    assert found
    assert [] == [path for path in tmp_path.rglob("*") if first in path.name]


@pytest.mark.parametrize("status", ["FAILURE", "CANCELED", "SUCCESS"])
def test_runs_that_made_nothing_go(instance: DagsterInstance, status: str) -> None:
    """However they ended."""
    run_of(instance, WORK, DagsterRunStatus[status])
    assert 1 == gone(instance)
    assert set() == runs(instance)


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_runs_that_have_not_ended_stay(instance: DagsterInstance, status: str) -> None:
    """Whoever looks for what was lost needs them."""
    run_of(instance, WORK, DagsterRunStatus[status])
    assert 0 == gone(instance)


def test_runs_stay_for_as_long_as_they_are_kept(instance: DagsterInstance) -> None:
    """It counts from their end."""
    run_of(instance, WORK, DagsterRunStatus.FAILURE)
    assert 0 == gone(instance, datetime.now(timezone.utc) - timedelta(days=1))


def test_more_than_a_page_of_runs_goes(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though each page is found by the last run of the page before."""
    monkeypatch.setattr("sensors.retention.RUNS_A_PAGE", 2)
    for _ in range(5):
        run_of(instance, WORK, DagsterRunStatus.FAILURE)
    assert 5 == gone(instance)


def test_a_dry_run_deletes_no_run(instance: DagsterInstance) -> None:
    """It tells of the same ones."""
    run_of(instance, WORK, DagsterRunStatus.FAILURE)
    assert [1, 1, 1] == [gone(instance, dry_run=dry_run) for dry_run in (True, True, False)]


def test_every_kind_is_counted(tmp_path: Path) -> None:
    """Also one of which there is nothing."""
    tallies = count_by_kind([Gone(Kind.TAKES, 3), Gone(Kind.TAKES, 4), Gone(Kind.RUNS)])
    assert set(Kind) == set(tallies)
    assert (Tally(2, 7), Tally(1, 0)) == (tallies[Kind.TAKES], tallies[Kind.RUNS])
    assert (Tally(), Tally(3, 7)) == (tallies[Kind.MEDIA], total(tallies))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A platform's, in which a process was killed while it wrote four bytes."""
    make_registry(Settings(home=tmp_path).registry_url)
    (tmp_path / "dagster").mkdir()
    left = tmp_path / "spool" / "mix-a.work" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    return tmp_path


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_run_shows_what_went(home: Path, dry_run: bool) -> None:
    """As metadata of its output, with a table by kind."""
    job = definitions(Settings(home=home)).resolve_job_def("remove_leftovers")
    config = {"ops": {"leftovers": {"config": {"dry_run": dry_run}}}}
    with DagsterInstance.ephemeral(tempdir=str(home)) as instance:
        ran = job.execute_in_process(run_config=config, instance=instance)
    (output,) = [each for each in ran.all_events if each.is_successful_output]
    shown = output.step_output_data.metadata
    assert (dry_run, 1, 4) == tuple(shown[name].value for name in ("dry_run", "count", "bytes"))
    table = shown["table"]
    assert isinstance(table, TableMetadataValue)
    assert {"kind": "folders of dead processes", "count": 1, "bytes": 4} in [
        record.data for record in table.records
    ]
    assert dry_run == (home / "spool" / "mix-a.work").exists()


def test_a_store_that_cannot_be_used_fails_the_run_in_words(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the code that every other step fails with."""
    from dub_platform.core.errors import StorageUnavailableError
    from resources.store.local import LocalStore

    def away(*_: object) -> None:
        raise StorageUnavailableError("The store is away.")

    monkeypatch.setattr(LocalStore, "keys", away)
    job = definitions(Settings(home=home)).resolve_job_def("remove_leftovers")
    with DagsterInstance.ephemeral(tempdir=str(home)) as instance:
        ran = job.execute_in_process(instance=instance, raise_on_error=False)
    (failed,) = [each for each in ran.all_events if each.is_step_failure]
    failure = failed.step_failure_data.user_failure_data
    assert failure
    assert "storage_unavailable" == failure.metadata["error"].value["code"]  # type: ignore[index, call-overload]


def test_the_schedule_asks_for_no_dry_run(home: Path) -> None:
    """And for workers that there are."""
    job = definitions(Settings(home=home)).resolve_job_def("remove_leftovers")
    assert job.name == every_night.job_name
    assert "dub" == queue_of(job.tags)


def test_the_command_prints_the_same_numbers(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run as often as one likes, and then for good."""
    monkeypatch.setenv("DUB_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))

    def maintain(*options: str) -> list[list[str]]:
        assert 0 == main(["maintain", *options])
        return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]

    folders = ["folders", "of", "dead", "processes", "1", "4"]
    for options, what in ((["--dry-run"], ["what", "would", "go"]), ([], ["what", "went"])):
        printed = maintain(*options)
        assert [*what, "count", "bytes"] == printed[0]
        assert ["all", "1", "4"] == printed[-1]
        assert folders in printed
    assert ["all", "0", "0"] == maintain("--dry-run")[-1]


def test_the_command_says_where_it_finds_no_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Dagster instance nothing was ever made."""
    monkeypatch.setenv("DUB_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    assert 1 == main(["maintain"])
    said = capsys.readouterr()
    assert "" == said.out
    assert (
        f"There is no Dagster in {tmp_path / 'dagster'}, so there is nothing to remove." in said.err
    )
    assert "Set DAGSTER_HOME" in said.err
