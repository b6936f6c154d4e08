"""The promises of the registry about videos that are removed, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from sqlalchemy import Engine

from dub_platform.core.cost import Caps, PaidCall
from dub_platform.core.edits import LineEdit
from dub_platform.core.errors import VideoBeingRemovedError, VideoNotFoundError
from dub_platform.registry import NewVideo, Source, SqlRegistry, Work
from dub_platform.registry.ledger import PaidCalls

ID, OTHER = "dQw4w9WgXcQ", "aaaaaaaaaaa"
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
VIDEO = NewVideo(ID, Source.YOUTUBE, title="A harbor")
CALL = PaidCall(ID, "es", "translator", "gpt", "k" * 64, "batch 1", 0.5)


@pytest.fixture
def registry(engine: Engine) -> SqlRegistry:
    """With two videos that are asked for in Spanish."""
    made = SqlRegistry(engine)
    made.accept(VIDEO, ["es"])
    made.accept(NewVideo(OTHER, Source.YOUTUBE), ["es"])
    return made


def test_what_is_removed_is_not_asked_for(registry: SqlRegistry) -> None:
    """Neither the video nor its dubs; others are."""
    registry.remove(ID)
    with pytest.raises(VideoNotFoundError):
        registry.video(ID)
    assert [] == list(registry.dubs(ID))
    assert not registry.was_asked_for(ID)
    assert not registry.was_asked_for(ID, "es")
    assert [OTHER] == [work.video_id for work in registry.claim_videos(limit=9, now=NOW)]


def test_the_edits_of_its_lines_go_with_it(registry: SqlRegistry) -> None:
    """They are words of somebody; another video's stay."""
    edit = LineEdit(0, "Good morning.", 0.0, 1.0, "Bon dia.", None, NOW)
    for video_id in (ID, OTHER):
        registry.edit(video_id, "es", [edit], after=0)
    registry.remove(ID)
    assert [[], [edit]] == [list(registry.edits(each, "es")) for each in (ID, OTHER)]


def test_who_removes_twice_is_told(registry: SqlRegistry) -> None:
    """There is no such video any more."""
    registry.remove(ID)
    with pytest.raises(VideoNotFoundError):
        registry.remove(ID)


def test_it_is_taken_in_again_once_all_of_it_is_gone(registry: SqlRegistry) -> None:
    """Until then a run may still be writing."""
    registry.remove(ID)
    assert [ID] == list(registry.removals(limit=9))
    with pytest.raises(VideoBeingRemovedError):
        registry.accept(VIDEO, ["es"])
    registry.removed(ID)
    assert [] == list(registry.removals(limit=9))
    assert registry.accept(VIDEO, ["es"])[1]


def test_its_generations_go_on(registry: SqlRegistry) -> None:
    """Dagster would take a run key that it had before for a run that it has had."""
    registry.failed(Work(ID, None, 1), {"code": "run_stopped"}, now=NOW)
    registry.ask(ID, "es")
    assert 2 == registry.video(ID).generation
    for highest in (3, 4):
        registry.remove(ID)
        registry.removed(ID)
        video, _ = registry.accept(VIDEO, ["es"])
        asked = registry.ask(ID, "ca")
        assert [highest] * 3 == [each.generation for each in (video, asked, registry.dub(ID, "es"))]


def test_a_late_word_of_its_run_changes_nothing(registry: SqlRegistry) -> None:
    """It is of a generation that is over."""
    registry.started(Work(ID, None, 1), "old-run")
    registry.remove(ID)
    assert not registry.started(Work(ID, None, 1), "old-run")
    registry.removed(ID)
    registry.accept(VIDEO, ["es"])
    registry.failed(Work(ID, None, 1), {"code": "run_stopped"}, now=NOW)
    assert not registry.started(Work(ID, None, 1), "old-run")
    assert "queued" == registry.video(ID).status.value


def test_the_account_stays(registry: SqlRegistry, engine: Engine) -> None:
    """Whatever becomes of what was bought."""
    calls = PaidCalls(engine)
    calls.settle(calls.open(CALL, Caps()), units=9, cost_usd=0.4, request_id=None)
    registry.remove(ID)
    assert {"es": 0.4} == calls.spent_usd(ID)


def test_the_longest_removed_is_first(registry: SqlRegistry) -> None:
    """At most as many as are asked for."""
    registry.remove(OTHER)
    registry.remove(ID)
    assert [[OTHER], [OTHER, ID]] == [list(registry.removals(limit=n)) for n in (1, 9)]
