"""The promises of the first answers, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from sqlalchemy import Engine

from dub_platform.contracts.threads import at_once
from dub_platform.registry.first_answers import CLAIM_LASTS, KEPT, Claim, FirstAnswer, FirstAnswers

KEY, DIGEST = "a" * 64, "d" * 64
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
ANSWER = FirstAnswer(202, [("location", "/videos/x"), ("x-twice", "1"), ("x-twice", "2")], b"\0{}")
MOMENT = timedelta(seconds=1)


@pytest.fixture
def answers(engine: Engine) -> FirstAnswers:
    return FirstAnswers(engine)


def test_an_answer_is_given_again_as_it_was(answers: FirstAnswers) -> None:
    """Status, every header, every byte, and what it was asked with."""
    assert Claim(is_mine=True) == answers.claim(KEY, "one", now=NOW)
    answers.keep(KEY, "one", DIGEST, ANSWER)
    assert Claim(False, DIGEST, ANSWER) == answers.claim(KEY, "two", now=NOW + MOMENT)


def test_of_many_at_once_one_answers(answers: FirstAnswers) -> None:
    """The others see that somebody is at it."""
    claims = at_once([partial(answers.claim, KEY, str(n), now=NOW) for n in range(16)])
    assert [True] + 15 * [False] == sorted((claim.is_mine for claim in claims), reverse=True)
    assert {None} == {claim.answer for claim in claims}


def test_a_request_whose_process_died_is_followed(answers: FirstAnswers) -> None:
    """Once its claim has run out; renewed, it goes on."""
    answers.claim(KEY, "one", now=NOW)
    answers.renew(KEY, "one", now=NOW + CLAIM_LASTS)
    assert not answers.claim(KEY, "two", now=NOW + CLAIM_LASTS + MOMENT).is_mine
    assert answers.claim(KEY, "two", now=NOW + 2 * CLAIM_LASTS + MOMENT).is_mine


def test_a_request_of_a_clock_that_was_ahead_is_followed(answers: FirstAnswers) -> None:
    """Once it is set right, its claim has run out as any has."""
    answers.claim(KEY, "one", now=NOW + timedelta(hours=1))
    assert answers.claim(KEY, "two", now=NOW).is_mine


def test_who_lost_its_claim_writes_nothing(answers: FirstAnswers) -> None:
    """Neither its answer, nor that it gave up."""
    answers.claim(KEY, "one", now=NOW)
    answers.claim(KEY, "two", now=NOW + CLAIM_LASTS + MOMENT)
    answers.keep(KEY, "one", DIGEST, ANSWER)
    answers.give_back(KEY, "one")
    assert Claim(is_mine=False) == answers.claim(KEY, "three", now=NOW + CLAIM_LASTS + MOMENT)


def test_what_came_to_nothing_is_given_back_and_an_answer_is_not(answers: FirstAnswers) -> None:
    """The next one is the first, until one is answered."""
    answers.claim(KEY, "one", now=NOW)
    answers.give_back(KEY, "one")
    assert answers.claim(KEY, "two", now=NOW).is_mine
    answers.keep(KEY, "two", DIGEST, ANSWER)
    answers.give_back(KEY, "two")
    assert ANSWER == answers.claim(KEY, "three", now=NOW).answer


def test_an_answer_holds_for_a_day(answers: FirstAnswers) -> None:
    """Then the key is as good as new, whether upkeep was there or not."""
    answers.claim(KEY, "one", now=NOW)
    answers.keep(KEY, "one", DIGEST, ANSWER)
    assert not answers.claim(KEY, "two", now=NOW + KEPT).is_mine
    assert answers.claim(KEY, "two", now=NOW + KEPT + MOMENT).is_mine


def test_old_answers_are_dropped_and_counted(answers: FirstAnswers) -> None:
    """A dry run only counts them."""
    answers.claim(KEY, "one", now=NOW)
    answers.claim("b" * 64, "one", now=NOW + MOMENT)
    assert 1 == answers.drop(before=NOW + MOMENT, dry_run=True)
    assert 1 == answers.drop(before=NOW + MOMENT)
    assert 0 == answers.drop(before=NOW + MOMENT)
