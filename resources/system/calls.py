"""Calls to providers: one policy of retries and time limits, whatever SDK makes the request.

    calls = ProviderCalls("ElevenLabs", CallPolicy())
    audio = calls.call("line 3 in es", lambda: speak(text))

A call is tried three times at most, with a pause that doubles or that the provider states in
Retry-After. Each try has a time limit, and all of them together have one. A request that exceeds
its limit is cancelled, so that one that sends a byte now and then ends as surely as one that hangs.
The SDKs' own retries must be off, so that tries are counted once; the engine turns their exceptions
into a CallFailedError.
"""

from __future__ import annotations

import importlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

import anyio
import anyio.from_thread
import structlog

from dub_platform.core.errors import (
    DubError,
    ProviderBusyError,
    ProviderRefusedError,
    ProviderUnavailableError,
)

T = TypeVar("T")

_TOO_MANY = 429
# Statuses that may pass. Any other 4xx is about the request itself, so a retry cannot help.
_PASSING = frozenset({408, 409, _TOO_MANY})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CallPolicy:
    """The number of tries, and time limits and pauses in seconds."""

    tries: int = 3
    try_seconds: float = 60.0
    deadline_seconds: float = 150.0
    first_pause: float = 1.0
    longest_pause: float = 30.0


@dataclass(frozen=True)
class CallFailure:
    """Why one try failed. `status` is None if there was no HTTP answer.

    `words` are the provider's own, without secrets; `retry_after` is in seconds; `no_credit` means
    that the account is empty, whatever the status.
    """

    words: str
    status: int | None = None
    retry_after: float | None = None
    request_id: str | None = None
    no_credit: bool = False

    @property
    def passes(self) -> bool:
        """Whether a retry may succeed; waiting fills no empty account."""
        if self.no_credit:
            return False
        return self.status is None or self.status in _PASSING or self.status >= 500


class CallFailedError(Exception):
    """One try failed.

    `may_be_charged`: the work may have been done, and only the answer was lost.
    """

    def __init__(self, trouble: CallFailure, *, may_be_charged: bool) -> None:
        super().__init__(trouble.words)
        self.trouble = trouble
        self.may_be_charged = may_be_charged


def may_be_charged(error: BaseException) -> bool:
    """Whether a try that ended with this error may have to be paid for, as one that was cut off
    may."""
    if isinstance(error, CallFailedError):
        return error.may_be_charged
    return not isinstance(error, DubError)


class ProviderCalls:
    """Makes a provider's calls from synchronous code. `sdk` are the modules that its requests
    import.

    The event loop lives only while calls are under way. So make the client inside the request
    (`async with AsyncOpenAI(...) as client`); then nothing stays open between videos.
    """

    def __init__(self, provider: str, policy: CallPolicy, sdk: Sequence[str] = ()) -> None:
        self.provider = provider
        self.policy = policy
        self.sdk = sdk
        self._portals = anyio.from_thread.BlockingPortalProvider()

    def call(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        """Return what `request` returns. `what` names the work in errors, such as "line 3 in es".

        `request` raises CallFailedError if the provider failed, or a DubError if its answer is
        unusable, which is retried if the error is retryable. Any other exception is a bug and is
        passed on.

        Raises ProviderRefusedError, ProviderBusyError, ProviderUnavailableError.
        """
        # Importing an SDK takes up to a second, which must not count as time of the first try.
        for module in self.sdk:
            importlib.import_module(module)
        with self._portals as portal:
            return portal.call(self._call_with_retries, what, request)

    async def _call_with_retries(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        ends = anyio.current_time() + self.policy.deadline_seconds
        for attempt in range(1, self.policy.tries + 1):
            failure: DubError
            try:
                with anyio.fail_after(min(self.policy.try_seconds, ends - anyio.current_time())):
                    return await request()
            except DubError as error:
                failure, pause = error, self._pause(attempt, None)
            except (CallFailedError, TimeoutError) as error:
                trouble = _failure_of(error)
                failure = self._error_for(what, trouble)
                failure.__cause__ = error
                pause = self._pause(attempt, trouble.retry_after)
            if self._is_over(failure, attempt, pause, ends):
                raise failure
            _log.info(
                "provider call is tried again",
                provider=self.provider,
                what=what,
                attempt=attempt,
                code=failure.code,
                pause_seconds=round(pause, 2),
            )
            await anyio.sleep(pause)
        raise AssertionError("the last try either returned or raised")

    def _is_over(self, failure: DubError, attempt: int, pause: float, ends: float) -> bool:
        too_late = anyio.current_time() + pause >= ends
        return not failure.retryable or attempt == self.policy.tries or too_late

    def _pause(self, attempt: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return max(0.0, retry_after)
        longest = min(self.policy.longest_pause, self.policy.first_pause * 2 ** (attempt - 1))
        # Full jitter: clients that failed together must not come back together.
        return random.uniform(0.1 * longest, longest)  # noqa: S311 - not a secret

    def _error_for(self, what: str, trouble: CallFailure) -> DubError:
        where = f" (request {trouble.request_id})" if trouble.request_id else ""
        said = f"{trouble.status or 'no answer'}: {trouble.words[:300]}{where}"
        if trouble.no_credit:
            return ProviderRefusedError(
                f"{self.provider} did not do {what}, because the account has no credit left: "
                f"{said}. Add credit and ask again; what was paid for before is kept.",
                detail=said,
            )
        if not trouble.passes:
            return ProviderRefusedError(
                f"{self.provider} refused {what}: {said}. Check its key, plan and settings; what "
                "was paid for before is kept.",
                detail=said,
            )
        if trouble.status == _TOO_MANY:
            return ProviderBusyError(
                f"{self.provider} takes no more requests for now, so {what} was not done: {said}. "
                "Ask for it again later, or lower what runs at once.",
                detail=said,
            )
        return ProviderUnavailableError(
            f"{self.provider} did not do {what}: {said}. Ask for it again; what was paid for "
            "before is kept.",
            detail=said,
        )


def _failure_of(error: CallFailedError | TimeoutError) -> CallFailure:
    if isinstance(error, CallFailedError):
        return error.trouble
    return CallFailure("no whole answer within the limit")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the time in a Retry-After header; None if it is missing or
    unreadable."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def error_text(parts: Iterable[object]) -> str:
    """Join a provider's code and message to one line, without parts that are missing."""
    return ": ".join(str(part) for part in parts if part)
