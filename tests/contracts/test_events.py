"""What the log of events promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from sqlalchemy import Engine

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import NoSpeechError, RunLostError, VideoNotFoundError
from dub_platform.core.service.events import TYPES
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording
from dub_platform.registry import SqlRegistry, Work
from dub_platform.registry.transactions.events import EventLog
from tests.contracts.test_registry import DUB, ID, NOW, OTHER_ID, PREPARE, accept, prepare, publish

NO_SPEECH = NoSpeechError("Nobody speaks.", detail="at a path").as_details()
LOST = RunLostError("Its machine is gone.").as_details()
BAY = Wording(Glossary.parse({"harbor": {"es": "bahía"}}), None)


@pytest.fixture
def registry(engine: Engine) -> SqlRegistry:
    return SqlRegistry(engine)


@pytest.fixture
def log(engine: Engine) -> EventLog:
    return EventLog(engine)


def told(log: EventLog) -> list[tuple[str, str | None, str | None]]:
    """Type, language and stage of what happened to the video."""
    return [(each.type, each.language, each.stage) for each in log.story(ID).events]


def lived(registry: SqlRegistry) -> None:
    """A video and its Spanish dub, from being handed in to the release."""
    accept(registry, "es")
    registry.begin_work(PREPARE, "run-1")
    registry.note_stage(ID, None, "audio")
    prepare(registry)
    registry.begin_work(DUB, "run-2")
    registry.note_stage(ID, "es", "speech")
    publish(registry, "es")


def test_a_video_tells_its_life(registry: SqlRegistry, log: EventLog) -> None:
    """Each change of a row is an event, in the order of the changes."""
    lived(registry)
    assert [
        ("video.queued", None, None),
        ("dub.queued", "es", None),
        ("video.running", None, None),
        ("video.running", None, "audio"),
        ("video.prepared", None, None),
        ("dub.running", "es", None),
        ("dub.running", "es", "speech"),
        ("dub.released", "es", None),
    ] == told(log)
    assert set(TYPES) > {each.type for each in log.story(ID).events}


def test_what_changes_nothing_is_not_told(registry: SqlRegistry, log: EventLog) -> None:
    """Asking twice is asking once, and a step that is tried again reaches no new stage."""
    accept(registry, "es")
    accept(registry, "es")
    registry.ask(ID, "es")
    registry.note_stage(ID, "es", "speech")
    registry.note_stage(ID, "es", "speech")
    assert ["video.queued", "dub.queued", "dub.queued"] == [type_ for type_, *_ in told(log)]


def test_only_the_last_event_says_that_all_is_done(registry: SqlRegistry, log: EventLog) -> None:
    """While a dub waits, the release of another is not the end."""
    accept(registry, "es", "ca")
    prepare(registry)
    publish(registry, "es")
    publish(registry, "ca")
    story = log.story(ID)
    assert [*[False] * (len(story.events) - 1), True] == [each.is_last for each in story.events]
    assert not story.goes_on


def test_a_video_that_fails_tells_of_the_dubs_that_fail_with_it(
    registry: SqlRegistry, log: EventLog
) -> None:
    """With the reason, but without the words of a tool."""
    accept(registry, "es", "ca")
    registry.fail(PREPARE, NO_SPEECH, now=NOW)
    failed = log.story(ID).events[-3:]
    assert [None, "ca", "es"] == [each.language for each in failed]
    assert {"video.failed", "dub.failed"} == {each.type for each in failed}
    error = {"code": "media_no_speech", "message": "Nobody speaks.", "retryable": False}
    assert [error] * 3 == [each.error for each in failed]
    assert [False, False, True] == [each.is_last for each in failed]


def test_what_comes_back_with_its_video_is_told(registry: SqlRegistry, log: EventLog) -> None:
    """Whoever listens hears that there is something to wait for again."""
    accept(registry, "es")
    registry.fail(PREPARE, NO_SPEECH, now=NOW)
    prepare(registry)
    news = [(each.type, each.generation, each.is_last) for each in log.story(ID).events[-2:]]
    assert [("video.prepared", 1, False), ("dub.queued", 2, False)] == news


def test_what_fails_once_more_by_hand_is_told_once_more(
    registry: SqlRegistry, log: EventLog
) -> None:
    """For the same reason as well, and of what is released nothing is."""
    accept(registry, "es", "ca")
    prepare(registry)
    registry.fail(DUB, NO_SPEECH, now=NOW)
    publish(registry, "ca")
    before, later = log.newest(), datetime.now(timezone.utc) + timedelta(minutes=1)
    for language in ("es", "ca"):
        registry.fail_by_hand(ID, language, NO_SPEECH, began=later, now=NOW)
    assert [("dub.failed", "es")] == [
        (each.type, each.language) for each in log.since(before, limit=9)
    ]


def test_a_video_that_is_removed_says_so_last(registry: SqlRegistry, log: EventLog) -> None:
    """Whoever listens hears that there is nothing to wait for."""
    accept(registry, "es")
    before = log.newest()
    registry.remove(ID)
    [event] = log.since(before, limit=9)
    assert ("video.removed", ID, 1, True) == (
        event.type,
        event.video_id,
        event.generation,
        event.is_last,
    )


def test_what_failed_and_is_asked_for_again_is_told(registry: SqlRegistry, log: EventLog) -> None:
    """A generation up."""
    accept(registry, "es")
    registry.fail(PREPARE, NO_SPEECH, now=NOW)
    registry.ask(ID, "es")
    again = log.story(ID).events[-2:]
    assert [("video.queued", 2), ("dub.queued", 2)] == [
        (each.type, each.generation) for each in again
    ]


@pytest.mark.parametrize("ends", ["lost", "handed over", "released", "failed"])
def test_a_dub_that_is_queued_again_is_told_last(
    registry: SqlRegistry, log: EventLog, ends: str
) -> None:
    """So that nobody takes it for done."""
    accept(registry, "es")
    prepare(registry)
    registry.begin_work(DUB, "run-1")
    registry.ask(ID, "es", BAY)
    outcomes: dict[str, Callable[[], object]] = {
        "lost": lambda: registry.requeue_lost(DUB, LOST, now=NOW),
        "handed over": lambda: registry.hand_over(DUB),
        "released": lambda: publish(registry, "es"),
        "failed": lambda: registry.fail(DUB, NO_SPEECH, now=NOW),
    }
    outcomes[ends]()
    story = log.story(ID)
    assert ("dub.queued", 2) == (story.events[-1].type, story.events[-1].generation)
    assert not any(each.is_last for each in story.events)
    assert story.goes_on


def test_a_word_from_an_older_generation_is_not_told(registry: SqlRegistry, log: EventLog) -> None:
    """It changed nothing."""
    accept(registry, "es")
    registry.fail(PREPARE, NO_SPEECH, now=NOW)
    registry.ask(ID, "es")
    before = told(log)
    registry.fail(PREPARE, NO_SPEECH, now=NOW)
    registry.requeue_lost(Work(ID, "es", 1), LOST, now=NOW)
    assert before == told(log)


def test_a_release_that_is_made_once_more_is_told(registry: SqlRegistry, log: EventLog) -> None:
    """Dagster had not been told of it."""
    lived(registry)
    registry.redo(DUB, "run-2")
    assert ("dub.queued", "es", None) == told(log)[-1]


def test_events_are_read_from_where_somebody_stopped(registry: SqlRegistry, log: EventLog) -> None:
    """Of all videos, or of one."""
    accept(registry, "es")
    seen = log.newest()
    accept(registry, "ca", video_id=OTHER_ID)
    registry.begin_work(PREPARE, "run-1")
    later = log.since(seen, limit=100)
    assert [OTHER_ID, OTHER_ID, ID] == [each.video_id for each in later]
    assert list(later[:2]) == list(log.since(seen, limit=2))
    assert list(later[2:]) == list(log.story(ID, after=seen).events)


def test_a_video_nobody_handed_in_has_no_story(log: EventLog) -> None:
    """It is an error, as asking for the video is."""
    with pytest.raises(VideoNotFoundError):
        log.story(ID)


def test_an_id_is_not_given_twice(registry: SqlRegistry, log: EventLog) -> None:
    """Also when the newest events are gone: somebody has seen them."""
    accept(registry, "es")
    newest = log.newest()
    soon = datetime.now(timezone.utc) + timedelta(minutes=1)
    assert 2 == registry.drop_events(before=soon, dry_run=True)
    assert [2, 0] == [registry.drop_events(before=soon) for _ in range(2)]
    accept(registry, "es", video_id=OTHER_ID)
    assert newest < log.since(0, limit=1)[0].id


def test_a_reader_misses_nothing_that_is_written_meanwhile(
    registry: SqlRegistry, log: EventLog
) -> None:
    """Ids become visible in their order, however many write at once."""
    videos = [f"up-{n:032x}" for n in range(40)]
    done, seen = threading.Event(), list[int]()

    def read() -> None:
        while not done.is_set() or log.newest() > (seen[-1] if seen else 0):
            seen.extend(each.id for each in log.since(seen[-1] if seen else 0, limit=7))

    reader = threading.Thread(target=read)
    reader.start()
    for eight in zip(*[iter(videos)] * 8, strict=True):
        at_once([partial(accept, registry, "es", "ca", video_id=each) for each in eight])
    done.set()
    reader.join()
    assert [each.id for each in log.since(0, limit=1000)] == seen
    assert 3 * len(videos) == len(seen)
