"""What every registry promises of changes of what is said in a video, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from dub_platform.core.errors import VideoNotFoundError
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry import DubStatus, Registry, SqlRegistry, Stale, VideoStatus, Work
from dub_platform.registry.transactions.events import EventLog
from tests.contracts.test_registry import (
    CHANNEL,
    ID,
    NOW,
    OTHER_ID,
    accept,
    bring,
    fail,
    fetched,
    prepare,
    release,
)

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
    assert (DubStatus.RELEASED, (Stale.SOURCE,)) == (dub.status, video.stale(dub))
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
    registry.begin_work(work, "run")
    change(registry)
    assert VideoStatus.RUNNING is registry.video(ID).status
    assert registry.hand_over(work)
    assert not registry.hand_over(work)
    [again] = registry.claim_videos(limit=1, now=NOW)
    assert (2, False) == (again.generation, again.listen_only)
    registry.begin_work(again, "next")
    registry.edit(ID, None, [CORRECTION], after=len(registry.edits(ID, None)))
    prepare(registry)
    assert VideoStatus.QUEUED is registry.video(ID).status
    [last] = registry.claim_videos(limit=1, now=NOW)
    registry.begin_work(last, "last")
    registry.edit(ID, None, [CORRECTION], after=len(registry.edits(ID, None)))
    registry.fail(last, {"code": "media_misheard"}, now=NOW)
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
    registry.begin_work(work, "listening")
    prepare(registry)
    [dub] = registry.claim_dubs(limit=9, now=NOW)
    registry.begin_work(dub, "dubbing")
    now = replace(release("es"), revision=1)
    registry.release(ID, "es", now, film_key=None, beside={}, run_id="dubbing")
    assert () == stale(registry)
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
        change(other)  # type: ignore[arg-type]
    with pytest.raises(VideoNotFoundError):
        other.believe(ID)
    assert [] == list(other.edits(ID, None))
    with pytest.raises(VideoNotFoundError):
        registry.caption(OTHER_ID, KEY)


def fail_at(registry: Registry, stage: str, work: Work | None = None) -> None:
    """Have the video fail while this is made of it."""
    [work] = [work] if work else registry.claim_videos(limit=9, now=NOW)
    registry.begin_work(work, "run")
    registry.note_stage(ID, None, stage)
    fail(registry, work)


def test_a_release_of_another_translation_is_stale(registry: Registry, engine: Engine) -> None:
    """As soon as that is there, until the dub is released with it; of none, nothing is known."""
    bring(registry, "released")
    registry.note_translation(ID, "es", "second")
    assert () == stale(registry)
    publish_of(registry, version="second")
    assert () == stale(registry)
    registry.note_translation(ID, "es", "third")
    registry.note_translation(ID, "es", "third")
    assert (Stale.TRANSLATION,) == stale(registry)
    assert ["dub.released", "dub.stale"] == types(engine)[-2:]
    assert DubStatus.QUEUED is registry.ask(ID, "es").status
    # Of a dub that nobody asked for there is nothing to note.
    registry.note_translation(ID, "fr", "third")


def test_a_translation_on_the_way_to_its_release_is_told_by_that(
    registry: Registry, engine: Engine
) -> None:
    """Whoever listens is not told in between that what is being made again is stale."""
    bring(registry, "released")
    publish_of(registry, version="first")
    registry.ask(ID, "es", Wording(formality="formal"))
    registry.begin_work(Work(ID, "es", registry.dub(ID, "es").generation), "again")
    registry.note_translation(ID, "es", "second")
    assert "dub.stale" not in types(engine)


def test_what_a_channel_words_otherwise_is_stale(registry: Registry, engine: Engine) -> None:
    """If its translator heeded a wording, and as long as the channel says so."""
    fetched(registry)
    registry.keep_channel(CHANNEL, wording=FORMAL)
    bring(registry, "running")
    registry.keep_channel(CHANNEL, wording=INFORMAL)
    # Released in the wording of before, as it was translated.
    publish_of(registry, wording=FORMAL.key)
    assert (Stale.WORDING,) == stale(registry)
    assert ["dub.released", "dub.stale"] == types(engine)[-2:]
    registry.keep_channel(CHANNEL, wording=FORMAL)
    assert () == stale(registry)
    registry.keep_channel(CHANNEL, title="Another title")
    registry.keep_channel(CHANNEL, wording=INFORMAL)
    assert (Stale.WORDING,) == stale(registry)
    assert 2 == types(engine).count("dub.stale")
    # Once more is no change.
    registry.keep_channel(CHANNEL, wording=INFORMAL)
    assert 2 == types(engine).count("dub.stale")
    publish_of(registry, wording=None)
    assert () == stale(registry)
    publish_of(registry, wording=FORMAL.key)
    assert DubStatus.QUEUED is registry.ask(ID, "es").status


def test_what_a_channel_says_of_other_languages_makes_nothing_stale(registry: Registry) -> None:
    """Nor does what the request had decided before."""
    fetched(registry)
    registry.ask(ID, "es", Wording(Glossary({"harbor": {"es": "puerto"}})))
    bring(registry, "released")
    said = registry.dub(ID, "es").wording.key
    publish_of(registry, wording=said)
    terms = {"harbor": {"es": "bahia"}, "boat": {"fr": "bateau"}}
    registry.keep_channel(CHANNEL, wording=Wording(Glossary(terms)))
    assert () == stale(registry)


def test_what_was_corrected_while_it_was_dubbed_is_told_with_its_release(
    registry: Registry, engine: Engine
) -> None:
    """Which is the last that is told; and lines whose edits are old do not ask for a dub anew."""
    bring(registry, "running")
    registry.edit(ID, None, [CORRECTION], after=0)
    prepare(registry)
    publish_of(registry)
    assert (Stale.SOURCE,) == stale(registry)
    told = EventLog(engine).since(0, limit=99)
    assert [("dub.released", False), ("dub.stale", True)] == [
        (event.type, event.is_last) for event in told if event.language == "es"
    ][-2:]
    publish_of(registry, revision=1, old_edits=2)
    assert (Stale.EDITS,) == stale(registry)
    assert DubStatus.RELEASED is registry.ask(ID, "es").status


FORMAL, INFORMAL = Wording(formality="formal"), Wording(formality="informal")


def stale(registry: Registry) -> tuple[Stale, ...]:
    """Why the dub is stale; a listing says the same."""
    video, [listed] = registry.video(ID), registry.dub_states([ID])[ID]
    assert video.stale(listed) == video.stale(registry.dub(ID, "es"))
    return video.stale(listed)


def publish_of(registry: Registry, **basis: Any) -> None:
    """Release the dub once more, as made of this."""
    made = replace(release("es"), **basis)
    registry.release(ID, "es", made, film_key=None, beside={}, run_id="run-1")


def types(engine: Engine) -> list[str]:
    return [event.type for event in EventLog(engine).since(0, limit=99)]
