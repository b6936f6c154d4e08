"""Calls to providers: what is tried again, when, and what is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest

from dub_platform.core.errors import (
    BadTakeError,
    CostCapError,
    DubError,
    ProviderBusyError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from resources.system.calls import CallFailedError, CallFailure, CallPolicy, ProviderCalls
from tests.support.patience import HANG_SECONDS, plenty_for
from tests.support.servers.providers.openai_server import Fault, OpenAIServer

QUICK = CallPolicy(try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS)
IMPATIENT = CallPolicy(try_seconds=0.8, deadline_seconds=4.0, first_pause=0.01)


class StatusError(CallFailedError):
    """What an engine raises for an answer that is an error; None is no answer."""

    def __init__(
        self, status: int | None, retry_after: float | None = None, *, no_credit: bool = False
    ) -> None:
        trouble = CallFailure("the provider's words", status, retry_after, "req_1", no_credit)
        super().__init__(trouble, may_be_charged=False)


class Request:
    """A request that meets these failures one after another, and then is answered."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries in seconds, which are noted and not waited for."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    return slept


def made(request: Callable[[], Awaitable[str]], policy: CallPolicy = QUICK) -> str:
    """The answer to a request."""
    return ProviderCalls("Acme", policy).call("line 3 in es", request)


def test_an_answer_is_given_back_at_the_first_try(pauses: list[float]) -> None:
    """Nothing is tried twice that went well."""
    request = Request()
    assert ("done", 1, []) == (made(request), request.tries, pauses)


@pytest.mark.parametrize("status", [None, 408, 409, 429, 500, 502, 503, 529])
def test_what_passes_is_tried_again(status: int | None, pauses: list[float]) -> None:
    """Two failures and an answer are an answer."""
    request = Request(StatusError(status), StatusError(status))
    assert ("done", 3, 2) == (made(request), request.tries, len(pauses))


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_what_is_wrong_with_the_request_is_not_tried_again(
    status: int, pauses: list[float]
) -> None:
    """A refusal is final, and says provider, status, request and what was not done."""
    request = Request(StatusError(status))
    with pytest.raises(ProviderRefusedError) as failed:
        made(request)
    assert (1, []) == (request.tries, pauses)
    for part in ("Acme", "line 3 in es", str(status), "req_1", "the provider's words"):
        assert part in failed.value.sentence


@pytest.mark.parametrize("status", [401, 402, 429])
def test_an_empty_account_is_not_waited_for(status: int, pauses: list[float]) -> None:
    """Whatever its status: only the account's owner can help."""
    request = Request(StatusError(status, no_credit=True))
    with pytest.raises(ProviderRefusedError, match=r"no credit left: .*Add credit") as failed:
        made(request)
    assert (1, [], False) == (request.tries, pauses, failed.value.retryable)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, ProviderBusyError), (500, ProviderUnavailableError), (None, ProviderUnavailableError)],
)
def test_three_tries_are_all(status: int | None, kind: type[DubError], pauses: list[float]) -> None:
    """Then the failure is raised, as one that a later run may not meet."""
    request = Request(*[StatusError(status)] * 9)
    with pytest.raises(kind, match="Acme") as failed:
        made(request)
    assert (3, 2, True) == (request.tries, len(pauses), failed.value.retryable)
    assert isinstance(failed.value.__cause__, StatusError)


def test_retry_after_is_honoured_to_the_second(pauses: list[float]) -> None:
    """The provider knows best when it has room."""
    made(Request(StatusError(429, retry_after=7.0), StatusError(503, retry_after=0.0)))
    assert [7.0, 0.0] == pauses


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(pauses: list[float]) -> None:
    """An hour's wait would hold a worker for nothing."""
    request = Request(StatusError(429, retry_after=3600.0))
    with pytest.raises(ProviderBusyError):
        made(request)
    assert (1, []) == (request.tries, pauses)


def test_pauses_double_up_to_the_longest_and_are_never_alike(pauses: list[float]) -> None:
    """Clients that failed together come back one by one."""
    policy = CallPolicy(tries=5, first_pause=1.0, longest_pause=4.0, deadline_seconds=1000.0)
    for _ in range(40):
        made(Request(*[StatusError(500)] * 4), policy)
    by_attempt = [pauses[attempt::4] for attempt in range(4)]
    for longest, drawn in zip([1.0, 2.0, 4.0, 4.0], by_attempt, strict=True):
        assert 0.1 * longest <= min(drawn) < max(drawn) <= longest
        assert len(set(drawn)) > 30


def test_an_answer_that_is_no_good_is_asked_for_again(pauses: list[float]) -> None:
    """A take without speech is as much a failed try as no take."""
    request = Request(BadTakeError("Silence."))
    assert ("done", 2, 1) == (made(request), request.tries, len(pauses))


def test_a_failure_that_no_retry_helps_is_raised_at_once(pauses: list[float]) -> None:
    """The request's own errors are judged by their kind."""
    request = Request(CostCapError("Enough."))
    with pytest.raises(CostCapError, match=r"^Enough\.$"):
        made(request)
    assert (1, []) == (request.tries, pauses)


def test_what_is_none_of_the_providers_is_raised_as_it_is(pauses: list[float]) -> None:
    """A mistake of ours is not hidden behind three tries."""
    request = Request(KeyError("ours"))
    with pytest.raises(KeyError):
        made(request)
    assert 1 == request.tries


def test_a_request_that_hangs_ends_at_its_limit() -> None:
    """Three tries, each cancelled, and all of them within the deadline."""
    cancelled: list[bool] = []

    async def hang() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(True)
        return "never"

    with pytest.raises(ProviderUnavailableError, match="no whole answer within the limit"):
        made(hang, IMPATIENT)
    assert 1 <= len(cancelled) <= 3


def test_a_drip_feed_ends_at_its_limit() -> None:
    """Bytes that keep coming satisfy every read's time-out; the deadline is over all."""
    with OpenAIServer() as server:

        async def ask() -> str:
            async with httpx.AsyncClient(timeout=HANG_SECONDS) as client:
                key = {"authorization": f"Bearer {server.api_key}"}
                address = f"{server.base_url}/chat/completions"
                return (await client.post(address, json=EXAMPLE, headers=key)).text

        limit = plenty_for(lambda: made(ask))
        server.script(Fault.DRIP)
        with pytest.raises(ProviderUnavailableError, match="no whole answer within the limit"):
            made(ask, CallPolicy(tries=1, try_seconds=limit))
        assert [None, Fault.DRIP] == [asked.fault for asked in server.asked]


def test_a_cancelled_request_leaves_no_task_and_no_thread() -> None:
    """After a failure the loop has nothing in it, and then there is no loop."""

    async def nested() -> str:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            group.start_soon(anyio.sleep_forever)
        return "never"

    async def others() -> int:
        return len(asyncio.all_tasks() - {asyncio.current_task()})

    before = threading.active_count()
    calls = ProviderCalls("Acme", IMPATIENT)
    with calls._portals as portal:
        idle = portal.call(others)
        with pytest.raises(ProviderUnavailableError):
            calls.call("line 3", nested)
        assert idle == portal.call(others)
    assert before == threading.active_count()


def test_threads_get_their_own_answers() -> None:
    """Calls made at once are under way at once, and none gets the other's answer."""
    calls = ProviderCalls("Acme", QUICK)
    together = threading.Barrier(4)

    def one(number: int) -> int:
        async def request() -> int:
            await anyio.to_thread.run_sync(together.wait)
            return number

        return calls.call(f"line {number}", request)

    with ThreadPoolExecutor(4) as pool:
        assert [0, 1, 2, 3] == list(pool.map(one, range(4)))


MATERIAL = '{"into": "Spanish (es)", "glossary": [], "lines": [{"id": 1, "text": "the house"}]}'
EXAMPLE: dict[str, object] = {
    "model": "gpt-5.4-mini",
    "messages": [{"role": "user", "content": MATERIAL}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {},
                "required": [],
                "additionalProperties": False,
            },
        },
    },
}
