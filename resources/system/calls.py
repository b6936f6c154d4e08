"""Calls to providers: one policy for all of them, whatever SDK makes the request.

    calls = Calls("ElevenLabs", CallPolicy())
    audio = calls.made("line 3 in es", lambda: speak(text))

At most three tries with a pause that doubles, or that the provider names in Retry-After; a limit
for each try and one for all of them together, which end a request that drips as surely as one
that hangs, because it is cancelled and not merely timed at its reads. The SDKs' own retries must
be off, so that tries are counted once, and their exceptions are made a CallFailedError by the
engine.
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
# Any other 4xx is about the request itself, which will be the same at the next try.
_PASSING = frozenset({408, 409, _TOO_MANY})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CallPolicy:
    """How long and how often. All in seconds."""

    tries: int = 3
    try_seconds: float = 60.0
    deadline_seconds: float = 150.0
    first_pause: float = 1.0
    longest_pause: float = 30.0


@dataclass(frozen=True)
class Trouble:
    """Why one try failed. `status` is None where there was no HTTP answer at all.

    `words` are the provider's own, without any secret; `retry_after` is in seconds; `no_credit`
    says that the account is empty, whatever the status.
    """

    words: str
    status: int | None = None
    retry_after: float | None = None
    request_id: str | None = None
    no_credit: bool = False

    @property
    def passes(self) -> bool:
        """Whether the same request can succeed later; no waiting fills an empty account."""
        if self.no_credit:
            return False
        return self.status is None or self.status in _PASSING or self.status >= 500


class CallFailedError(Exception):
    """One try failed. `may_be_charged`: the work may be done, and only its answer was lost."""

    def __init__(self, trouble: Trouble, *, may_be_charged: bool) -> None:
        super().__init__(trouble.words)
        self.trouble = trouble
        self.may_be_charged = may_be_charged


def may_be_charged(error: BaseException) -> bool:
    """Whether a try that ended so may be paid for. One that is cut off at its time limit may be."""
    if isinstance(error, CallFailedError):
        return error.may_be_charged
    return not isinstance(error, DubError)


class Calls:
    """Makes a provider's calls from synchronous code. `sdk` are the modules that they import.

    The event loop lives as long as calls are under way, so a client is made inside the request
    (`async with AsyncOpenAI(...) as client`) and nothing is left open between videos.
    """

    def __init__(self, provider: str, policy: CallPolicy, sdk: Sequence[str] = ()) -> None:
        self.provider = provider
        self.policy = policy
        self.sdk = sdk
        self._portals = anyio.from_thread.BlockingPortalProvider()

    def made(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        """What `request` answers. `what` names the work in errors, such as "line 3 in es".

        The request raises CallFailedError where the provider failed, and a DubError where its
        answer is no good, which is tried again if its kind can be. Anything else is a mistake of
        ours and raised as it is.

        Raises ProviderRefusedError, ProviderBusyError, ProviderUnavailableError.
        """
        # An SDK takes up to a second to load, which is not to be the first try's time.
        for module in self.sdk:
            importlib.import_module(module)
        with self._portals as portal:
            return portal.call(self._tried, what, request)

    async def _tried(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        ends = anyio.current_time() + self.policy.deadline_seconds
        for attempt in range(1, self.policy.tries + 1):
            failure: DubError
            try:
                with anyio.fail_after(min(self.policy.try_seconds, ends - anyio.current_time())):
                    return await request()
            except DubError as error:
                failure, pause = error, self._pause(attempt, None)
            except (CallFailedError, TimeoutError) as error:
                trouble = _trouble_of(error)
                failure = self._named(what, trouble)
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

    def _named(self, what: str, trouble: Trouble) -> DubError:
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


def _trouble_of(error: CallFailedError | TimeoutError) -> Trouble:
    if isinstance(error, CallFailedError):
        return error.trouble
    return Trouble("no whole answer within the limit")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds, or the date, of a Retry-After header; None where there is none to be read."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def said_by(parts: Iterable[object]) -> str:
    """A provider's code and message in one line; what is missing is left out."""
    return ": ".join(str(part) for part in parts if part)
