"""The promises of the registry about videos that are removed, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, select

from dub_platform.core.errors import (
    DubNotFoundError,
    RunSupersededError,
    VideoBeingRemovedError,
    VideoNotFoundError,
)
from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.core.style.wording import Wording
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry import DubStatus, NewVideo, Source, SqlRegistry, Work
from dub_platform.registry.database.tables import owed_films, utc_now
from dub_platform.registry.ledger import PaidCalls
from dub_platform.registry.transactions.events import EventLog
from tests.contracts.test_registry import prepare, publish

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
    registry.finish_removal(ID)
    assert [] == list(registry.removals(limit=9))
    assert registry.accept(VIDEO, ["es"])[1]


def test_its_generations_go_on(registry: SqlRegistry) -> None:
    """Dagster would take a run key that it had before for a run that it has had."""
    registry.fail(Work(ID, None, 1), {"code": "run_stopped"}, now=NOW)
    registry.ask(ID, "es")
    assert 2 == registry.video(ID).generation
    for highest in (3, 4):
        registry.remove(ID)
        registry.finish_removal(ID)
        video, _ = registry.accept(VIDEO, ["es"])
        asked = registry.ask(ID, "ca")
        assert [highest] * 3 == [each.generation for each in (video, asked, registry.dub(ID, "es"))]


def test_a_late_word_of_its_run_changes_nothing(registry: SqlRegistry) -> None:
    """It is of a generation that is over."""
    registry.begin_work(Work(ID, None, 1), "old-run")
    registry.remove(ID)
    assert not registry.begin_work(Work(ID, None, 1), "old-run")
    registry.finish_removal(ID)
    registry.accept(VIDEO, ["es"])
    registry.fail(Work(ID, None, 1), {"code": "run_stopped"}, now=NOW)
    assert not registry.begin_work(Work(ID, None, 1), "old-run")
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


@pytest.fixture
def released(registry: SqlRegistry) -> SqlRegistry:
    """With the first video's dubs in Catalan and Spanish, and a film of both."""
    registry.ask(ID, "ca")
    prepare(registry)
    for language in ("ca", "es"):
        registry.begin_work(Work(ID, language, 1), "run-1")
        publish(registry, language)
    return registry


def film_only(registry: SqlRegistry) -> list[tuple[str | None, bool]]:
    """What can begin now, and whether only a film is made of it."""
    works = registry.claim_dubs(limit=9, now=NOW)
    return [(work.language, work.film_only) for work in works if work.video_id == ID]


def test_of_one_dub_that_is_removed_all_else_stays(released: SqlRegistry, engine: Engine) -> None:
    """The video, its other dubs, their edits, and the account."""
    edit = LineEdit(0, "Good morning.", 0.0, 1.0, "Bon dia.", None, NOW)
    for language in ("ca", "es"):
        released.edit(ID, language, [edit], after=0)
    PaidCalls(engine).open(CALL, Caps())
    released.remove_dub(ID, "es")
    with pytest.raises(DubNotFoundError):
        released.dub(ID, "es")
    assert ["ca"] == [dub.language for dub in released.dubs(ID)]
    assert (True, False) == tuple(released.was_asked_for(ID, each) for each in ("ca", "es"))
    assert [[edit], []] == [list(released.edits(ID, each)) for each in ("ca", "es")]
    assert {"es": 0.5} == PaidCalls(engine).spent_usd(ID)
    assert [(ID, "es")] == list(released.dub_removals(limit=9))
    assert [] == list(released.removals(limit=9))


def test_a_dub_is_removed_once(registry: SqlRegistry, engine: Engine) -> None:
    """Who asks for that again gets the same answer; one that never was cannot be removed."""
    registry.remove_dub(ID, "es")
    told = len(EventLog(engine).since(0, limit=99))
    assert registry.remove_dub(ID, "es") is None
    registry.finish_dub_removal(ID, "es")
    assert registry.remove_dub(ID, "es") is None
    assert told == len(EventLog(engine).since(0, limit=99))
    with pytest.raises(DubNotFoundError):
        registry.remove_dub(ID, "fr")
    with pytest.raises(VideoNotFoundError):
        registry.remove_dub("bbbbbbbbbbb", "es")


def test_a_removed_dub_is_told_and_ends_what_listens(registry: SqlRegistry, engine: Engine) -> None:
    """Where nothing else of the video waits or is under way."""
    prepare(registry)
    registry.ask(ID, "ca")
    for language in ("es", "ca"):
        registry.remove_dub(ID, language)
    last = EventLog(engine).since(0, limit=99)[-2:]
    assert [("dub.removed", "es", 1, False), ("dub.removed", "ca", 1, True)] == [
        (event.type, event.language, event.generation, event.is_last) for event in last
    ]


def test_a_dub_that_is_asked_for_again_waits_until_the_first_is_gone(
    released: SqlRegistry,
) -> None:
    """It is taken at once, a generation up, and begins when nobody can be at what was before."""
    released.remove_dub(ID, "es")
    assert 2 == released.ask(ID, "es", Wording(formality="formal")).generation
    assert not released.was_asked_for(ID, "es")
    assert [("ca", True)] == film_only(released)
    released.finish_dub_removal(ID, "es")
    assert released.was_asked_for(ID, "es")
    assert [("es", False)] == film_only(released)


def test_a_run_of_before_releases_nothing(registry: SqlRegistry) -> None:
    """Whether it was requested or started by hand, and whoever asked again meanwhile."""
    prepare(registry)
    registry.begin_work(Work(ID, "es", 1), "run-1")
    assert registry.hold(ID, "es", "run-1", now=NOW)
    registry.remove_dub(ID, "es")
    with pytest.raises(DubNotFoundError):
        publish(registry, "es")
    registry.ask(ID, "es")
    assert not registry.begin_work(Work(ID, "es", 1), "run-1")
    with pytest.raises(RunSupersededError):
        publish(registry, "es")
    assert registry.dub(ID, "es").release is None


def test_a_film_is_made_without_what_was_removed(released: SqlRegistry) -> None:
    """By a dub that is released, which stays what it is; until then there is none."""
    film = released.video(ID).film_key
    assert film == released.remove_dub(ID, "es")
    assert released.video(ID).film_key is None
    assert DubStatus.QUEUED is released.dub(ID, "ca").status
    [work] = [each for each in released.claim_dubs(limit=9, now=NOW) if each.video_id == ID]
    assert ("ca", 2, True) == (work.language, work.generation, work.film_only)
    released.begin_work(work, "run-1")
    # A run that is lost is made good by another of the same kind.
    released.requeue_lost(work, {"code": "run_lost"}, now=NOW)
    assert [("ca", True)] == film_only(released)
    publish(released, "ca")
    dub = released.dub(ID, "ca")
    assert (DubStatus.RELEASED, False) == (dub.status, dub.film_only)
    # With the last one there is nothing to make a film of.
    assert released.video(ID).film_key == released.remove_dub(ID, "ca")
    assert [] == film_only(released)


@pytest.mark.parametrize("status", ["queued", "running"])
def test_who_asks_anew_meanwhile_has_it_made_whole(released: SqlRegistry, status: str) -> None:
    """In another wording, or as what is said was corrected."""
    released.remove_dub(ID, "es")
    if status == "running":
        released.begin_work(Work(ID, "ca", 2), "run-1")
    correction = LineEdit(0, "Good morning.", 0.0, 1.0, "Good evening.", None, NOW)
    released.edit(ID, None, [correction], after=0)
    assert released.ask(ID, "ca").film_only is False
    prepare(released)
    if status == "running":
        assert released.hand_over(Work(ID, "ca", 2))
    assert [("ca", False)] == film_only(released)


def test_a_dub_that_goes_on_makes_the_film_itself(released: SqlRegistry) -> None:
    """Nothing else is begun for it."""
    released.ask(ID, "ca", Wording(formality="formal"))
    released.remove_dub(ID, "es")
    assert [("ca", False)] == film_only(released)


LATER = timedelta(minutes=11)


def fail(registry: SqlRegistry, language: str) -> None:
    """The dub's run begins and fails."""
    work = Work(ID, language, registry.dub(ID, language).generation)
    registry.begin_work(work, "run-1")
    registry.fail(work, {"code": "storage_full"}, now=NOW)


def test_the_film_of_a_dub_that_failed_meanwhile_is_made_all_the_same(
    released: SqlRegistry,
) -> None:
    """The dub that was being made anew, and would have made the film with its release, fails."""
    released.ask(ID, "ca", Wording(formality="formal"))
    released.remove_dub(ID, "es")
    assert 0 == released.queue_owed_films(limit=9, now=NOW)
    fail(released, "ca")
    assert 1 == released.queue_owed_films(limit=9, now=NOW)
    assert [("ca", True)] == film_only(released)
    publish(released, "ca")
    assert released.video(ID).film_key
    assert 0 == released.queue_owed_films(limit=9, now=NOW + LATER)


def test_a_film_that_fails_is_tried_five_times_more(released: SqlRegistry) -> None:
    """Ten minutes later each time; who asks for the dub has it made whole."""
    released.remove_dub(ID, "es")
    now = utc_now()
    for _ in range(5):
        fail(released, "ca")
        assert 0 == released.queue_owed_films(limit=9, now=now)
        assert 1 == released.queue_owed_films(limit=9, now=now + LATER)
    fail(released, "ca")
    assert 0 == released.queue_owed_films(limit=9, now=now + LATER)
    assert DubStatus.FAILED is released.dub(ID, "ca").status
    assert released.ask(ID, "ca").film_only is False


def test_another_released_dub_makes_the_film_where_one_fails(released: SqlRegistry) -> None:
    """It is chosen before the one that failed, which still says of what."""
    released.ask(ID, "gl")
    released.begin_work(Work(ID, "gl", 1), "run-1")
    publish(released, "gl")
    released.remove_dub(ID, "es")
    fail(released, "ca")
    assert 1 == released.queue_owed_films(limit=9, now=NOW)
    assert [("gl", True)] == film_only(released)
    assert DubStatus.FAILED is released.dub(ID, "ca").status


def test_no_film_is_owed_where_nothing_is_left_of_the_video(
    released: SqlRegistry, engine: Engine
) -> None:
    """With the last dub, and with the video itself."""
    for language in ("es", "ca"):
        released.remove_dub(ID, language)
    assert 0 == released.queue_owed_films(limit=9, now=NOW + LATER)
    released.remove(ID)
    with engine.connect() as connection:
        assert [] == list(connection.execute(select(owed_films)))


def test_generations_go_on_from_those_of_removed_dubs(registry: SqlRegistry) -> None:
    """When the whole video was removed after it, and is handed in again."""
    prepare(registry)
    for generation in (1, 2):
        registry.fail(Work(ID, "es", generation), {"code": "run_stopped"}, now=NOW)
        registry.ask(ID, "es")
    registry.remove_dub(ID, "es")
    registry.finish_dub_removal(ID, "es")
    registry.remove(ID)
    registry.finish_removal(ID)
    registry.accept(VIDEO, ["es"])
    assert 4 == registry.dub(ID, "es").generation
    assert [] == list(registry.dub_removals(limit=9))


def test_a_video_is_held_whole_though_something_of_it_waits(released: SqlRegistry) -> None:
    """Where that is enough; not while a run is at a step of it."""
    released.remove_dub(ID, "es")
    assert not released.hold_all(ID, "removal", now=NOW)
    assert released.hold_all(ID, "removal", now=NOW, at_rest=False)
    assert not released.hold(ID, "ca", "run-9", now=NOW)
    released.let_go_all(ID, "removal")
    assert released.hold(ID, "ca", "run-9", now=NOW)
    assert not released.hold_all(ID, "removal", now=NOW, at_rest=False)
