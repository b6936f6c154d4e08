"""Retries requests where that can help and does no harm.

    answer = Retries().answer(lambda: client.get("/videos"))

A retry is the same request: for that, a POST has an Idempotency-Key.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from dub_platform.client.errors import RefusedError, UnreachableError

_AGAIN = (429, 502, 503, 504)
# Refusals that pass: our first try is still under way, or a removal has not finished.
_SOON = ("request_in_progress", "video_being_removed")
_LONGEST_PAUSE_SECONDS = 30.0
# Bounded, since somebody who waits without end would overflow the power.
_DOUBLINGS = 10


def _say_nothing(_: str) -> None:
    pass


@dataclass(frozen=True)
class Retries:
    """The number of tries, and the pause before the second one, which doubles with each.

    If the platform asks for a longer pause than `patience_seconds`, its refusal is returned. `tell`
    gets a sentence before each pause.
    """

    tries: float = 6
    pause_seconds: float = 0.5
    patience_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = _say_nothing

    @property
    def endless(self) -> Retries:
        """These retries without limits, for somebody who waits as long as it takes."""
        return replace(self, tries=math.inf, patience_seconds=math.inf)

    def answer(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Return the first answer that is worth no retry, or the last one.

        Raises UnreachableError.
        """
        number = 1
        while True:
            try:
                answer = send()
            except httpx.TransportError as error:
                if number >= self.tries:
                    raise UnreachableError(
                        f"The platform does not answer ({error}). Check the address in DUB_URL, "
                        "and that it runs."
                    ) from error
                self.wait(number, None)
            else:
                longest = self.patience_seconds
                if number >= self.tries or not is_worth_another(answer, longest):
                    return answer
                self.wait(number, answer)
            number += 1

    def wait(self, number: int, answer: httpx.Response | None) -> None:
        """Pause after this many tries: as long as the platform asks, else longer each time, at
        random."""
        if answer is not None and (seconds := read_pause(answer)):
            self.tell(f"The platform asks to wait {seconds:.0f} s.")
            self.sleep(seconds)
        else:
            self.tell("The platform does not answer just now. It is asked again.")
            self.breathe(number)

    def breathe(self, number: int = 1) -> None:
        """Pause at random, so that not all clients come back at the same moment."""
        doubled = self.pause_seconds * 2 ** min(number - 1, _DOUBLINGS)
        longest = min(doubled, _LONGEST_PAUSE_SECONDS)
        self.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - no secret is made of it


def read_pause(answer: httpx.Response) -> float:
    """Return the seconds that an answer asks to wait; 0 if it does not say."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else 0.0


def is_worth_another(answer: httpx.Response, longest: float = math.inf) -> bool:
    """Tell whether a retry may get another answer after a pause of at most `longest` seconds."""
    if answer.status_code == 409:
        return RefusedError.of(answer).code in _SOON
    return answer.status_code in _AGAIN and read_pause(answer) <= longest
