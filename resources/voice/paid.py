"""Voices that are paid for: what ElevenLabs and OpenAI have in common.

    class NextVoice(PaidVoice):
        provider = "Next"
        async def _ask(self, reading: Reading) -> Answer: ...

An engine says how one request is made; when to try again, what an answer must be and what goes on
the bill is decided here. The SDKs' own exceptions end in the engine: they hold headers and
bodies, and what reaches an error or a log from here holds no key.
"""

from __future__ import annotations

import importlib
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dub_platform.core.casting import Casting
from dub_platform.core.errors import (
    EngineUnavailableError,
    LanguageNotAvailableError,
    ProviderAnswerError,
)
from resources.calls import CallFailedError, CallPolicy, Calls, Trouble, retry_after
from resources.voice.port import Bill, Reading
from resources.voice.recording import Recording, decoded, from_pcm, speech_of, write_sound

_SHOWN = 120


@dataclass(frozen=True)
class Answer:
    """What a provider sent with a status of success. The names of `headers` are in lower case."""

    content: bytes
    headers: Mapping[str, str]
    request_id: str | None

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    @property
    def is_page(self) -> bool:
        """Whether it is text for people or programs, which no work was done for."""
        return self.kind.startswith(("text/", "application/json"))


class PaidVoice(ABC):
    """A voice behind an API. `model` and the casting's voices are the provider's own names.

    `pcm_rate` is the rate of bare samples, or None where the sound says itself what it is.
    `usd_per_1000_characters` is the price of 1,000 characters as the provider counts them.
    """

    provider: ClassVar[str]
    key_setting: ClassVar[str]
    # What the SDK would load in the midst of its first request.
    sdk: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        api_key: str,
        casting: Casting,
        *,
        model: str,
        pcm_rate: int | None,
        usd_per_1000_characters: float,
        parallel: int,
        policy: CallPolicy,
    ) -> None:
        self.engine = f"{self.provider.lower()} {model}"
        self.model = model
        self.casting = casting
        self.parallel = parallel
        self.policy = policy
        self.usd_per_1000_characters = usd_per_1000_characters
        self._api_key = self._checked(api_key)
        self._pcm_rate = pcm_rate
        self._calls = Calls(self.provider, policy)

    @abstractmethod
    def languages(self) -> tuple[str, ...]:
        """The language codes it speaks, in alphabetical order."""

    @abstractmethod
    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        """Everything besides the text that shapes the sound."""

    @abstractmethod
    async def _ask(self, reading: Reading) -> Answer:
        """Make the request once. Raises CallFailedError."""

    def cost_usd(self, text: str) -> float:
        return len(text) * self.usd_per_1000_characters / 1000

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        self._refuse_unknown(reading.language)
        # The SDKs take up to a second to load, which is not to be the first request's time.
        for module in self.sdk:
            importlib.import_module(module)
        recording = self._calls.made(
            reading.name, lambda: self._tried(reading, bill), self._trouble_of
        )
        write_sound(into, recording.sound, recording.rate)

    def close(self) -> None:  # noqa: B027 - no engine has more to close
        """Nothing is kept: a client lives as long as its request."""

    async def _tried(self, reading: Reading, bill: Bill) -> Recording:
        answer = await self._answered(reading, bill)
        characters = self._charged_characters(reading, answer)
        cost = characters * self.usd_per_1000_characters / 1000
        bill.charge(characters, cost, answer.request_id)
        recording = self._recording(answer)
        speech_of(recording, reading.text)
        return recording

    async def _answered(self, reading: Reading, bill: Bill) -> Answer:
        try:
            return await self._ask(reading)
        except BaseException as error:
            # A try that is cut off at its deadline, or on its way back, counts as paid: it may be.
            if not isinstance(error, CallFailedError) or error.may_be_charged:
                bill.charge(len(reading.text), self.cost_usd(reading.text))
            raise

    def _charged_characters(self, reading: Reading, answer: Answer) -> int:
        """How many characters this answer is charged for."""
        return 0 if answer.is_page else len(reading.text)

    def _recording(self, answer: Answer) -> Recording:
        if answer.is_page or not answer.content:
            what = f"{answer.kind or 'something'} of {len(answer.content)} bytes"
            raise ProviderAnswerError(
                f"{self.provider} answered with {what} where a recording should be. Try again, and "
                "see whether something stands between this machine and the provider.",
                detail=self._safe(answer.content[:_SHOWN].decode(errors="replace")),
            )
        if self._pcm_rate is None:
            return decoded(io.BytesIO(answer.content))
        return from_pcm(answer.content, self._pcm_rate)

    def _failed(
        self,
        words: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        may_be_charged: bool = False,
    ) -> CallFailedError:
        """What `_ask` raises instead of the SDK's exception."""
        trouble = Trouble(self._safe(words), status, retry_after(headers or {}), request_id)
        return CallFailedError(trouble, may_be_charged=may_be_charged)

    def _trouble_of(self, error: Exception) -> Trouble | None:
        return error.trouble if isinstance(error, CallFailedError) else None

    def _safe(self, words: str) -> str:
        return words.replace(self._api_key, "***")

    def _refuse_unknown(self, language: str) -> None:
        if language not in self.languages():
            raise LanguageNotAvailableError(
                f"{self.provider}'s {self.model} does not speak {language!r}. "
                f"It speaks {', '.join(self.languages())}."
            )

    def _checked(self, api_key: str) -> str:
        """The key without the line end that files give it. Raises EngineUnavailableError."""
        key = api_key.strip()
        if not key:
            raise EngineUnavailableError(
                f"{self.key_setting} is not set, and {self.provider} needs it. Set it to a key of "
                "your account, or choose another voice with DUB_VOICE."
            )
        if not (key.isascii() and key.isprintable() and " " not in key):
            # HTTP libraries refuse such a key with a message that spells it out.
            raise EngineUnavailableError(
                f"{self.key_setting} holds characters that no key has. Copy the key again."
            )
        return key


def codes(*lists: str) -> tuple[str, ...]:
    """The language codes of lists separated by spaces, in alphabetical order."""
    return tuple(sorted({code for each in lists for code in each.split()}))
