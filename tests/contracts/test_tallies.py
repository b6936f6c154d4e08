"""What is counted in the registry, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from sqlalchemy import Engine, update

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import NoSpeechError
from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.core.service.metrics import DUB, GATE_RESULTS, PREPARE, STAGE_SECONDS
from dub_platform.core.speech import Release
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work
from dub_platform.registry.database.tables import dubs, videos
from dub_platform.registry.ledger import PaidCalls
from dub_platform.registry.tallies import Tallies, Total

ID = "dQw4w9WgXcQ"
NO_SPEECH = NoSpeechError("Nobody speaks in this video.").as_details()
LONG_AGO = datetime(2026, 5, 4, 12, 30, tzinfo=timezone.utc)


@pytest.fixture
def registry(engine: Engine) -> SqlRegistry:
    made = SqlRegistry(engine)
    made.accept(NewVideo(ID, Source.YOUTUBE, request_id="req-1"), ["es", "ca"])
    return made


@pytest.fixture
def tallies(engine: Engine) -> Tallies:
    return Tallies(engine)


def prepare(registry: SqlRegistry) -> None:
    registry.begin_work(Work(ID, None, 1), "run-1")
    facts = {"duration_seconds": 30.5, "file_size_bytes": 481_516, "run_id": "run-1"}
    registry.note_prepared(ID, title="A walk", language="en", **facts)  # type: ignore[arg-type]


def release(registry: SqlRegistry) -> None:
    registry.begin_work(Work(ID, "es", 1), "run-2")
    numbers = {"seconds": 30.5, "lufs": -16.0, "true_peak_db": -2.0, "onset_p95_ms": 12.0}
    files = {"track_key": "track", "manifest_key": "manifest", "captions_keys": {}, "sha256": "5d"}
    told = {"language": "es", "tempo_p95": 1.0, "bytes": 1, "cost_usd": 0.0, **numbers, **files}
    made = Release(**told)  # type: ignore[arg-type]
    registry.release(ID, "es", made, film_key=None, beside={}, run_id="run-2")


def test_what_was_seen_is_added_up(registry: SqlRegistry, tallies: Tallies) -> None:
    """By metric, labels and bucket: how often, and the sum."""
    for seconds in (4.0, 5.0, 5.5):
        registry.count(STAGE_SECONDS.tally(seconds, "audio", "made"))
    registry.count(GATE_RESULTS.tally(1, "every_line_has_a_take", "passed"))
    assert {
        ("stage_duration_seconds", ("audio", "made"), "5.0"): Total(2, 9.0),
        ("stage_duration_seconds", ("audio", "made"), "10.0"): Total(1, 5.5),
        ("gate_results", ("every_line_has_a_take", "passed"), ""): Total(1, 1.0),
    } == tallies.totals()


def test_nothing_is_lost_when_many_count_at_once(registry: SqlRegistry, tallies: Tallies) -> None:
    """Ten at a time, in opposite orders."""
    seen = [STAGE_SECONDS.tally(1.0, name, "made") for name in ("audio", "speech")]
    both = [partial(registry.count, *seen), partial(registry.count, *reversed(seen))]
    assert [None] * 10 == at_once(both * 5)
    assert [10, 10] == [total.count for total in tallies.totals().values()]


def test_what_was_made_is_counted_once(registry: SqlRegistry, tallies: Tallies) -> None:
    """A video that is prepared again, or a dub that is released again by hand, counts no more."""
    for _ in range(2):
        prepare(registry)
        release(registry)
    counted = {
        labels: total
        for (name, labels, _), total in tallies.totals().items()
        if name == "videos_processed"
    }
    assert {(PREPARE,): Total(1, 1.0), (DUB,): Total(1, 1.0)} == counted
    took = [name for name, *_ in tallies.totals() if name == "video_processing_duration_seconds"]
    assert 2 == len(took)


def test_a_failure_is_counted_by_its_code(registry: SqlRegistry, tallies: Tallies) -> None:
    """Once, however often it is told."""
    for _ in range(2):
        registry.fail(Work(ID, None, 1), NO_SPEECH, now=LONG_AGO)
    failed = ("videos_failed", (PREPARE, "media_no_speech"), "")
    assert {failed: Total(1, 1.0)} == tallies.totals()


def test_paid_calls_are_counted_by_how_they_ended(engine: Engine, tallies: Tallies) -> None:
    """Opened before they are made; only what is settled has cost anything."""
    calls = PaidCalls(engine)
    call = PaidCall(ID, "es", "voice", "elevenlabs", "5d41", "line 1", 0.25)
    opened = [calls.open(call, Caps()) for _ in range(3)]
    calls.settle(opened[0], units=40, cost_usd=0.2, request_id="req_1")
    calls.close(opened[1], "refused")
    sums = {labels: total.sum for (_, labels, _), total in tallies.totals().items()}
    expected: dict[tuple[str, ...], float] = {
        ("voice", "opened"): 3,
        ("voice", "settled"): 1,
        ("voice", "failed"): 1,
    }
    assert expected | {("voice",): 0.2} == sums


def test_the_line_is_what_runs_and_waits(registry: SqlRegistry, tallies: Tallies) -> None:
    """With the moment since which the first of it waits."""
    registry.begin_work(Work(ID, None, 1), "run-1")
    prepares, waiting = tallies.lines()[PREPARE], tallies.lines()[DUB]
    assert (1, 0, None) == (prepares.running, prepares.waiting, prepares.oldest)
    assert (0, 2) == (waiting.running, waiting.waiting)
    assert waiting.oldest is not None
    assert waiting.oldest <= registry.dub(ID, "ca").created_at


def test_what_is_queued_again_waits_from_then_on(
    registry: SqlRegistry, tallies: Tallies, engine: Engine
) -> None:
    """An old video that is asked for anew has not waited since it was handed in."""
    with engine.begin() as connection:
        for table in (videos, dubs):
            connection.execute(update(table).values(created_at=LONG_AGO, queued_at=LONG_AGO))
    assert LONG_AGO == tallies.lines()[PREPARE].oldest
    registry.fail(Work(ID, None, 1), NO_SPEECH, now=LONG_AGO)
    registry.ask(ID, "es")
    oldest = tallies.lines()[PREPARE].oldest
    assert oldest is not None
    assert datetime.now(timezone.utc) - oldest < timedelta(minutes=1)


def test_a_row_of_the_release_before_waits_since_it_was_made(
    registry: SqlRegistry, tallies: Tallies, engine: Engine
) -> None:
    """It does not say since when it is queued."""
    with engine.begin() as connection:
        connection.execute(update(videos).values(queued_at=None))
    assert registry.video(ID).created_at == tallies.lines()[PREPARE].oldest


def test_work_knows_which_request_asked_for_it_last(registry: SqlRegistry) -> None:
    """Who handed it in, and then who asked again for what failed."""
    [work] = registry.claim_videos(limit=9, now=datetime.now(timezone.utc))
    assert "req-1" == work.request_id
    registry.fail(work, NO_SPEECH, now=LONG_AGO)
    registry.ask(ID, "es", request_id="req-2")
    [again] = registry.claim_videos(limit=9, now=datetime.now(timezone.utc))
    asked = [registry.dub(ID, code).request_id for code in ("ca", "es")]
    assert ("req-2", ["req-1", "req-2"]) == (again.request_id, asked)


def test_work_knows_which_request_edited_its_lines(registry: SqlRegistry) -> None:
    """The dub's own work; the other language's was asked for by who handed the video in."""
    edit = LineEdit(0, "Good day.", 0.0, 1.0, "Buen día.", None, LONG_AGO)
    registry.edit(ID, "es", [edit], after=0, request_id="req-2")
    assert ["req-1", "req-2"] == [registry.dub(ID, code).request_id for code in ("ca", "es")]
