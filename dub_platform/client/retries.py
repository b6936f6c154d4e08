"""Asking again, where asking again can help and can do no harm.

    answer = Retries().answer(lambda: client.get("/videos"))

A request that is sent again is the same request: a POST has its Idempotency-Key for that.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from dub_platform.client.errors import RefusedError, UnreachableError

_AGAIN = (429, 502, 503, 504)
# Our first try is still being answered, or what was removed is not all gone.
_SOON = ("request_in_progress", "video_being_removed")
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True)
class Retries:
    """How often, and how long the pause before the second try is; it doubles with each."""

    tries: int = 6
    pause_seconds: float = 0.5
    sleep: Callable[[float], None] = time.sleep

    def answer(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """The first answer that says something, or the last one. Raises UnreachableError."""
        for number in range(1, self.tries):
            answer = _tried(send)
            if answer is not None and not _is_worth_another(answer):
                return answer
            self.sleep(self._pause(number, answer))
        return _last(send)

    def _pause(self, number: int, answer: httpx.Response | None) -> float:
        """As long as the platform asks for; else longer each time, and never the same for all."""
        asked = answer.headers.get("retry-after", "") if answer is not None else ""
        if asked.isdigit():
            return min(float(asked), _LONGEST_PAUSE_SECONDS)
        longest = self.pause_seconds * float(2 ** (number - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret is made of it


def _tried(send: Callable[[], httpx.Response]) -> httpx.Response | None:
    try:
        return send()
    except httpx.TransportError:
        return None


def _last(send: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        return send()
    except httpx.TransportError as error:
        raise UnreachableError(
            f"The platform does not answer ({error}). Check the address in DUB_URL, and that it "
            "runs."
        ) from error


def _is_worth_another(answer: httpx.Response) -> bool:
    if answer.status_code == 409:
        return RefusedError.of(answer).code in _SOON
    return answer.status_code in _AGAIN
