"""What every registry promises of the edits of a dub's lines, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Engine

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import DubNotFoundError, VideoNotFoundError
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry import DubStatus, Registry, SqlRegistry, Work
from tests.contracts.test_registry import (
    DUB,
    ID,
    NOW,
    OTHER_ID,
    accept,
    bring,
    fail,
    prepare,
    publish,
    release,
    states,
)

EDIT = LineEdit(3, "The harbor is calm.", 3.0, 5.25, "El puerto está en calma.", "key-1", NOW)
LATER = replace(EDIT, text="Hay calma.", author=None)
BACK = replace(EDIT, text=None)


@pytest.fixture
def registry(engine: Engine) -> Registry:
    registry = SqlRegistry(engine)
    accept(registry, "es", "ca")
    return registry


def edit(registry: Registry, *edits: LineEdit, after: int = 0, language: str = "es") -> bool:
    return registry.edit(ID, language, edits or (EDIT,), after=after)


def test_every_edit_is_kept_in_its_order(registry: Registry) -> None:
    """Whole, also those that others follow, and for each dub its own."""
    edit(registry, EDIT, LATER)
    edit(registry, BACK, after=2)
    edit(registry, LATER, language="ca")
    assert [EDIT, LATER, BACK] == registry.edits(ID, "es")
    assert [LATER] == registry.edits(ID, "ca")
    assert [] == registry.edits(OTHER_ID, "es")


def test_an_edit_of_what_somebody_else_has_edited_is_not_made(registry: Registry) -> None:
    """Who has not seen the others' edits must look first; nothing is asked for meanwhile."""
    bring(registry, "released")
    edit(registry)
    before = registry.dub(ID, "es")
    assert [False, False] == [edit(registry, LATER), edit(registry, LATER, after=2)]
    assert ([EDIT], before) == (registry.edits(ID, "es"), registry.dub(ID, "es"))
    assert edit(registry, LATER, after=1)


def test_of_many_who_saw_the_same_one_edits(registry: Registry) -> None:
    """At the same moment, from as many threads."""
    calls: Sequence[Callable[[], object]] = [partial(edit, registry) for _ in range(5)]
    assert [False] * 4 + [True] == sorted(map(bool, at_once(calls)))
    assert [EDIT] == registry.edits(ID, "es")


def test_a_released_dub_is_queued_again(registry: Registry) -> None:
    """A generation up, and its release stays current; the other language is left alone."""
    bring(registry, "released")
    edit(registry)
    assert [("ca", DubStatus.QUEUED, 1), ("es", DubStatus.QUEUED, 2)] == states(registry)
    assert release() == registry.dub(ID, "es").release


def test_a_failed_dub_is_queued_again(registry: Registry) -> None:
    """What was too long for the video may be what was edited."""
    prepare(registry)
    fail(registry, DUB)
    edit(registry)
    dub = registry.dub(ID, "es")
    assert (DubStatus.QUEUED, 2, None) == (dub.status, dub.generation, dub.error_details)


def test_a_dub_that_waits_takes_the_edit_along(registry: Registry) -> None:
    """Its run has not begun, so there is nothing to make again, however many edits there are."""
    bring(registry, "released")
    for number in range(3):
        edit(registry, after=number)
    assert ("es", DubStatus.QUEUED, 2) == states(registry)[1]


def test_a_running_dub_is_handed_over_at_its_next_step(registry: Registry) -> None:
    """And is queued once, a generation up."""
    bring(registry, "running")
    edit(registry)
    assert ("es", DubStatus.RUNNING, 1) == states(registry)[1]
    assert [True, False] == [registry.hand_over(DUB), registry.hand_over(DUB)]
    assert ("es", DubStatus.QUEUED, 2) == states(registry)[1]


def test_a_dub_edited_in_its_last_step_is_queued_after_its_release(registry: Registry) -> None:
    """Neither the release nor the edit is lost."""
    bring(registry, "running")
    edit(registry)
    publish(registry, "es")
    assert release() == registry.dub(ID, "es").release
    assert Work(ID, "es", 2) in registry.claim_dubs(limit=9, now=NOW)


def test_what_nobody_asked_for_cannot_be_edited(registry: Registry) -> None:
    """Neither another language nor another video."""
    with pytest.raises(DubNotFoundError):
        edit(registry, language="gl")
    with pytest.raises(VideoNotFoundError):
        registry.edit(OTHER_ID, "es", [EDIT], after=0)
    assert [] == registry.edits(ID, "gl")


def test_text_that_postgresql_refuses_is_cleaned(registry: Registry) -> None:
    """A recogniser's words can hold anything."""
    edit(registry, replace(EDIT, source="The \x00harbor\udc80."))
    assert "The harbor?." == registry.edits(ID, "es")[0].source
