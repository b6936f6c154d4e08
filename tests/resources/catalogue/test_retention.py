"""Retention: what is in use stays, what was replaced stays long enough, and the rest goes."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from dub_platform.contracts.threads import at_once
from dub_platform.core.keys import content_key
from dub_platform.core.speech import Release
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work
from dub_platform.registry.first_answers import FirstAnswers
from resources.catalogue.retention import Gone, Kind, Retention
from resources.store.local import LocalStore
from resources.store.port import Store
from resources.store.s3 import S3Store
from resources.system.workfolder import WorkFolders
from tests.support.new_registries import make_registry
from tests.support.servers.swift import running_swift

ID = "up-0123456789abcdef0123456789abcdef"
OTHER = "dQw4w9WgXcQ"
FOLDER, DUB = f"videos/{ID}", f"videos/{ID}/dubs/es"
UPLOAD = f"{FOLDER}/upload.media"
USED, UNUSED = "0a" * 32, "0b" * 32
DAYS = 30


def content(name: str, number: int, suffix: str = ".flac") -> str:
    """The key of what was made the first, the second, ... time."""
    return content_key(name, str(number) * 64, suffix)


def sound(number: int) -> str:
    return content(f"{FOLDER}/audio/sound", number)


def track(number: int) -> str:
    return content(f"{DUB}/track", number, ".m4a")


def take(key: str) -> set[str]:
    return {f"takes/{key[:2]}/{key}.flac", f"takes/{key[:2]}/{key}.json"}


def release(number: int) -> Release:
    prefix = f"releases/{ID}/es/{str(number) * 16}"
    captions = {"vtt": f"{prefix}/es.vtt"}
    numbers = (2.0, -16.0, -1.6, 31.0, 1.1, 4000, "0" * 64, 0.0)
    return Release("es", f"{prefix}/track.m4a", f"{prefix}/manifest.json", captions, *numbers)


def film(number: int) -> str:
    return f"releases/{ID}/film/{str(number) * 16}.mp4"


@pytest.fixture
def registry(tmp_path: Path) -> SqlRegistry:
    """With one uploaded video that is released in Spanish."""
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    make_registry(url)
    made = SqlRegistry.at(url)
    made.accept(NewVideo(ID, Source.UPLOAD, upload_key=UPLOAD), ["es"])
    made.note_prepared(
        ID, title="x", language="en", duration_seconds=2.0, file_size_bytes=9, run_id="run"
    )
    return made


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", "http://dub.test/media")


@pytest.fixture
def retention(store: LocalStore, registry: SqlRegistry, tmp_path: Path) -> Retention:
    """For a video with everything that is current, two days old, and its registry."""
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    keep, answers = timedelta(days=DAYS), FirstAnswers.at(url)
    made = Retention(store, registry, WorkFolders(tmp_path / "spool"), keep, answers)
    fill(made)
    aged(store, 2)
    return made


def registry_of(retention: Retention) -> SqlRegistry:
    """All of the registry that it tidies, to ask of it what others ask."""
    assert isinstance(retention.registry, SqlRegistry)
    return retention.registry


def fill(retention: Retention) -> None:
    """Put what a released video consists of."""
    put(retention.store, UPLOAD, sound(1), track(1), *take(USED))
    values = {
        f"{FOLDER}/source_media.json": {"key": UPLOAD},
        f"{FOLDER}/audio.json": {"sound_key": sound(1)},
        f"{DUB}/speech.json": {"takes": [{"audio_key": min(take(USED))}]},
        f"{DUB}/dubbed_track.json": {"key": track(1)},
    }
    for key, value in values.items():
        retention.store.put_bytes(key, json.dumps(value).encode())
    publish(retention, 1)


def publish(retention: Retention, number: int) -> None:
    """Make the release of this number current, with a film of its own."""
    made = release(number)
    put(retention.store, made.track_key, made.manifest_key, *made.captions_keys.values())
    put(retention.store, film(number), film(number).replace(".mp4", ".json"))
    put(retention.store, f"releases/{ID}/es/current.json")
    registry_of(retention).release(ID, "es", made, film_key=film(number), beside={}, run_id="run")


def published(number: int) -> set[str]:
    made = release(number)
    texts = {made.manifest_key, *made.captions_keys.values()}
    return {made.track_key, *texts, film(number), film(number).replace(".mp4", ".json")}


def put(store: Store, *keys: str) -> None:
    for key in keys:
        store.put_bytes(key, b"0123456789")


def aged(store: LocalStore, days: float, *keys: str) -> None:
    """Make these keys, or all there are, look as if they had been put so many days ago."""
    when = time.time() - 86_400 * days
    for path in [store.path(key) for key in keys] or [*store.root.rglob("*.*")]:
        os.utime(path, (when, when))


def keys(store: Store) -> set[str]:
    """All that is kept."""
    folders = ("videos/", "takes/", "releases/")
    return {each.key for folder in folders for each in store.keys(folder)}


def tidied(retention: Retention, days: float = 0.0, *, dry_run: bool = False) -> Counter[Kind]:
    """What went, by kind, in so many days from now; all that happens is an event."""
    now = datetime.now(timezone.utc) + timedelta(days=days)
    gone = retention.tidy("upkeep", now=now, dry_run=dry_run)
    return Counter(each.kind for each in gone if each.kind is not Kind.EVENTS)


def lost(retention: Retention, days: float = 0.0) -> set[str]:
    """The keys that were there before and not after."""
    before = keys(retention.store)
    tidied(retention, days)
    return before - keys(retention.store)


def test_what_is_current_stays_for_ever(retention: Retention) -> None:
    """Original, sound, track, takes and release of a video that nobody has touched for years."""
    assert set() == lost(retention, 3650)


class TestMedia:
    """Media have names made of their content, so each making leaves the one before."""

    @pytest.fixture
    def made_again(self, retention: Retention, store: LocalStore) -> Retention:
        """A video whose first sound and first track are no longer named by any value."""
        put(store, sound(2), track(2))
        store.put_bytes(f"{FOLDER}/audio.json", json.dumps({"sound_key": sound(2)}).encode())
        store.put_bytes(f"{DUB}/dubbed_track.json", json.dumps({"key": track(2)}).encode())
        aged(store, 1, sound(2), track(2), f"{FOLDER}/audio.json", f"{DUB}/dubbed_track.json")
        return retention

    def test_what_no_value_names_goes(self, made_again: Retention) -> None:
        """The night after, with its bytes told."""
        found = list(made_again.tidy("upkeep", dry_run=True))
        assert [Gone(Kind.MEDIA, 10)] * 2 == found
        assert {sound(1), track(1)} == lost(made_again)
        assert Counter() == tidied(made_again)

    def test_what_may_just_be_in_use_stays(self, made_again: Retention, store: LocalStore) -> None:
        """A step that began with the value of a moment ago still reads its media."""
        aged(store, 0.5 / 24, f"{FOLDER}/audio.json")
        assert set() == lost(made_again)
        assert {sound(1), track(1)} == lost(made_again, 1 / 24)

    @pytest.mark.parametrize("language", [None, "es"])
    def test_a_video_that_a_run_is_at_is_left_to_it(
        self, made_again: Retention, registry: SqlRegistry, language: str | None
    ) -> None:
        """Whichever part of it; the run does not have to wait either."""
        now = datetime.now(timezone.utc)
        assert registry.hold(ID, language, "run-1", now=now)
        assert set() == lost(made_again)
        assert registry.hold(ID, language, "run-1", now=now)
        registry.let_go(ID, language, "run-1")
        assert {sound(1), track(1)} == lost(made_again)
        assert registry.hold(ID, language, "run-2", now=datetime.now(timezone.utc))

    def test_a_video_with_work_to_come_is_left_alone(
        self, made_again: Retention, registry: SqlRegistry
    ) -> None:
        """One more language waits for its run."""
        registry.ask(ID, "ca")
        assert set() == lost(made_again)

    def test_work_that_comes_meanwhile_ends_it(
        self, made_again: Retention, registry: SqlRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was already decided is decided anew before each thing goes."""
        delete = made_again.store.delete

        def delete_and_ask(key: str) -> None:
            delete(key)
            registry.ask(ID, "ca")

        monkeypatch.setattr(made_again.store, "delete", delete_and_ask)
        assert 1 == len(lost(made_again))

    def test_what_a_step_left_that_failed_goes(
        self, retention: Retention, registry: SqlRegistry, store: LocalStore
    ) -> None:
        """It put its media and did not live to write its value."""
        registry.ask(ID, "ca")
        orphan = content(f"{FOLDER}/dubs/ca/track", 1, ".m4a")
        put(store, orphan)
        aged(store, 1, orphan)
        assert set() == lost(retention)
        registry.fail(Work(ID, "ca", 1), {"code": "x"}, now=datetime.now(timezone.utc))
        assert {orphan} == lost(retention)

    def test_captions_handed_in_stay(self, retention: Retention, store: LocalStore) -> None:
        """The registry names them, and the next transcript is made from them; others go."""
        captions = [content(f"videos/{OTHER}/captions", number, ".srt") for number in (1, 2)]
        new = NewVideo(OTHER, Source.YOUTUBE, captions_key=captions[0])
        registry_of(retention).accept(new, [])
        registry_of(retention).fail(
            Work(OTHER, None, 1), {"code": "run_stopped"}, now=datetime.now(timezone.utc)
        )
        put(store, *captions)
        aged(store, 1, *captions)
        assert {captions[1]} == lost(retention)

    def test_what_is_named_in_no_way_of_ours_stays(
        self, retention: Retention, store: LocalStore
    ) -> None:
        """Somebody keeps notes there; in doubt nothing goes."""
        notes = [f"{FOLDER}/notes.txt", "videos/stray", f"releases/{ID}/es/extra.vtt", "takes/x"]
        put(store, *notes)
        assert set() == lost(retention, 3650)


class TestUploads:
    """An upload is put before it is accepted."""

    ORPHANS = (f"videos/{OTHER}/upload.media", content(f"videos/{OTHER}/captions", 1, ".srt"))

    def test_one_that_was_never_accepted_goes(self, retention: Retention) -> None:
        """The API died in between, and nobody has handed the same in again since."""
        put(retention.store, *self.ORPHANS)
        assert set() == lost(retention, DAYS - 1)
        assert Counter({Kind.UPLOADS: 2}) == tidied(retention, DAYS + 1, dry_run=True)
        assert set(self.ORPHANS) == lost(retention, DAYS + 1)

    def test_one_of_an_accepted_video_stays(self, retention: Retention) -> None:
        """Also of one that waits, or has failed."""
        put(retention.store, *self.ORPHANS[:1])
        new = NewVideo(OTHER, Source.UPLOAD, upload_key=self.ORPHANS[0])
        registry_of(retention).accept(new, ["es"])
        assert set() == lost(retention, 3650)
        registry_of(retention).fail(
            Work(OTHER, None, 1), {"code": "run_stopped"}, now=datetime.now(timezone.utc)
        )
        assert set() == lost(retention, 3650)

    def test_a_registry_that_knows_nothing_costs_no_video(
        self, retention: Retention, tmp_path: Path
    ) -> None:
        """A wrong DUB_DATABASE_URL must not empty the store: what was worked on was accepted."""
        url = f"sqlite:///{tmp_path / 'wrong.sqlite'}"
        make_registry(url)
        lost_its_memory = replace(retention, registry=SqlRegistry.at(url))
        assert set() == lost(lost_its_memory, 3650)


class TestReleases:
    """Viewers may still play what was replaced."""

    def test_one_that_was_replaced_stays_and_then_goes(self, retention: Retention) -> None:
        """With its film; the pointer and what is current stay."""
        publish(retention, 2)
        assert set() == lost(retention, DAYS - 1)
        assert published(1) == lost(retention, DAYS + 1)

    def test_what_counts_is_since_when_it_is_replaced(
        self, retention: Retention, store: LocalStore
    ) -> None:
        """A release that was current for a year was played until yesterday."""
        aged(store, 365)
        publish(retention, 2)
        assert set() == lost(retention)
        publish(retention, 3)
        aged(store, DAYS + 1, *published(2))
        assert published(1) == lost(retention)
        assert published(2) == lost(retention, DAYS)

    def test_one_that_is_current_again_has_not_been_replaced(
        self, retention: Retention, store: LocalStore
    ) -> None:
        """An edit was taken back: the same content is at the same address as before."""
        publish(retention, 2)
        aged(store, 1)
        publish(retention, 1)
        assert published(2) == lost(retention, DAYS + 1)

    def test_one_that_never_became_current_goes(
        self, retention: Retention, store: LocalStore
    ) -> None:
        """Its run died before the registry knew of it."""
        put(store, *published(2))
        assert set() == lost(retention, DAYS - 1)
        assert published(2) == lost(retention, DAYS + 1)

    def test_a_film_is_never_promised_that_is_gone(
        self, retention: Retention, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A round that dies half-way leaves no text that vouches for a film."""
        publish(retention, 2)
        gone: list[str] = []
        monkeypatch.setattr(retention.store, "delete", gone.append)
        tidied(retention, DAYS + 1)
        assert [film(1).replace(".mp4", ".json"), film(1)] == [key for key in gone if "film" in key]


class TestTakes:
    """A take was paid for."""

    def test_one_that_no_dub_is_made_of_stays_and_then_goes(self, retention: Retention) -> None:
        """Both of its files, and not those of one in use."""
        put(retention.store, *take(UNUSED))
        assert set() == lost(retention, DAYS - 1)
        assert take(UNUSED) == lost(retention, DAYS + 1)

    def test_one_that_was_asked_for_lately_stays(
        self, retention: Retention, store: LocalStore
    ) -> None:
        """Its receipt is put anew by whoever finds it, and the dub may not be written yet."""
        put(store, *take(UNUSED))
        aged(store, 2 * DAYS, *take(UNUSED))
        put(store, max(take(UNUSED)))
        assert set() == lost(retention)

    def test_one_that_is_asked_for_just_now_stays(
        self, retention: Retention, store: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the listing of all takes and its own turn to go."""
        put(store, *take(UNUSED))
        aged(store, 2 * DAYS, *take(UNUSED))
        listing = store.keys

        def ask_meanwhile(prefix: str) -> list[object]:
            found = list(listing(prefix))
            put(store, max(take(UNUSED)))
            return list(found)

        monkeypatch.setattr(store, "keys", ask_meanwhile)
        assert Counter() == tidied(retention)

    def test_the_receipt_goes_first(
        self, retention: Retention, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A receipt without its sound would be believed."""
        put(retention.store, *take(UNUSED))
        gone: list[str] = []
        monkeypatch.setattr(retention.store, "delete", gone.append)
        tidied(retention, DAYS + 1)
        assert sorted(take(UNUSED), reverse=True) == gone

    def test_what_was_paid_for_and_is_small_stays(self, retention: Retention) -> None:
        """A provider's translations and transcriptions are bought once."""
        paid = [f"{folder}/0a/{USED}.json" for folder in ("translations", "transcriptions")]
        put(retention.store, *paid)
        tidied(retention, 3650)
        assert [True, True] == [retention.store.exists(key) for key in paid]


def test_writes_that_nobody_ends_are_given_up(retention: Retention, store: LocalStore) -> None:
    """After an hour in which nothing was added to them."""
    staged = store.root / FOLDER / ".staged-1"
    staged.write_bytes(b"half")
    assert Counter() == tidied(retention)
    assert Counter({Kind.WRITES: 1}) == tidied(retention, 1 / 23)
    assert not staged.exists()


def test_what_dead_processes_left_is_told_with_the_rest(retention: Retention) -> None:
    """Their work folders, and the leases that nobody renews."""
    (retention.folders.root / "mix-a.work").mkdir(parents=True)
    registry_of(retention).hold(OTHER, None, "dead", now=datetime.now(timezone.utc))
    assert Counter({Kind.FOLDERS: 1, Kind.LEASES: 1}) == tidied(retention, 1)


def test_answers_to_repeated_requests_go_after_a_day(retention: Retention) -> None:
    """Until then a client may ask again."""
    retention.answers.claim("a" * 64, "one", now=datetime.now(timezone.utc))
    assert Counter() == tidied(retention, 0.9)
    assert Counter({Kind.ANSWERS: 1}) == tidied(retention, 1.1)


def test_a_video_that_is_removed_meanwhile_is_left_to_its_removal(
    retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round goes on with the others."""
    put(retention.store, sound(2))
    known = SqlRegistry.was_asked_for

    def removing(registry: SqlRegistry, video_id: str) -> bool:
        was_there = known(registry, video_id)
        if was_there:
            registry.remove(video_id)
        return was_there

    monkeypatch.setattr(SqlRegistry, "was_asked_for", removing)
    assert Counter() == tidied(retention)


def test_events_go_after_as_long_as_replaced_releases(retention: Retention) -> None:
    """Whoever listens has heard of them by then."""
    later = datetime.now(timezone.utc) + timedelta(days=DAYS + 1)
    gone = [each.kind for each in retention.tidy("upkeep", now=later)]
    assert 4 == gone.count(Kind.EVENTS)
    assert Kind.EVENTS not in {each.kind for each in retention.tidy("upkeep", now=later)}


@pytest.fixture
def full(retention: Retention) -> Retention:
    """Something of every kind has to go."""
    put(retention.store, sound(2), *TestUploads.ORPHANS, *take(UNUSED), *published(2))
    (retention.store.root / FOLDER / ".staged-1").touch()  # type: ignore[attr-defined]
    (retention.folders.root / "mix-a.work").mkdir(parents=True)
    registry_of(retention).hold(OTHER, None, "dead", now=datetime.now(timezone.utc))
    retention.answers.claim("a" * 64, "one", now=datetime.now(timezone.utc))
    return retention


ALL = {
    Kind.MEDIA: 1,
    Kind.UPLOADS: 2,
    Kind.RELEASES: 5,
    Kind.TAKES: 2,
    Kind.WRITES: 1,
    Kind.FOLDERS: 1,
    Kind.LEASES: 1,
    Kind.ANSWERS: 1,
}


def test_a_dry_run_tells_the_same_and_removes_nothing(full: Retention) -> None:
    """As often as it is run."""
    assert [ALL, ALL] == [tidied(full, DAYS + 1, dry_run=True) for _ in range(2)]
    assert ALL == tidied(full, DAYS + 1)
    assert Counter() == tidied(full, DAYS + 1)


def test_two_rounds_at_once_do_no_harm(full: Retention) -> None:
    """Whatever goes first, all of it goes, and what is in use stays."""
    later = datetime.now(timezone.utc) + timedelta(days=DAYS + 1)

    def round_of(holder: str) -> Callable[[], list[Gone]]:
        return lambda: list(full.tidy(holder, now=later))

    before = keys(full.store)
    at_once([round_of("one"), round_of("other")])
    gone = {sound(2), *TestUploads.ORPHANS, *take(UNUSED), *published(2)}
    assert before - gone == keys(full.store)


def test_on_s3_the_same_goes(registry: SqlRegistry, tmp_path: Path) -> None:
    """Two buckets, whose server says how old things are."""
    swift = running_swift()
    private, public = swift.new_buckets()
    s3 = S3Store(swift.client, bucket=private, public_bucket=public, public_url="http://x")
    answers = FirstAnswers.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    keep = timedelta(days=DAYS)
    retention = Retention(s3, registry, WorkFolders(tmp_path), keep, answers)
    fill(retention)
    left = {sound(2), *TestUploads.ORPHANS, *take(UNUSED), *published(2)}
    put(s3, *left)
    begun = s3.client.create_multipart_upload(Bucket=private, Key=sound(3))
    assert begun["UploadId"] in [write.id for write in s3.incomplete_uploads("videos/")]
    assert set() == lost(retention)
    assert left == lost(retention, DAYS + 1)
    assert [] == list(s3.incomplete_uploads("videos/"))
