"""What every registry promises of changes of what is said in a video, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from dub_platform.core.edits import LineEdit
from dub_platform.core.errors import VideoNotFoundError
from dub_platform.registry import DubStatus, Registry, SqlRegistry, VideoStatus, Work
from dub_platform.registry.events import EventLog
from tests.contracts.test_registry import ID, NOW, OTHER_ID, accept, bring, fail, prepare, release

CORRECTION = LineEdit(3, "The harbor is com.", 3.0, 5.25, "The harbor is calm.", "key-1", NOW)
KEY = f"videos/{ID}/captions-1.srt"
CHANGES: dict[str, Callable[[Registry], Any]] = {
    "a correction": lambda registry: registry.edit(ID, None, [CORRECTION], after=0),
    "captions": lambda registry: registry.caption(ID, KEY),
    "a language": lambda registry: registry.name_language(ID, "fr"),
}
EACH = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@pytest.fixture
def registry(engine: Engine) -> Registry:
    registry = SqlRegistry(engine)
    accept(registry, "es")
    return registry


@EACH
def test_a_change_has_the_video_listened_to_and_its_release_stale(
    registry: Registry, engine: Engine, change: Callable[[Registry], Any]
) -> None:
    """The release stays, and the same change again changes nothing."""
    bring(registry, "released")
    before = registry.video(ID)
    change(registry)
    video, dub = registry.video(ID), registry.dub(ID, "es")
    assert (VideoStatus.QUEUED, before.generation + 1, 1, before.retry_count) == (
        video.status,
        video.generation,
        video.revision,
        video.retry_count,
    )
    assert (DubStatus.RELEASED, True) == (dub.status, video.is_older(dub.release))
    types = [event.type for event in EventLog(engine).since(0, limit=99)]
    assert ["dub.stale", "video.queued"] == types[-2:]
    change(registry)
    assert video == registry.video(ID)


@EACH
def test_a_change_while_it_is_listened_to_has_it_done_once_more(
    registry: Registry, change: Callable[[Registry], Any]
) -> None:
    """The run that is at it hands over before its next step, or when it is done."""
    [work] = registry.claim_videos(limit=1, now=NOW)
    registry.started(work, "run")
    change(registry)
    assert VideoStatus.RUNNING is registry.video(ID).status
    assert registry.hand_over(work)
    assert not registry.hand_over(work)
    [again] = registry.claim_videos(limit=1, now=NOW)
    assert (2, False) == (again.generation, again.listen_only)
    registry.started(again, "next")
    registry.edit(ID, None, [CORRECTION], after=len(registry.edits(ID, None)))
    prepare(registry)
    assert VideoStatus.QUEUED is registry.video(ID).status
    [last] = registry.claim_videos(limit=1, now=NOW)
    registry.started(last, "last")
    registry.edit(ID, None, [CORRECTION], after=len(registry.edits(ID, None)))
    registry.failed(last, {"code": "media_misheard"}, now=NOW)
    assert VideoStatus.QUEUED is registry.video(ID).status


def test_only_what_has_no_sound_yet_is_made_whole(registry: Registry) -> None:
    """What was prepared is only listened to; another language may be in another sound."""
    bring(registry, "released")
    registry.caption(ID, KEY)
    assert [True] == [work.listen_only for work in registry.claim_videos(limit=9, now=NOW)]
    registry.name_language(ID, "fr")
    registry.edit(ID, None, [CORRECTION], after=0)
    later = NOW + timedelta(minutes=2)
    assert [False] == [work.listen_only for work in registry.claim_videos(limit=9, now=later)]


@pytest.mark.parametrize(("stage", "listens"), [("audio", False), ("transcript", True)])
def test_a_video_that_failed_is_begun_where_it_failed(
    registry: Registry, stage: str, listens: bool
) -> None:
    """Believed, or with other words."""
    fail_at(registry, stage)
    registry.believe(ID)
    [work] = registry.claim_videos(limit=9, now=NOW)
    assert (listens, True, 2) == (
        work.listen_only,
        registry.video(ID).believed,
        work.generation,
    )
    # What failed with it waits with it.
    assert DubStatus.QUEUED is registry.dub(ID, "es").status
    fail_at(registry, stage, work)
    registry.caption(ID, KEY)
    [work] = registry.claim_videos(limit=9, now=NOW)
    # Other words are no longer those that were believed.
    assert (listens, False) == (work.listen_only, registry.video(ID).believed)
    assert DubStatus.QUEUED is registry.dub(ID, "es").status


def test_what_is_believed_when_it_is_ready_is_not_made_anew(registry: Registry) -> None:
    """It is only noted."""
    bring(registry, "released")
    before = registry.video(ID)
    after = registry.believe(ID)
    assert replace(before, believed=True, updated_at=after.updated_at) == after


def test_a_stale_dub_is_made_anew_by_whoever_asks_for_it(registry: Registry) -> None:
    """But not by who hands the video in again; and once it has the changes, by nobody."""
    bring(registry, "released")
    registry.edit(ID, None, [CORRECTION], after=0)
    accept(registry, "es")
    assert DubStatus.RELEASED is registry.dub(ID, "es").status
    assert DubStatus.QUEUED is registry.ask(ID, "es").status
    assert not registry.claim_dubs(limit=9, now=NOW)
    [work] = registry.claim_videos(limit=9, now=NOW)
    registry.started(work, "listening")
    prepare(registry)
    [dub] = registry.claim_dubs(limit=9, now=NOW)
    registry.started(dub, "dubbing")
    now = replace(release("es"), revision=1)
    registry.released(ID, "es", now, film_key=None, beside={}, run_id="dubbing")
    assert not registry.video(ID).is_older(registry.dub(ID, "es").release)
    assert DubStatus.RELEASED is registry.ask(ID, "es").status


def test_corrections_are_kept_in_their_order_and_go_with_the_video(registry: Registry) -> None:
    """Beside those of dubs, and whoever has not seen the others' must look first."""
    assert registry.edit(ID, None, [CORRECTION], after=0)
    assert not registry.edit(ID, None, [CORRECTION], after=0)
    assert ([CORRECTION], []) == (registry.edits(ID, None), registry.edits(ID, "es"))
    registry.remove(ID)
    assert [] == registry.edits(ID, None)


@EACH
def test_a_video_that_is_not_there_has_nothing_changed(
    registry: Registry, change: Callable[[Registry], Any]
) -> None:
    """Nor has another tenant's."""
    other = registry.of("acme")
    with pytest.raises(VideoNotFoundError):
        change(other)
    with pytest.raises(VideoNotFoundError):
        other.believe(ID)
    assert [] == list(other.edits(ID, None))
    with pytest.raises(VideoNotFoundError):
        registry.caption(OTHER_ID, KEY)


def fail_at(registry: Registry, stage: str, work: Work | None = None) -> None:
    """Have the video fail while this is made of it."""
    [work] = [work] if work else registry.claim_videos(limit=9, now=NOW)
    registry.started(work, "run")
    registry.reached(ID, None, stage)
    fail(registry, work)
