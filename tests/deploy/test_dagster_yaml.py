"""The two instances: Dagster loads them, and keeps in them what it is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import AssetKey, AssetMaterialization, DagsterInstance
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster_celery.launcher import CeleryRunLauncher
from sqlalchemy import create_engine, inspect

from dub_platform.registry import NewVideo, Source, SqlRegistry
from dub_platform.registry.migrate import upgrade
from dub_platform.settings import Settings, WrongSettingError
from tests.support.rig.cluster.composition import ROOT

VIDEO = "dQw4w9WgXcQ"
PRODUCTION, EMBEDDED = ROOT / "dagster.yaml", ROOT / "deploy" / "embedded" / "dagster.yaml"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DUB_HOME, below which logs are kept."""
    monkeypatch.setenv("DUB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def production(
    databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """The instance of the dagster.yaml at the top, on PostgreSQL."""
    monkeypatch.setenv("PGHOST", str(databases))
    # Without a host, the driver looks for a socket where PGHOST says.
    account = {"HOST": "", "PORT": "5432", "USER": "dub", "PASSWORD": "s3cret", "DB": "dagster"}
    for name, value in account.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", value)
    monkeypatch.setenv("DUB_REDIS_URL", "redis://127.0.0.1:6379/0")
    with _instance(PRODUCTION, tmp_path) as instance:
        yield instance


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """The instance of `make up`, which tells its servers where it is."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with _instance(EMBEDDED, tmp_path) as instance:
        yield instance


@pytest.fixture(params=["production", "embedded"])
def instance(request: pytest.FixtureRequest) -> DagsterInstance:
    """Each of them in turn."""
    made: DagsterInstance = request.getfixturevalue(request.param)
    return made


def test_what_one_process_writes_another_reads(instance: DagsterInstance) -> None:
    """Partitions and materializations are there for whoever opens the same instance."""
    instance.add_dynamic_partitions("videos", [VIDEO])
    made = AssetMaterialization("source_media", partition=VIDEO, metadata={"seconds": 30.0})
    instance.report_runless_asset_event(made)
    with DagsterInstance.from_ref(instance.get_ref()) as other:
        assert [VIDEO] == list(other.get_dynamic_partitions("videos"))
        event = other.get_latest_materialization_event(AssetKey("source_media"))
    assert event is not None
    assert made == event.asset_materialization


def test_nothing_is_sent_to_anybody(instance: DagsterInstance) -> None:
    """Dagster's telemetry is off."""
    assert instance.telemetry_enabled is False


def test_the_daemon_does_what_is_needed_and_no_more(instance: DagsterInstance) -> None:
    """No asset is made by a condition, or late: what looks for that every few seconds is off."""
    needed = {"SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR", "MONITORING", "BACKFILL"}
    assert needed == set(instance.get_required_daemon_types())


def test_lost_runs_are_found(instance: DagsterInstance) -> None:
    """A run without its process ends, and gives its slots back."""
    assert instance.run_monitoring_enabled
    assert 60 == instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"]


def test_a_run_is_not_given_to_a_second_worker_while_it_lasts(production: DagsterInstance) -> None:
    """The broker waits longer for a worker's word than the longest run takes."""
    assert isinstance(production.run_launcher, CeleryRunLauncher)
    waits = production.run_launcher.celery.conf.broker_transport_options["visibility_timeout"]
    assert waits > production.get_settings("run_monitoring")["max_runtime_seconds"]


def test_production_keeps_everything_in_postgresql(
    production: DagsterInstance, databases: Path
) -> None:
    """Runs, events and schedules are tables of the database that the environment names."""
    production.add_dynamic_partitions("videos", [VIDEO])
    engine = create_engine(f"postgresql+psycopg2://dub@/dagster?host={databases}")
    tables = set(inspect(engine).get_table_names())
    engine.dispose()
    assert set() == {"runs", "event_logs", "dynamic_partitions", "job_ticks"} - tables


def test_the_registry_migrates_beside_dagster(production: DagsterInstance, databases: Path) -> None:
    """On the same server, in a database of its own."""
    url = f"postgresql+psycopg2://dub@/dub?host={databases}"
    upgrade(url)
    production.add_dynamic_partitions("videos", [VIDEO])
    SqlRegistry.at(url).accept(NewVideo(VIDEO, Source.YOUTUBE), ["es"])
    assert SqlRegistry.at(url).was_asked_for(VIDEO, "es")


def test_one_database_is_enough(
    databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a platform names it as DATABASE_URL, registry and Dagster share it, each migrated."""
    engine = create_engine(f"postgresql://dub@/dub?host={databases}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    monkeypatch.setenv("DATABASE_URL", f"postgres://dub@/dub?host={databases}")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    url = Settings.from_environment().registry_url
    upgrade(url)
    with _instance(PRODUCTION, tmp_path) as instance:
        instance.upgrade()
        instance.add_dynamic_partitions("videos", [VIDEO])
    upgrade(url)
    SqlRegistry.at(url).accept(NewVideo(VIDEO, Source.YOUTUBE), ["es"])
    with _instance(PRODUCTION, tmp_path) as instance:
        assert [VIDEO] == list(instance.get_dynamic_partitions("videos"))
    assert SqlRegistry.at(url).was_asked_for(VIDEO, "es")
    tables = {
        schema: set(inspect(engine).get_table_names(schema)) for schema in ("public", "dagster")
    }
    engine.dispose()
    assert "runs" in tables["dagster"]
    assert "runs" not in tables["public"]
    assert "alembic_version" in tables["public"] & tables["dagster"]


@pytest.mark.parametrize("url", ["", "sqlite:////srv/dub/registry.sqlite"])
def test_without_a_postgresql_production_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """In a sentence with the names that it may have."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(WrongSettingError, match=r"Set DUB_DATABASE_URL \(or DATABASE_URL\)"):
        _ = _instance(PRODUCTION, tmp_path).run_storage


def test_what_runs_print_stays_below_the_home(instance: DagsterInstance, home: Path) -> None:
    """Where containers share it, so that the UI finds what the code server's container wrote."""
    log = ["run", "compute_logs", "speech"]
    with instance.compute_log_manager.open_log_stream(log, ComputeIOType.STDERR) as stream:
        assert stream
        stream.write("Line 1 of 2 is spoken.")  # type: ignore[call-overload]
    kept = home / "dagster" / "storage" / "run" / "compute_logs" / "speech.err"
    assert "Line 1 of 2 is spoken." == kept.read_text()


def test_both_instances_treat_runs_alike() -> None:
    """They differ in where things are kept, who runs and how much at once, and in nothing else."""
    differ = {"storage", "run_launcher", "run_monitoring", "concurrency"}
    production, embedded = (yaml.safe_load(path.read_text()) for path in (PRODUCTION, EMBEDDED))
    assert {key: production[key] for key in production.keys() - differ} == {
        key: embedded[key] for key in embedded.keys() - differ
    }


def _instance(config: Path, folder: Path) -> DagsterInstance:
    shutil.copy(config, folder / "dagster.yaml")
    return DagsterInstance.from_config(str(folder))
