"""What every registry promises, on SQLite and on PostgreSQL.

The next database is tested by adding it to `database_url` in `databases.py`.
"""

from __future__ import annotations

import dataclasses
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from sqlalchemy import Engine, make_url, update

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import (
    ChannelNotFoundError,
    DubNotFoundError,
    InvalidRequestError,
    MachineBusyError,
    MediaError,
    NoSpeechError,
    RunLostError,
    RunSupersededError,
    StorageError,
    VideoNotFoundError,
)
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Release
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording
from dub_platform.registry import (
    Catalogue,
    Dub,
    DubStatus,
    Lookup,
    Maintenance,
    NewVideo,
    Registry,
    Source,
    SqlRegistry,
    Video,
    VideoStatus,
    Work,
    WorkQueue,
)
from dub_platform.registry.catalogue import SqlCatalogue
from dub_platform.registry.database.tables import videos
from dub_platform.registry.lookup import SqlLookup
from dub_platform.registry.maintenance import SqlMaintenance
from dub_platform.registry.records import Visibility, Wanted, Whole
from dub_platform.registry.work import SqlWorkQueue

ID = "dQw4w9WgXcQ"
OTHER_ID = "up-0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 5, 4, 12, 30, tzinfo=timezone.utc)
NO_SPEECH = NoSpeechError("Nobody speaks in this video.").as_details()
LOST = RunLostError("Its machine is gone.").as_details()
BUSY = MachineBusyError("The machine is busy.").as_details()
PREPARE = Work(ID, None, 1)
DUB = Work(ID, "es", 1)
UPLOADED = NewVideo(ID, Source.UPLOAD, upload_key="videos/up/upload.media")
CHANNEL = "UC0123456789012345678901"
HARBOR = Glossary.parse({"Acme": None, "harbor": {"es": "puerto", "ca": "port"}})
SPANISH = Glossary.parse({"Acme": None, "harbor": {"es": "puerto"}})
BAY = Glossary.parse({"harbor": {"es": "bahía"}})


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return SqlRegistry(engine)


def accept(registry: Registry, *languages: str, video_id: str = ID) -> None:
    registry.accept(NewVideo(id=video_id, source=Source.YOUTUBE), languages)


def prepare(registry: Registry, video_id: str = ID, title: str = "A walk") -> None:
    registry.note_prepared(
        video_id,
        title=title,
        language="en",
        duration_seconds=30.5,
        file_size_bytes=481_516,
        run_id="run-1",
    )


def release(language: str = "es", sha256: str = "5d41") -> Release:
    return Release(
        language=language,
        track_key=f"releases/{ID}/{language}/track.m4a",
        manifest_key=f"releases/{ID}/{language}/manifest.json",
        captions_keys={"vtt": f"releases/{ID}/{language}/captions.vtt"},
        seconds=30.48,
        lufs=-16.1,
        true_peak_db=-1.7,
        onset_p95_ms=118.25,
        tempo_p95=1.1,
        bytes=600_123,
        sha256=sha256,
        cost_usd=0.0,
    )


def publish(registry: Registry, language: str, sha256: str = "5d41") -> None:
    """Release the language with a film of everything that is released, as a run does."""
    while True:
        dubs = [dub for dub in registry.dubs(ID) if dub.language != language]
        beside = {dub.language: dub.release for dub in dubs if dub.release is not None}
        film_key = f"releases/{ID}/{'+'.join(sorted([language, *beside]))}.mp4"
        mine = release(language, sha256)
        if registry.release(ID, language, mine, film_key=film_key, beside=beside, run_id="run-1"):
            return


def bring(registry: Registry, status: str) -> None:
    """Let the Spanish dub come to this status, as its run does."""
    prepare(registry)
    if status != "queued":
        registry.begin_work(DUB, "run-1")
    if status == "released":
        publish(registry, "es")
    assert status == registry.dub(ID, "es").status.value


def fetched(
    registry: Registry,
    video_id: str = ID,
    *,
    language: str | None = None,
    channel_title: str = "",
) -> Video:
    """As the run does that has fetched the video."""
    return registry.note_source(
        video_id, language=language, channel_id=CHANNEL, channel_title=channel_title
    )


def fail(registry: Registry, work: Work) -> None:
    registry.fail(work, NO_SPEECH, now=NOW)


def lose(registry: Registry, work: Work) -> None:
    registry.requeue_lost(work, LOST, now=NOW)


def hold(registry: Registry, run_id: str, after: float = 0.0, language: str | None = "es") -> bool:
    """Whether the run gets the lease, so many seconds after noon."""
    return registry.hold(ID, language, run_id, now=NOW + timedelta(seconds=after))


def at_rest(registry: Registry) -> None:
    """A video with two released languages."""
    accept(registry, "ca", "es")
    prepare(registry)
    for language in ("ca", "es"):
        publish(registry, language)


def without_time(dub: Dub) -> Dub:
    return dataclasses.replace(dub, updated_at=NOW)


def states(registry: Registry, video_id: str = ID) -> list[tuple[str, DubStatus, int]]:
    """Each dub's language, status and generation."""
    return [(dub.language, dub.status, dub.generation) for dub in registry.dubs(video_id)]


def times(registry: Registry) -> list[tuple[datetime, datetime]]:
    """When the video and its dub were made and last changed."""
    rows: list[Video | Dub] = [registry.video(ID), registry.dub(ID, "es")]
    return [(row.created_at, row.updated_at) for row in rows]


class TestAccepting:
    def test_a_new_video_is_queued_with_its_languages(self, registry: Registry) -> None:
        """Accepting writes the video and a dub for each language asked for."""
        new = NewVideo(
            id=OTHER_ID,
            source=Source.UPLOAD,
            title="A walk",
            language="en",
            upload_key="uploads/clip.mp4",
            captions_key="uploads/clip.vtt",
            file_size_bytes=481_516,
            visibility=Visibility.PUBLIC,
        )
        video, created = registry.accept(new, ["es", "ca"])
        assert created
        assert new == NewVideo(
            **{field.name: getattr(video, field.name) for field in dataclasses.fields(NewVideo)}
        )
        assert (VideoStatus.QUEUED, 1, 0) == (video.status, video.generation, video.retry_count)
        queued = [("ca", DubStatus.QUEUED, 1), ("es", DubStatus.QUEUED, 1)]
        assert queued == states(registry, OTHER_ID)

    def test_a_video_comes_with_its_dubs(self, registry: Registry) -> None:
        """In the order of their languages; without any it comes alone."""
        accept(registry, "es", "ca", "gl")
        assert Whole(registry.video(ID), registry.dubs(ID)) == registry.whole(ID)
        assert ["ca", "es", "gl"] == [dub.language for dub in registry.whole(ID).dubs]
        registry.accept(NewVideo(OTHER_ID, Source.YOUTUBE), [])
        assert Whole(registry.video(OTHER_ID), []) == registry.whole(OTHER_ID)
        with pytest.raises(VideoNotFoundError):
            registry.whole("nobody-0001")

    def test_many_videos_come_at_once_each_with_its_dubs(self, registry: Registry) -> None:
        """And with the title of its channel; what is not there is left out."""
        accept(registry, "es", "ca")
        registry.accept(NewVideo(OTHER_ID, Source.YOUTUBE), ["gl"])
        registry.note_source(ID, language=None, channel_id=CHANNEL, channel_title="The Bakery")
        wholes = registry.wholes([OTHER_ID, "nobody-0001", ID])
        assert {
            ID: Whole(registry.video(ID), registry.dubs(ID), "The Bakery"),
            OTHER_ID: Whole(registry.video(OTHER_ID), registry.dubs(OTHER_ID)),
        } == wholes
        assert {} == registry.wholes([])

    def test_the_same_video_twice_is_one_video(self, registry: Registry) -> None:
        """A second acceptance changes nothing of the first and says so."""
        first, _ = registry.accept(NewVideo(ID, Source.YOUTUBE, title="A walk"), ["es"])
        second = registry.accept(NewVideo(ID, Source.YOUTUBE, title="Else", language="fr"), ["es"])
        assert (first, False) == second

    def test_a_known_video_gets_the_languages_it_lacks(self, registry: Registry) -> None:
        """Accepting again adds languages and leaves the ones that are there alone."""
        accept(registry, "es")
        asked = registry.dub(ID, "es")
        accept(registry, "ca", "es")
        assert ["ca", "es"] == [dub.language for dub in registry.dubs(ID)]
        assert asked == registry.dub(ID, "es")

    def test_accepting_what_failed_queues_it_again(self, registry: Registry) -> None:
        """The failed video and its asked languages are queued a generation up; others stay."""
        accept(registry, "es", "ca")
        fail(registry, PREPARE)
        accept(registry, "es")
        video = registry.video(ID)
        assert (VideoStatus.QUEUED, 2, 1) == (video.status, video.generation, video.retry_count)
        assert [("ca", DubStatus.FAILED, 1), ("es", DubStatus.QUEUED, 2)] == states(registry)

    def test_many_at_once_make_one_video(self, registry: Registry) -> None:
        """Of many acceptances of a new id at the same time, exactly one made it."""
        new = NewVideo(ID, Source.YOUTUBE)
        accepted = at_once([lambda: registry.accept(new, ["es", "ca"])] * 8)
        assert [False] * 7 + [True] == sorted(created for _, created in accepted)
        assert ["ca", "es"] == [dub.language for dub in registry.dubs(ID)]

    def test_text_that_postgresql_refuses_is_cleaned(self, registry: Registry) -> None:
        """A title with a NUL character or half a character is kept without it."""
        video, _ = registry.accept(NewVideo(ID, Source.UPLOAD, title="A\x00 walk\udc80"), [])
        assert "A walk?" == video.title


class TestAsking:
    @pytest.mark.parametrize("is_failed", [False, True])
    def test_captions_that_come_later_are_taken_while_the_video_waits(
        self, registry: Registry, is_failed: bool
    ) -> None:
        """As they are when it is asked for again because it failed without them."""
        assert registry.accept(UPLOADED, ["es"])[0].captions_key is None
        if is_failed:
            fail(registry, PREPARE)
        later = dataclasses.replace(UPLOADED, captions_key="videos/up-0/captions/a.srt")
        assert "videos/up-0/captions/a.srt" == registry.accept(later, ["es"])[0].captions_key

    def test_captions_that_come_too_late_are_not_taken(self, registry: Registry) -> None:
        """A run that reads the video has begun."""
        registry.accept(UPLOADED, ["es"])
        registry.begin_work(PREPARE, "a run")
        later = dataclasses.replace(UPLOADED, captions_key="videos/up-0/captions/a.srt")
        assert registry.accept(later, ["es"])[0].captions_key is None

    def test_a_new_language_is_queued(self, registry: Registry) -> None:
        """Asking adds a dub to a video that is there."""
        accept(registry)
        asked = registry.ask(ID, "es")
        assert (DubStatus.QUEUED, 1) == (asked.status, asked.generation)
        assert asked == registry.dub(ID, "es")

    def test_asking_for_an_unknown_video_is_refused(self, registry: Registry) -> None:
        """A language cannot be asked of a video that nobody handed in."""
        with pytest.raises(VideoNotFoundError):
            registry.ask(ID, "es")

    @pytest.mark.parametrize("status", ["queued", "running", "released"])
    def test_asking_again_changes_nothing_that_did_not_fail(
        self, registry: Registry, status: str
    ) -> None:
        """A dub that is queued, running or released stays as it is."""
        accept(registry, "es")
        prepare(registry)
        if status != "queued":
            registry.begin_work(DUB, "run-1")
        if status == "released":
            publish(registry, "es")
        before = registry.dub(ID, "es")
        assert status == before.status.value
        assert before == registry.ask(ID, "es")

    def test_a_failed_dub_is_queued_again(self, registry: Registry) -> None:
        """Asking again starts a new generation, with nothing left of the last try."""
        accept(registry, "es")
        prepare(registry)
        as_new = registry.dub(ID, "es")
        registry.begin_work(DUB, "run-1")
        registry.note_stage(ID, "es", "speech")
        fail(registry, DUB)
        asked = registry.ask(ID, "es")
        assert without_time(dataclasses.replace(as_new, generation=2)) == without_time(asked)
        assert VideoStatus.PREPARED == registry.video(ID).status

    @pytest.mark.parametrize("language", ["es", "gl"])
    def test_asking_of_a_failed_video_queues_the_video_too(
        self, registry: Registry, language: str
    ) -> None:
        """A dub asked again, or for the first time, would wait for ever for a failed video."""
        accept(registry, "es", "ca")
        fail(registry, PREPARE)
        assert DubStatus.QUEUED == registry.ask(ID, language).status
        video = registry.video(ID)
        assert (VideoStatus.QUEUED, 2, 1) == (video.status, video.generation, video.retry_count)
        assert video.error_details is None
        assert NOW == video.last_error_at
        assert DubStatus.FAILED == registry.dub(ID, "ca").status

    def test_a_language_asked_while_the_video_fails_is_not_left_waiting(
        self, registry: Registry
    ) -> None:
        """Whichever comes first, no dub stays queued for a video that failed."""
        ids = [f"video-{number:05}" for number in range(10)]
        for video_id in ids:
            accept(registry, video_id=video_id)
            calls: list[Callable[[], object]] = [
                partial(fail, registry, Work(video_id, None, 1)),
                partial(registry.ask, video_id, "es"),
            ]
            at_once(calls)
        waiting = [
            video_id
            for video_id in ids
            if registry.video(video_id).status is VideoStatus.FAILED
            and registry.dub(video_id, "es").status is DubStatus.QUEUED
        ]
        assert [] == waiting


class TestReading:
    def test_what_nobody_handed_in_is_not_found(self, registry: Registry) -> None:
        """An unknown video, a dub of it, and a language not asked for each have their error."""
        accept(registry, "es")
        with pytest.raises(VideoNotFoundError):
            registry.video(OTHER_ID)
        with pytest.raises(VideoNotFoundError):
            registry.dub(OTHER_ID, "es")
        with pytest.raises(DubNotFoundError):
            registry.dub(ID, "ca")
        assert [] == registry.dubs(OTHER_ID)

    def test_it_knows_what_was_asked_for(self, registry: Registry) -> None:
        """A pair counts as asked for only when that language of that video was."""
        accept(registry, "es")
        asked = [
            registry.was_asked_for(*pair)
            for pair in [(ID,), (ID, "es"), (ID, "ca"), (OTHER_ID,), (OTHER_ID, "es")]
        ]
        assert [True, True, False, False, False] == asked

    def test_times_are_handed_out_in_utc(self, registry: Registry) -> None:
        """Every time is aware and in UTC, wherever the database's server thinks it is."""
        before = datetime.now(timezone.utc)
        accept(registry, "es")
        registry.begin_work(PREPARE, "run-1")
        registry.fail(PREPARE, NO_SPEECH, now=NOW.astimezone(timezone(timedelta(hours=5))))
        video = registry.video(ID)
        times = [video.created_at, video.updated_at, video.processing_started_at]
        assert [timezone.utc] * 4 == [t and t.tzinfo for t in [*times, video.last_error_at]]
        assert NOW == video.last_error_at
        assert before <= video.created_at <= datetime.now(timezone.utc)

    def test_a_change_moves_updated_at_only(self, registry: Registry) -> None:
        """Every write is seen in `updated_at`; `created_at` stays."""
        accept(registry, "es")
        before = times(registry)
        registry.note_stage(ID, None, "audio")
        registry.note_stage(ID, "es", "speech")
        after = times(registry)
        assert [created for created, _ in before] == [created for created, _ in after]
        moved = [old < new for (_, old), (_, new) in zip(before, after, strict=True)]
        assert [True, True] == moved


class TestListing:
    def test_pages_go_from_newest_to_oldest(self, registry: Registry) -> None:
        """Following the cursors shows every video once, and the last page has no cursor."""
        ids = [f"video-{number:05}" for number in range(5)]
        for video_id in ids:
            accept(registry, video_id=video_id)
        first = registry.videos(limit=2)
        second = registry.videos(limit=2, cursor=first.next_cursor)
        third = registry.videos(limit=2, cursor=second.next_cursor)
        shown = [[video.id for video in page.videos] for page in (first, second, third)]
        assert [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]] == shown
        assert third.next_cursor is None

    def test_a_page_that_is_just_full_is_the_last(self, registry: Registry) -> None:
        """No cursor leads to an empty page."""
        accept(registry)
        assert registry.videos(limit=1).next_cursor is None

    def test_a_new_video_does_not_shift_the_pages(self, registry: Registry) -> None:
        """What is handed in between two pages is not on the second."""
        for video_id in ("video-00001", "video-00002", "video-00003"):
            accept(registry, video_id=video_id)
        first = registry.videos(limit=2)
        accept(registry, video_id="video-00004")
        second = registry.videos(limit=2, cursor=first.next_cursor)
        assert ["video-00001"] == [video.id for video in second.videos]

    def test_videos_of_the_same_moment_are_all_shown(
        self, registry: Registry, engine: Engine
    ) -> None:
        """The id decides where the time does not."""
        for video_id in ("video-00002", "video-00001", "video-00003"):
            accept(registry, video_id=video_id)
        with engine.begin() as connection:
            connection.execute(update(videos).values(created_at=NOW))
        first = registry.videos(limit=2)
        second = registry.videos(limit=2, cursor=first.next_cursor)
        shown = [video.id for video in (*first.videos, *second.videos)]
        assert ["video-00003", "video-00002", "video-00001"] == shown

    def test_a_status_filters_the_listing(self, registry: Registry) -> None:
        """Only videos in that status are listed."""
        accept(registry)
        accept(registry, video_id=OTHER_ID)
        fail(registry, PREPARE)
        listed = registry.videos(Wanted(status=VideoStatus.FAILED)).videos
        assert [ID] == [video.id for video in listed]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (Wanted(language="ca"), [OTHER_ID]),
            (Wanted(dub_status=DubStatus.QUEUED), [OTHER_ID, ID]),
            (Wanted(language="ca", dub_status=DubStatus.RUNNING), []),
            (Wanted(search="WALK"), [ID]),
            (Wanted(search="up-0123"), [OTHER_ID]),
            (Wanted(search="%"), []),
            (Wanted(search="w\0alk"), [ID]),
        ],
    )
    def test_a_listing_shows_what_is_looked_for(
        self, registry: Registry, wanted: Wanted, found: list[str]
    ) -> None:
        """By a dub's language and state, in titles, and at the beginning of ids."""
        registry.accept(NewVideo(ID, Source.YOUTUBE, title="A walk"), ["es"])
        registry.accept(NewVideo(OTHER_ID, Source.UPLOAD, title="A swim"), ["ca", "es"])
        assert found == [video.id for video in registry.videos(wanted).videos]
        oldest_first = registry.videos(wanted, oldest_first=True).videos
        assert found[::-1] == [video.id for video in oldest_first]

    def test_the_dubs_of_a_page_are_told_together(self, registry: Registry) -> None:
        """By video and language; a video that nobody handed in has none."""
        accept(registry, "es", "ca")
        accept(registry, "es", video_id=OTHER_ID)
        states = registry.dub_states([OTHER_ID, ID, "nobodys-one"])
        told = {each: [state.language for state in dubs] for each, dubs in states.items()}
        assert {ID: ["ca", "es"], OTHER_ID: ["es"], "nobodys-one": []} == told
        assert not states[ID][0].is_released

    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "garbage!",
            "caf\u00e9",
            urlsafe_b64encode(b"{}").decode(),
            urlsafe_b64encode(b'["2026-05-04T12:30:00", "no-timezone"]').decode(),
            urlsafe_b64encode(b'["0001-01-01T00:00:00+23:59", "too-early"]').decode(),
            urlsafe_b64encode(b'["2026-05-04T12:30:00Z", "nul\\u0000"]').decode(),
        ],
    )
    def test_a_cursor_it_never_gave_is_refused(self, registry: Registry, cursor: str) -> None:
        """Whatever stands in a cursor, a wrong one is the caller's mistake."""
        with pytest.raises(InvalidRequestError):
            registry.videos(cursor=cursor)


class TestClaiming:
    def test_a_dub_waits_for_its_video(self, registry: Registry) -> None:
        """Queued videos are claimed, and dubs once their video is prepared."""
        accept(registry, "es")
        assert [PREPARE] == registry.claim_videos(limit=10, now=NOW)
        registry.begin_work(PREPARE, "run-1")
        assert [] == registry.claim_dubs(limit=10, now=NOW)
        prepare(registry)
        assert [DUB] == registry.claim_dubs(limit=10, now=NOW)
        assert [] == registry.claim_videos(limit=10, now=NOW)

    def test_a_claim_lasts_a_minute(self, registry: Registry) -> None:
        """The same work is not claimed twice within a minute, and comes back after it."""
        accept(registry)
        assert [PREPARE] == registry.claim_videos(limit=10, now=NOW)
        assert [] == registry.claim_videos(limit=10, now=NOW + timedelta(seconds=59))
        assert [PREPARE] == registry.claim_videos(limit=10, now=NOW + timedelta(seconds=61))

    def test_a_claim_of_a_clock_that_was_ahead_lasts_as_long(self, registry: Registry) -> None:
        """Once the clock is set right, an hour is not waited for, nor for a pause from then."""
        accept(registry)
        ahead = NOW + timedelta(hours=1)
        assert [PREPARE] == registry.claim_videos(limit=10, now=ahead)
        assert [PREPARE] == registry.claim_videos(limit=10, now=NOW)
        registry.postpone(PREPARE, BUSY, now=ahead)
        [again] = registry.claim_videos(limit=10, now=NOW)
        assert (ID, 2) == (again.video_id, again.generation)

    def test_the_oldest_are_claimed_first(self, registry: Registry) -> None:
        """Videos and dubs each stand in a line by when they were asked for, claimed by `limit`."""
        ids = [f"video-{number:05}" for number in range(3)]
        for video_id in ids:
            accept(registry, video_id=video_id)
        claims = [registry.claim_videos(limit=2, now=NOW) for _ in range(2)]
        assert [ids[:2], ids[2:]] == [[work.video_id for work in claim] for claim in claims]
        accept(registry, "es")
        prepare(registry)
        registry.ask(ID, "ca")
        assert [DUB] == registry.claim_dubs(limit=1, now=NOW)
        assert [Work(ID, "ca", 1)] == registry.claim_dubs(limit=1, now=NOW)

    def test_what_is_queued_again_is_claimed_at_once(self, registry: Registry) -> None:
        """A new generation does not wait for the claim of the old one to end."""
        accept(registry)
        registry.claim_videos(limit=10, now=NOW)
        lose(registry, PREPARE)
        assert [Work(ID, None, 2)] == registry.claim_videos(limit=10, now=NOW)

    def test_two_at_once_claim_nothing_twice(self, registry: Registry) -> None:
        """However many claim at the same time, each piece of work goes to one of them."""
        ids = [f"video-{number:05}" for number in range(12)]
        for video_id in ids:
            accept(registry, video_id=video_id)
        claims = at_once([lambda: registry.claim_videos(limit=12, now=NOW)] * 4)
        assert ids == sorted(work.video_id for claim in claims for work in claim)


class TestProgress:
    @pytest.mark.parametrize("language", [None, "es"])
    def test_a_run_that_began_is_running(self, registry: Registry, language: str | None) -> None:
        """The row says which run it is in and since when."""
        accept(registry, "es")
        before = datetime.now(timezone.utc)
        registry.begin_work(Work(ID, language, 1), "run-1")
        row = registry.dub(ID, language) if language else registry.video(ID)
        assert ("running", "run-1") == (row.status.value, row.run_id)
        assert row.processing_started_at is not None
        assert before <= row.processing_started_at <= datetime.now(timezone.utc)

    def test_a_failed_run_run_again_is_running(self, registry: Registry) -> None:
        """Running a failed run once more from Dagster takes its reason away."""
        accept(registry)
        fail(registry, PREPARE)
        registry.begin_work(PREPARE, "run-2")
        video = registry.video(ID)
        assert (VideoStatus.RUNNING, None) == (video.status, video.error_details)

    def test_the_stage_is_kept_while_there_is_one(self, registry: Registry) -> None:
        """A stage is written of what is queued or running, and not of what is done."""
        accept(registry, "es")
        registry.note_stage(ID, None, "transcript")
        registry.note_stage(ID, "es", "speech")
        assert "transcript" == registry.video(ID).stage
        assert "speech" == registry.dub(ID, "es").stage
        prepare(registry)
        registry.note_stage(ID, None, "audio")
        assert registry.video(ID).stage is None

    def test_a_prepared_video_has_its_facts(self, registry: Registry) -> None:
        """Preparing writes what was found, and how long it took."""
        accept(registry, "es")
        registry.begin_work(PREPARE, "run-1")
        prepare(registry)
        video = registry.video(ID)
        assert ("A walk", "en", 30.5, 481_516) == (
            video.title,
            video.language,
            video.duration_seconds,
            video.file_size_bytes,
        )
        assert VideoStatus.PREPARED == video.status
        assert video.processing_started_at is not None
        assert video.processing_completed_at is not None
        took = video.processing_completed_at - video.processing_started_at
        assert took.total_seconds() == video.processing_duration_seconds

    def test_preparing_again_does_not_change_how_long_it_took(self, registry: Registry) -> None:
        """An operator's new transcript, days later, did not take days."""
        accept(registry)
        registry.begin_work(PREPARE, "run-1")
        prepare(registry)
        took = registry.video(ID).processing_duration_seconds
        registry.begin_work(PREPARE, "run-2")
        prepare(registry)
        video = registry.video(ID)
        assert (VideoStatus.PREPARED, took) == (video.status, video.processing_duration_seconds)

    def test_a_title_given_at_first_stays(self, registry: Registry) -> None:
        """The title found is for videos that have none."""
        registry.accept(NewVideo(ID, Source.UPLOAD, title="My walk"), [])
        prepare(registry, title="clip_0001")
        assert "My walk" == registry.video(ID).title

    def test_an_unknown_video_cannot_be_prepared(self, registry: Registry) -> None:
        """Work on what nobody asked for is an error, not silence."""
        with pytest.raises(VideoNotFoundError):
            prepare(registry)

    def test_the_silent_are_what_was_requested_and_nobody_holds(self, registry: Registry) -> None:
        """What waits for the sensor, what ended and what is worked on do not come."""
        accept(registry, "es", "ca", "gl", "eo")
        prepare(registry)
        publish(registry, "eo")
        fail(registry, Work(ID, "gl", 1))
        registry.begin_work(DUB, "run-1")
        accept(registry, video_id=OTHER_ID)
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        assert [(DUB, "run-1")] == registry.list_unattended(limit=10, now=later)
        registry.claim_dubs(limit=10, now=NOW)
        registry.claim_videos(limit=10, now=NOW)
        requested = [(DUB, "run-1"), (Work(ID, "ca", 1), None), (Work(OTHER_ID, None, 1), None)]
        assert requested == registry.list_unattended(limit=10, now=later)
        assert requested[:2] == registry.list_unattended(limit=2, now=later)
        registry.hold(ID, "es", "run-1", now=later)
        assert requested[1:] == registry.list_unattended(limit=10, now=later)

    def test_a_row_is_given_time_before_it_is_silent(self, registry: Registry) -> None:
        """A status sensor has its say first."""
        accept(registry, "es")
        registry.begin_work(PREPARE, "run-1")
        moved = registry.video(ID).updated_at
        assert [] == registry.list_unattended(limit=10, now=moved + timedelta(seconds=14))
        assert [PREPARE] == [
            work
            for work, _ in registry.list_unattended(limit=10, now=moved + timedelta(seconds=16))
        ]


class TestLeases:
    def test_one_run_at_a_time_holds_a_lease(self, registry: Registry) -> None:
        """It can be renewed, and is another's only when it was not for twenty seconds."""
        assert hold(registry, "run-1")
        assert not hold(registry, "run-2", 19)
        assert hold(registry, "run-1", 19)
        assert not hold(registry, "run-2", 38)
        assert hold(registry, "run-2", 40)
        assert not hold(registry, "run-1", 41)

    def test_a_lease_of_a_clock_that_was_ahead_is_soon_another_runs(
        self, registry: Registry
    ) -> None:
        """Its run is not at work for an hour, once the clock is set right."""
        assert hold(registry, "run-1", 3600)
        assert set() == set(registry.at_work(now=NOW))
        assert hold(registry, "run-2", 2)
        assert not hold(registry, "run-1", 3)

    def test_a_video_and_its_dubs_are_held_apart(self, registry: Registry) -> None:
        """Languages are dubbed side by side."""
        holders = [hold(registry, f"run-{code}", language=code) for code in (None, "es", "ca")]
        assert [True] * 3 == holders

    def test_of_many_at_once_one_gets_it(self, registry: Registry) -> None:
        """Also where nobody held it before."""
        runs = [partial(hold, registry, f"run-{number}") for number in range(6)]
        assert [True] == [taken for taken in at_once(runs) if taken]

    def test_what_is_let_go_can_be_taken_at_once(self, registry: Registry) -> None:
        """By whoever asks next, if it was the holder who let go."""
        hold(registry, "run-1")
        registry.let_go(ID, "es", "run-2")
        assert not hold(registry, "run-2", 1)
        registry.let_go(ID, "es", "run-1")
        assert hold(registry, "run-2", 1)

    def test_the_runs_that_hold_a_lease_are_at_work(self, registry: Registry) -> None:
        """For as long as it lasts."""
        hold(registry, "run-1")
        hold(registry, "run-2", 10, language=None)
        moments = [NOW + timedelta(seconds=after) for after in (10, 25, 31)]
        at_work = [set(registry.at_work(now=moment)) for moment in moments]
        assert [{"run-1", "run-2"}, {"run-2"}, set()] == at_work

    def test_a_run_whose_work_goes_on_keeps_its_lease(self, registry: Registry) -> None:
        """From one step to the next there is no moment in which it could be taken for dead."""
        accept(registry, "es")
        prepare(registry)
        registry.begin_work(DUB, "run-1")
        hold(registry, "run-1")
        registry.let_go(ID, "es", "run-1")
        assert not hold(registry, "run-2", 1)
        publish(registry, "es")
        registry.let_go(ID, "es", "run-1")
        assert hold(registry, "run-2", 1)

    @pytest.mark.parametrize("end", [fail, lose])
    def test_a_lease_ends_with_its_work(
        self, registry: Registry, end: Callable[[Registry, Work], None]
    ) -> None:
        """What is asked for again starts without waiting, and older words end nothing."""
        accept(registry, "es")
        prepare(registry)
        hold(registry, "run-1")
        end(registry, DUB)
        assert hold(registry, "run-2", 1)
        end(registry, DUB)
        assert not hold(registry, "run-3", 2)

    def test_a_run_that_was_taken_for_dead_writes_nothing(self, registry: Registry) -> None:
        """Neither the video nor the dub, once another run holds the lease."""
        accept(registry, "es")
        hold(registry, "run-2", language=None)
        before = registry.video(ID)
        with pytest.raises(RunSupersededError, match=ID):
            prepare(registry)
        assert before == registry.video(ID)
        registry.let_go(ID, None, "run-2")
        prepare(registry)
        hold(registry, "run-2")
        with pytest.raises(RunSupersededError, match=f"{ID} in es"):
            publish(registry, "es")
        assert DubStatus.QUEUED is registry.dub(ID, "es").status


class TestHoldingAll:
    def test_a_video_at_rest_is_held_as_a_whole(self, registry: Registry) -> None:
        """No run begins with it or with a dub of it, until it is let go."""
        at_rest(registry)
        assert registry.hold_all(ID, "upkeep", now=NOW)
        assert [False] * 3 == [hold(registry, "run-1", 1, code) for code in (None, "es", "ca")]
        registry.let_go_all(ID, "upkeep")
        assert [True] * 3 == [hold(registry, "run-1", 1, code) for code in (None, "es", "ca")]

    def test_it_is_held_by_one_and_renewed_by_the_same(self, registry: Registry) -> None:
        """Twice at once is once."""
        at_rest(registry)
        asked = [partial(registry.hold_all, ID, f"upkeep-{n}", now=NOW) for n in range(4)]
        assert 1 == sum(at_once(asked))
        registry.let_go_all(ID, "upkeep-0")
        registry.hold_all(ID, "upkeep-0", now=NOW + timedelta(seconds=30))
        assert registry.hold_all(ID, "upkeep-0", now=NOW + timedelta(seconds=40))
        assert not hold(registry, "run-1", 55)

    @pytest.mark.parametrize("language", [None, "es", "ca"])
    def test_what_a_run_is_at_is_left_to_it(self, registry: Registry, language: str | None) -> None:
        """An operator makes something again by hand; the rest of the video is not held either."""
        at_rest(registry)
        assert hold(registry, "run-1", 0, language)
        assert not registry.hold_all(ID, "upkeep", now=NOW)
        others = {None, "es", "ca"} - {language}
        assert [True] * 2 == [hold(registry, "run-2", 1, code) for code in others]

    def test_what_waits_or_is_under_way_is_not_held(self, registry: Registry) -> None:
        """The video, or a language of it; what failed is at rest."""
        accept(registry, "es")
        assert not registry.hold_all(ID, "upkeep", now=NOW)
        prepare(registry)
        registry.begin_work(DUB, "run-1")
        assert not registry.hold_all(ID, "upkeep", now=NOW)
        fail(registry, DUB)
        assert registry.hold_all(ID, "upkeep", now=NOW)

    def test_a_language_asked_for_meanwhile_ends_it(self, registry: Registry) -> None:
        """Who renews before each step learns that work has come, and is out of its way."""
        at_rest(registry)
        assert registry.hold_all(ID, "upkeep", now=NOW)
        registry.ask(ID, "gl")
        assert not registry.hold_all(ID, "upkeep", now=NOW)
        assert hold(registry, "run-1", 1, "es")

    def test_a_video_that_nobody_handed_in_cannot_be_held(self, registry: Registry) -> None:
        """There is nothing to hold."""
        with pytest.raises(VideoNotFoundError):
            registry.hold_all(ID, "upkeep", now=NOW)

    def test_leases_of_the_past_are_dropped(self, registry: Registry) -> None:
        """Those of killed runs; nobody else's."""
        hold(registry, "killed", 0, "es")
        hold(registry, "at-work", 60, "ca")
        noon = NOW + timedelta(seconds=30)
        assert 1 == registry.drop_leases(before=noon, dry_run=True)
        assert [1, 0] == [registry.drop_leases(before=noon) for _ in range(2)]
        assert not hold(registry, "run-1", 61, "ca")


class TestReleasing:
    def test_a_release_is_kept_as_it_was_given(self, registry: Registry) -> None:
        """What comes back equals what went in, and the film is the video's."""
        accept(registry, "es")
        prepare(registry)
        assert registry.release(
            ID, "es", release(), film_key="releases/film.mp4", beside={}, run_id="run-1"
        )
        dub = registry.dub(ID, "es")
        assert (DubStatus.RELEASED, release()) == (dub.status, dub.release)
        assert dub.processing_completed_at is not None
        assert "releases/film.mp4" == registry.video(ID).film_key

    def test_a_film_without_a_released_language_is_refused(self, registry: Registry) -> None:
        """When another language was released meanwhile, nothing changes."""
        accept(registry, "es", "ca")
        prepare(registry)
        publish(registry, "es")
        before = (registry.video(ID), registry.dubs(ID))
        assert not registry.release(
            ID, "ca", release("ca"), film_key="x.mp4", beside={}, run_id="run-1"
        )
        assert before == (registry.video(ID), registry.dubs(ID))

    def test_a_film_with_an_older_release_is_refused(self, registry: Registry) -> None:
        """The others have to be the current ones, not only the same languages."""
        accept(registry, "es", "ca")
        prepare(registry)
        publish(registry, "es", sha256="new")
        older = {"es": release("es", sha256="old")}
        assert not registry.release(
            ID, "ca", release("ca"), film_key="x.mp4", beside=older, run_id="run-1"
        )

    def test_languages_released_at_once_end_in_one_film(self, registry: Registry) -> None:
        """Whoever comes later makes the film again, so the last one has every language."""
        languages = ["ca", "eo", "es", "gl"]
        accept(registry, *languages)
        prepare(registry)
        at_once([partial(publish, registry, language) for language in languages])
        assert f"releases/{ID}/ca+eo+es+gl.mp4" == registry.video(ID).film_key
        assert [DubStatus.RELEASED] * 4 == [dub.status for dub in registry.dubs(ID)]

    @pytest.mark.parametrize("status", ["failed", "released"])
    def test_a_dub_can_be_released_anew(self, registry: Registry, status: str) -> None:
        """Materializing a release again from Dagster makes the new one current."""
        accept(registry, "es")
        prepare(registry)
        if status == "failed":
            fail(registry, DUB)
        else:
            publish(registry, "es")
        publish(registry, "es", sha256="new")
        dub = registry.dub(ID, "es")
        assert (DubStatus.RELEASED, None) == (dub.status, dub.error_details)
        assert release("es", sha256="new") == dub.release

    def test_what_nobody_asked_for_cannot_be_released(self, registry: Registry) -> None:
        """A release needs its video and its dub to be there."""
        with pytest.raises(VideoNotFoundError):
            registry.release(ID, "es", release(), film_key=None, beside={}, run_id="run-1")
        accept(registry)
        with pytest.raises(DubNotFoundError):
            registry.release(ID, "es", release(), film_key=None, beside={}, run_id="run-1")


class TestFailing:
    def test_a_failed_video_takes_its_queued_dubs_along(self, registry: Registry) -> None:
        """Dubs that wait for the video fail for the same reason; the stage tells where."""
        accept(registry, "es", "ca")
        registry.begin_work(PREPARE, "run-1")
        registry.note_stage(ID, None, "transcript")
        fail(registry, PREPARE)
        video = registry.video(ID)
        assert (VideoStatus.FAILED, "transcript") == (video.status, video.stage)
        assert (NO_SPEECH, NOW) == (video.error_details, video.last_error_at)
        assert [(DubStatus.FAILED, NO_SPEECH)] * 2 == [
            (dub.status, dub.error_details) for dub in registry.dubs(ID)
        ]

    def test_what_failed_with_its_video_comes_back_with_it(self, registry: Registry) -> None:
        """Whoever has the video made again; a dub whose own run failed stays as it is."""
        accept(registry, "ca", "es", "gl")
        registry.begin_work(Work(ID, "ca", 1), "run-0")
        fail(registry, Work(ID, "ca", 1))
        fail(registry, PREPARE)
        prepare(registry)
        assert VideoStatus.PREPARED is registry.video(ID).status
        assert [
            ("ca", DubStatus.FAILED, 1),
            ("es", DubStatus.QUEUED, 2),
            ("gl", DubStatus.QUEUED, 2),
        ] == states(registry)
        assert None is registry.dub(ID, "es").error_details
        prepare(registry)
        assert 2 == registry.dub(ID, "es").generation

    @pytest.mark.parametrize("language", [None, "es"])
    def test_a_run_by_hand_writes_of_what_failed(
        self, registry: Registry, language: str | None
    ) -> None:
        """And of nothing that waits, is under way, is done, or was asked for after it began."""
        accept(registry, "es")
        work, later = Work(ID, language, 1), datetime.now(timezone.utc) + timedelta(minutes=1)

        def row() -> Video | Dub:
            return registry.video(ID) if language is None else registry.dub(ID, language)

        def write(began: datetime = later) -> None:
            registry.fail_by_hand(ID, language, LOST, began=began, now=NOW)

        for before_it in (lambda: None, lambda: registry.begin_work(work, "run-1")):
            before_it()
            write()
            assert row().error_details is None
        fail(registry, work)
        write(began=NOW)
        assert NO_SPEECH == row().error_details
        write()
        assert (LOST, 1, "failed") == (row().error_details, row().generation, row().status.value)
        prepare(registry)
        publish(registry, "es")
        done = row()
        write()
        assert done == row()

    def test_a_failed_dub_leaves_its_video_alone(self, registry: Registry) -> None:
        """One language's failure is its own."""
        accept(registry, "es", "ca")
        prepare(registry)
        before = (registry.video(ID), registry.dub(ID, "ca"))
        fail(registry, DUB)
        assert before == (registry.video(ID), registry.dub(ID, "ca"))
        assert (DubStatus.FAILED, NO_SPEECH) == (
            registry.dub(ID, "es").status,
            registry.dub(ID, "es").error_details,
        )

    def test_what_is_done_does_not_fail(self, registry: Registry) -> None:
        """A late failure or start changes nothing of a prepared video and a released dub."""
        accept(registry, "es", "ca")
        prepare(registry)
        publish(registry, "es")
        before = (registry.video(ID), registry.dubs(ID))
        for work in (PREPARE, DUB):
            fail(registry, work)
            lose(registry, work)
            registry.begin_work(work, "run-9")
        assert before == (registry.video(ID), registry.dubs(ID))

    def test_the_first_reason_stays(self, registry: Registry) -> None:
        """Reporting a failure again, in other words, changes nothing."""
        accept(registry)
        fail(registry, PREPARE)
        registry.fail(PREPARE, MediaError("Else.").as_details(), now=NOW + timedelta(hours=1))
        assert (NO_SPEECH, NOW) == (
            registry.video(ID).error_details,
            registry.video(ID).last_error_at,
        )

    def test_an_older_generation_changes_nothing(self, registry: Registry) -> None:
        """What a superseded run says is not about the current one."""
        accept(registry, "es")
        for work in (PREPARE, DUB):
            lose(registry, work)
        before = (registry.video(ID), registry.dubs(ID))
        for work in (PREPARE, DUB):
            fail(registry, work)
            lose(registry, work)
            registry.begin_work(work, "run-1")
        assert before == (registry.video(ID), registry.dubs(ID))

    @pytest.mark.parametrize("started", [False, True])
    def test_lost_work_is_queued_again(self, registry: Registry, started: bool) -> None:
        """Unfinished work whose run is gone gets a new generation, and a retry is counted."""
        accept(registry, "es")
        as_new = (registry.video(ID), registry.dub(ID, "es"))
        for work in (PREPARE, DUB):
            if started:
                registry.begin_work(work, "run-1")
                registry.note_stage(ID, work.language, "speech")
            lose(registry, work)
        video, dub = registry.video(ID), registry.dub(ID, "es")
        expected = dataclasses.replace(
            as_new[0], generation=2, retry_count=1, updated_at=video.updated_at
        )
        assert expected == video
        assert without_time(dataclasses.replace(as_new[1], generation=2)) == without_time(dub)

    def test_work_that_is_lost_time_and_again_fails(self, registry: Registry) -> None:
        """A video that takes its worker down with it does not go round for ever."""
        accept(registry, "es")
        prepare(registry)
        for generation in range(1, 7):
            assert (DubStatus.QUEUED, generation) == states(registry)[0][1:]
            lose(registry, Work(ID, "es", generation))
        assert (DubStatus.FAILED, LOST) == (
            registry.dub(ID, "es").status,
            registry.dub(ID, "es").error_details,
        )
        registry.ask(ID, "es")
        lose(registry, Work(ID, "es", 7))
        assert [("es", DubStatus.QUEUED, 8)] == states(registry)

    @pytest.mark.parametrize("work", [PREPARE, DUB])
    def test_work_that_could_not_begin_waits_longer_each_time(
        self, registry: Registry, work: Work
    ) -> None:
        """It is never failed for it, and shows why it waits."""
        accept(registry, "es")
        if work.language is not None:
            prepare(registry)
        claim = registry.claim_videos if work.language is None else registry.claim_dubs
        now = NOW
        for generation, pause in enumerate([5, 10, 20, 40, 80, 160, *[300] * 5], 1):
            registry.postpone(dataclasses.replace(work, generation=generation), BUSY, now=now)
            assert [] == list(claim(limit=9, now=now + timedelta(seconds=pause - 1)))
            now += timedelta(seconds=pause)
            again = dataclasses.replace(work, generation=generation + 1)
            assert [again] == list(claim(limit=9, now=now))
        row = registry.video(ID) if work.language is None else registry.dub(ID, "es")
        assert ("queued", BUSY) == (row.status, row.error_details)

    def test_what_could_not_begin_begins_anew_when_it_is_asked_for(
        self, registry: Registry
    ) -> None:
        """Once it has begun the row says nothing of the wait, and its losses are as before."""
        accept(registry, "es")
        prepare(registry)
        for generation in range(1, 6):
            lose(registry, Work(ID, "es", generation))
        registry.postpone(Work(ID, "es", 6), BUSY, now=NOW)
        assert registry.begin_work(Work(ID, "es", 7), "run-1")
        assert registry.dub(ID, "es").error_details is None
        lose(registry, Work(ID, "es", 7))
        assert [("es", DubStatus.FAILED, 7)] == states(registry)

    def test_only_the_newest_work_is_postponed(self, registry: Registry) -> None:
        """A word of an older run comes late."""
        accept(registry, "es")
        prepare(registry)
        lose(registry, DUB)
        registry.postpone(DUB, BUSY, now=NOW)
        assert [("es", DubStatus.QUEUED, 2)] == states(registry)
        assert registry.dub(ID, "es").error_details is None

    def test_a_release_whose_run_died_is_made_once_more(self, registry: Registry) -> None:
        """Only if it was that run's, and not for ever; it stays public meanwhile."""
        accept(registry, "es")
        bring(registry, "released")
        registry.redo(DUB, "run-2")
        assert DubStatus.RELEASED is registry.dub(ID, "es").status
        for generation in range(1, 8):
            registry.redo(Work(ID, "es", generation), "run-1")
            registry.begin_work(Work(ID, "es", generation + 1), "run-1")
            if registry.dub(ID, "es").status is not DubStatus.RUNNING:
                break
            assert registry.dub(ID, "es").release
            publish(registry, "es")
        assert [("es", DubStatus.RELEASED, 6)] == states(registry)

    def test_a_start_says_whether_the_work_is_still_wanted(self, registry: Registry) -> None:
        """A run of an older generation has nothing to do; one of what is done may do it anew."""
        accept(registry, "es")
        prepare(registry)
        assert registry.begin_work(DUB, "run-1")
        publish(registry, "es")
        assert registry.begin_work(DUB, "run-2")
        assert DubStatus.RELEASED is registry.dub(ID, "es").status
        assert not registry.begin_work(Work(ID, "es", 2), "run-3")

    def test_a_failure_is_not_queued_again_by_itself(self, registry: Registry) -> None:
        """Only someone's asking brings back what failed."""
        accept(registry, "es")
        fail(registry, PREPARE)
        before = (registry.video(ID), registry.dubs(ID))
        lose(registry, PREPARE)
        lose(registry, DUB)
        assert before == (registry.video(ID), registry.dubs(ID))

    def test_details_that_postgresql_refuses_are_cleaned(self, registry: Registry) -> None:
        """A tool's words can hold NUL characters, at any depth; they are kept without."""
        accept(registry)
        details = {"code": "x", "tool\x00": ["half\udc80", {"said": "\x00no"}], "retryable": True}
        registry.fail(PREPARE, details, now=NOW)
        cleaned = {"code": "x", "tool": ["half?", {"said": "no"}], "retryable": True}
        assert cleaned == registry.video(ID).error_details


class TestWording:
    def test_a_dub_keeps_what_it_was_asked_for_with(self, registry: Registry) -> None:
        """Each language keeps what concerns it."""
        registry.accept(NewVideo(ID, Source.YOUTUBE), ["es", "de"], Wording(HARBOR, "formal"))
        assert Wording(SPANISH, "formal") == registry.dub(ID, "es").wording
        kept = Glossary.parse({"Acme": None})
        assert Wording(kept, "formal") == registry.dub(ID, "de").wording
        assert Wording(Glossary()) == registry.ask(ID, "gl").wording

    @pytest.mark.parametrize("status", ["queued", "running", "released"])
    @pytest.mark.parametrize(
        "again",
        [Wording(), Wording(HARBOR, "formal"), Wording(SPANISH), Wording(formality="formal")],
    )
    def test_the_same_again_or_nothing_changes_nothing(
        self, registry: Registry, status: str, again: Wording
    ) -> None:
        """Of what a request does not say, that of before stays; so does another language's."""
        registry.accept(NewVideo(ID, Source.YOUTUBE), ["es"], Wording(HARBOR, "formal"))
        bring(registry, status)
        before = registry.dub(ID, "es")
        assert before == registry.ask(ID, "es", again)
        registry.accept(NewVideo(ID, Source.YOUTUBE), ["es"], again)
        assert before == registry.dub(ID, "es")

    @pytest.mark.parametrize(
        ("said", "wording"),
        [
            (Wording(BAY), Wording(BAY, "formal")),
            (Wording(Glossary()), Wording(Glossary(), "formal")),
            (Wording(formality="neutral"), Wording(SPANISH, "neutral")),
            (Wording(BAY, "informal"), Wording(BAY, "informal")),
        ],
    )
    def test_a_released_dub_in_another_wording_is_queued_again(
        self, registry: Registry, said: Wording, wording: Wording
    ) -> None:
        """A generation up; its release stays current until there is a better one."""
        registry.accept(NewVideo(ID, Source.YOUTUBE), ["es"], Wording(HARBOR, "formal"))
        bring(registry, "released")
        asked = registry.ask(ID, "es", said)
        assert (DubStatus.QUEUED, 2, wording) == (asked.status, asked.generation, asked.wording)
        assert release() == asked.release
        assert [Work(ID, "es", 2)] == registry.claim_dubs(limit=9, now=NOW)

    def test_a_failed_dub_is_queued_again_in_the_wording_asked_for(
        self, registry: Registry
    ) -> None:
        """What is not said anew stays as it was."""
        registry.accept(NewVideo(ID, Source.YOUTUBE), ["es"], Wording(BAY))
        fail(registry, DUB)
        asked = registry.ask(ID, "es", Wording(formality="formal"))
        assert (DubStatus.QUEUED, 2) == (asked.status, asked.generation)
        assert Wording(BAY, "formal") == asked.wording

    def test_a_dub_that_waits_takes_the_new_wording_along(self, registry: Registry) -> None:
        """Its run has not begun, so there is nothing to make again."""
        accept(registry, "es")
        prepare(registry)
        registry.claim_dubs(limit=9, now=NOW)
        asked = registry.ask(ID, "es", Wording(BAY))
        assert (DubStatus.QUEUED, 1, False) == (asked.status, asked.generation, asked.asked_anew)
        assert Wording(BAY) == asked.wording
        assert [] == registry.claim_dubs(limit=9, now=NOW)

    def test_a_running_dub_is_handed_over_at_its_next_step(self, registry: Registry) -> None:
        """Until its run asks, it is running; then it is queued once, a generation up."""
        accept(registry, "es")
        bring(registry, "running")
        assert not registry.hand_over(DUB)
        asked = registry.ask(ID, "es", Wording(BAY))
        assert (DubStatus.RUNNING, 1, True) == (asked.status, asked.generation, asked.asked_anew)
        assert [True, False] == [registry.hand_over(DUB), registry.hand_over(DUB)]
        dub = registry.dub(ID, "es")
        assert (DubStatus.QUEUED, 2, False) == (dub.status, dub.generation, dub.asked_anew)
        assert Wording(BAY) == dub.wording

    def test_a_video_is_never_handed_over(self, registry: Registry) -> None:
        """It has no wording."""
        accept(registry, "es")
        registry.begin_work(PREPARE, "run-1")
        registry.ask(ID, "es", Wording(BAY))
        assert not registry.hand_over(PREPARE)

    def test_a_running_dub_asked_anew_is_queued_after_its_release(self, registry: Registry) -> None:
        """A request that comes in the last step loses neither the release nor itself."""
        accept(registry, "es")
        bring(registry, "running")
        registry.ask(ID, "es", Wording(BAY))
        publish(registry, "es")
        dub = registry.dub(ID, "es")
        assert (DubStatus.QUEUED, 2, False) == (dub.status, dub.generation, dub.asked_anew)
        assert release() == dub.release

    def test_a_running_dub_asked_anew_does_not_fail(self, registry: Registry) -> None:
        """What was asked for last was not tried yet."""
        accept(registry, "es")
        bring(registry, "running")
        registry.ask(ID, "es", Wording(BAY))
        fail(registry, DUB)
        dub = registry.dub(ID, "es")
        assert (DubStatus.QUEUED, 2, None) == (dub.status, dub.generation, dub.error_details)
        fail(registry, Work(ID, "es", 2))
        assert DubStatus.FAILED is registry.dub(ID, "es").status

    def test_a_request_that_meets_a_failure_is_not_lost(self, registry: Registry) -> None:
        """Whichever comes first, the dub is queued in the wording asked for."""
        ids = [f"video-{number:05}" for number in range(10)]
        for video_id in ids:
            accept(registry, "es", video_id=video_id)
            prepare(registry, video_id)
            registry.begin_work(Work(video_id, "es", 1), "run-1")
            calls: list[Callable[[], object]] = [
                partial(fail, registry, Work(video_id, "es", 1)),
                partial(registry.ask, video_id, "es", Wording(BAY)),
            ]
            at_once(calls)
            registry.hand_over(Work(video_id, "es", 1))
        expected = {("es", DubStatus.QUEUED, 2)}
        assert expected == {state for video_id in ids for state in states(registry, video_id)}

    def test_another_language_is_released_while_one_is_made_anew(self, registry: Registry) -> None:
        """The film keeps the release that is current, whatever its dub waits for."""
        accept(registry, "es", "ca")
        prepare(registry)
        publish(registry, "es")
        registry.ask(ID, "es", Wording(BAY))
        beside = {"es": release("es")}
        assert registry.release(
            ID, "ca", release("ca"), film_key="x.mp4", beside=beside, run_id="run-1"
        )


class TestChannels:
    def test_what_a_source_says_is_kept(self, registry: Registry) -> None:
        """The video's channel, which is there from now on."""
        accept(registry)
        video = fetched(registry, channel_title="The Bakery")
        assert CHANNEL == video.channel_id
        channel = registry.channel(CHANNEL)
        assert ("The Bakery", Wording(Glossary())) == (channel.title, channel.wording)
        assert [channel] == registry.channels()

    def test_what_was_said_of_a_channel_before_stays(self, registry: Registry) -> None:
        """A video of it changes neither its wording nor a title that it has."""
        registry.keep_channel(CHANNEL, wording=Wording(HARBOR, "informal"))
        accept(registry)
        fetched(registry, channel_title="The Bakery")
        fetched(registry, channel_title="Another name")
        channel = registry.channel(CHANNEL)
        assert ("The Bakery", Wording(HARBOR, "informal")) == (channel.title, channel.wording)

    def test_a_channel_keeps_what_is_said_and_nothing_else_changes(
        self, registry: Registry
    ) -> None:
        """Title, glossary and formality can be written one by one; an empty one is one."""
        first, created = registry.keep_channel(CHANNEL, title="Bread", wording=Wording(HARBOR))
        assert (created, "Bread", Wording(HARBOR)) == (True, first.title, first.wording)
        second, created = registry.keep_channel(CHANNEL, wording=Wording(formality="formal"))
        assert (created, "Bread") == (False, second.title)
        assert Wording(HARBOR, "formal") == second.wording
        third, _ = registry.keep_channel(CHANNEL, title="", wording=Wording(Glossary()))
        assert ("", Wording(Glossary(), "formal")) == (third.title, third.wording)
        assert first.created_at == third.created_at
        assert first.updated_at < third.updated_at

    def test_channels_are_listed_by_their_ids(self, registry: Registry) -> None:
        """Going on after the last one shown meets every channel once."""
        ids = [f"UC{number:022}" for number in range(5)]
        for channel_id in reversed(ids):
            registry.keep_channel(channel_id)
        first = [channel.id for channel in registry.channels(limit=3)]
        assert ids == first + [c.id for c in registry.channels(after=first[-1], limit=3)]

    def test_an_unknown_channel_is_not_found(self, registry: Registry) -> None:
        """Nor can an unknown video come from one."""
        with pytest.raises(ChannelNotFoundError):
            registry.channel(CHANNEL)
        with pytest.raises(VideoNotFoundError):
            fetched(registry)

    def test_a_source_names_a_language_that_nobody_did(self, registry: Registry) -> None:
        """What was named stays; what is not said changes nothing."""
        for video_id, language in ((ID, AUTO), (OTHER_ID, "en")):
            registry.accept(NewVideo(video_id, Source.YOUTUBE, language=language), [])
        assert AUTO == fetched(registry).language
        assert "fr" == fetched(registry, language="fr").language
        assert "en" == fetched(registry, OTHER_ID, language="fr").language

    def test_a_language_that_nobody_knew_can_be_named_later(self, registry: Registry) -> None:
        """By handing the video in again; once it is known it stays."""
        for language in (AUTO, "fr", "de"):
            registry.accept(NewVideo(ID, Source.YOUTUBE, language=language), [])
        assert "fr" == registry.video(ID).language


class TestPorts:
    def test_each_method_is_promised_to_one_kind_of_callers(self) -> None:
        """Those who work with a registry take the port that they need, and reach no other's."""
        ports = (Lookup, Catalogue, WorkQueue, Maintenance, Registry)
        promised = [name for port in ports for name in vars(port) if not name.startswith("_")]
        written = [name for name in dir(SqlRegistry) if not name.startswith("_")]
        assert sorted(written) == sorted([*promised, "at"])

    @pytest.mark.parametrize(
        ("engine", "port"),
        [(SqlCatalogue, Catalogue), (SqlWorkQueue, WorkQueue), (SqlMaintenance, Maintenance)],
    )
    def test_each_engine_has_what_its_port_promises_alone(
        self, engine: type[SqlLookup], port: type[Lookup]
    ) -> None:
        """What one of them can do to a row, the others cannot."""
        promised = {name for name in dir(port) if not name.startswith("_")}
        assert promised == {name for name in dir(engine) if not name.startswith("_")}


class TestAnswering:
    def test_a_registry_with_its_tables_answers(self, registry: Registry) -> None:
        """A ping of a migrated database returns."""
        registry.ping()

    def test_a_database_without_tables_does_not_answer(self, empty_engine: Engine) -> None:
        """Before the migration a ping says so."""
        with pytest.raises(StorageError, match="migrate"):
            SqlRegistry(empty_engine).ping()

    def test_a_database_that_is_not_there_does_not_answer(self, database_url: str) -> None:
        """The database's own words are kept."""
        missing = make_url(database_url).set(database="/nowhere/registry")
        with pytest.raises(StorageError) as caught:
            SqlRegistry.at(missing.render_as_string(hide_password=False)).ping()
        assert caught.value.detail
