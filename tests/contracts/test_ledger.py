"""What every ledger promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from dub_platform.core.errors import CostCapError
from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.registry.ledger import PaidCalls

VIDEO = "dQw4w9WgXcQ"


@pytest.fixture
def calls(engine: Engine) -> PaidCalls:
    return PaidCalls(engine)


def test_a_call_counts_from_before_it_is_made(calls: PaidCalls) -> None:
    """An answer that is lost may have been charged."""
    calls.open(_call(0.25), Caps())
    assert {"es": 0.25} == calls.spent_usd(VIDEO)


def test_a_settled_call_counts_what_it_cost(calls: PaidCalls) -> None:
    """The provider's own units take the estimate's place."""
    call_id = calls.open(_call(0.25), Caps())
    calls.settle(call_id, units=40, cost_usd=0.2, request_id="req_1")
    assert {"es": 0.2} == calls.spent_usd(VIDEO)


def test_a_call_that_cost_nothing_counts_nothing(calls: PaidCalls) -> None:
    """A refused request is no expense."""
    calls.close(calls.open(_call(0.25), Caps()), "refused")
    assert {} == calls.spent_usd(VIDEO)


def test_money_is_told_apart_by_video_and_language(calls: PaidCalls) -> None:
    """A dub's bill is its own, and what all dubs are made from is the video's."""
    calls.open(_call(0.5, language="es"), Caps())
    calls.open(_call(0.25, language="ca"), Caps())
    calls.open(_call(0.25, language="ca"), Caps())
    calls.open(_call(2.0, language=None), Caps())
    calls.open(_call(4.0, video_id="another-one"), Caps())
    assert {"es": 0.5, "ca": 0.5, None: 2.0} == calls.spent_usd(VIDEO)
    assert {VIDEO: calls.spent_usd(VIDEO), "another-one": {"es": 4.0}, "free": {}} == (
        calls.spent_on([VIDEO, "another-one", "free"])
    )


def test_an_answer_is_used_alone_until_another_video_uses_it(calls: PaidCalls) -> None:
    """Whoever paid for it, and however often it is used."""
    for key in ("shared", "alone", "alone"):
        calls.use("translator", key, VIDEO)
    for role in ("translator", "transcriber"):
        calls.use(role, "shared", "another-one")
    assert [("translator", "alone")] == calls.list_sole_uses(VIDEO)
    assert [("transcriber", "shared")] == calls.list_sole_uses("another-one")


def test_the_last_video_that_uses_an_answer_uses_it_alone(calls: PaidCalls) -> None:
    """The others are forgotten."""
    calls.use("translator", "shared", VIDEO)
    calls.use("translator", "shared", "another-one")
    calls.forget_uses("another-one")
    assert [("translator", "shared")] == calls.list_sole_uses(VIDEO)
    assert [] == calls.list_sole_uses("another-one")


@pytest.mark.parametrize(
    ("caps", "setting"),
    [
        (Caps(per_video_usd=1.0), "DUB_COST_CAP_PER_VIDEO_USD"),
        (Caps(per_day_usd=1.0), "DUB_COST_CAP_PER_DAY_USD"),
    ],
)
def test_a_cap_stops_the_call_before_it_is_made(calls: PaidCalls, caps: Caps, setting: str) -> None:
    """Nothing is noted, and the sentence names the setting."""
    calls.open(_call(0.8), caps)
    with pytest.raises(CostCapError, match=setting):
        calls.open(_call(0.3), caps)
    assert {"es": 0.8} == calls.spent_usd(VIDEO)


def test_many_calls_at_once_do_not_go_over_a_cap_together(calls: PaidCalls) -> None:
    """Of twenty that would each fit alone, as many are let through as fit together."""

    def opened(_: int) -> bool:
        try:
            calls.open(_call(0.25), Caps(per_video_usd=1.0))
        except CostCapError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert 4 == sum(threads.map(opened, range(20)))
    assert {"es": 1.0} == calls.spent_usd(VIDEO)


def _call(usd: float, *, video_id: str = VIDEO, language: str | None = "es") -> PaidCall:
    return PaidCall(
        video_id=video_id,
        language=language,
        role="voice",
        engine="ElevenLabs",
        key="0" * 64,
        what="line 3",
        estimated_usd=usd,
    )
