"""Voices that are paid for: what ElevenLabs and OpenAI have in common.

    class NextVoice(PaidVoice):
        provider = "Next"
        async def _ask(self, reading: Reading) -> Answer: ...

An engine says how one request is made; what an answer must be and what goes on the bill is decided
here. The SDKs' own exceptions end in the engine: they hold headers and bodies, and what reaches an
error or a log from here holds no key.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dub_platform.core.errors import LanguageNotAvailableError, ProviderAnswerError
from dub_platform.core.languages import nearest_voice
from dub_platform.core.style.casting import Casting
from resources.providers.api_key import ProviderKey
from resources.providers.paid_once import Bill
from resources.system.calls import CallPolicy, ProviderCalls, may_be_charged
from resources.voice.port import Reading
from resources.voice.recording import (
    Recording,
    decode_recording,
    find_speech,
    from_pcm,
    write_sound,
)

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
    `usd_per_1000_characters` is the price of 1,000 characters as the provider counts them; where
    it is None, the engine's `list_price`, as it was on the day that PRICES_TAKEN_ON names.
    """

    # Another pace is another take, and paid for.
    keeps_pace = False
    provider: ClassVar[str]
    list_price: ClassVar[float]
    # What the SDK would load in the midst of its first request.
    sdk: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        key: ProviderKey,
        casting: Casting,
        *,
        model: str,
        pcm_rate: int | None,
        usd_per_1000_characters: float | None,
        parallel: int,
        policy: CallPolicy,
    ) -> None:
        self.engine = f"{self.provider.lower()} {model}"
        self.model = model
        self.casting = casting
        self.parallel = parallel
        self.policy = policy
        self.usd_per_1000_characters = (
            self.list_price if usd_per_1000_characters is None else usd_per_1000_characters
        )
        self._key = key
        self._pcm_rate = pcm_rate
        self._calls = ProviderCalls(self.provider, policy, self.sdk)

    @abstractmethod
    def languages(self) -> tuple[str, ...]:
        """Return the language codes it speaks, in alphabetical order."""

    def engine_for(self, language: str) -> str:  # noqa: ARG002 - it is one for all
        return self.engine

    @abstractmethod
    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        """Return everything besides the text that shapes the sound."""

    @abstractmethod
    async def _ask(self, reading: Reading) -> Answer:
        """Make the request once. Raises CallFailedError."""

    def cost_usd(self, text: str) -> float:
        return len(text) * self.usd_per_1000_characters / 1000

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        self._refuse_unknown(reading.language)
        recording = self._calls.call(reading.name, lambda: self._try(reading, bill))
        write_sound(into, recording.sound, recording.rate)

    def close(self) -> None:  # noqa: B027 - no engine has more to close
        """Nothing is kept: a client lives as long as its request."""

    async def _try(self, reading: Reading, bill: Bill) -> Recording:
        answer = await self._get_answer(reading, bill)
        characters = self._charged_characters(reading, answer)
        cost = characters * self.usd_per_1000_characters / 1000
        bill.charge(characters, cost, answer.request_id)
        recording = self._read_recording(answer)
        find_speech(recording, reading.text)
        return recording

    async def _get_answer(self, reading: Reading, bill: Bill) -> Answer:
        try:
            return await self._ask(reading)
        except BaseException as error:
            if may_be_charged(error):
                bill.charge(len(reading.text), self.cost_usd(reading.text))
            raise

    def _charged_characters(self, reading: Reading, answer: Answer) -> int:
        """Tell how many characters this answer is charged for."""
        return 0 if answer.is_page else len(reading.text)

    def _read_recording(self, answer: Answer) -> Recording:
        if answer.is_page or not answer.content:
            what = f"{answer.kind or 'something'} of {len(answer.content)} bytes"
            raise ProviderAnswerError(
                f"{self.provider} answered with {what} where a recording should be. Try again, and "
                "see whether something stands between this machine and the provider.",
                detail=self._key.hidden_in(answer.content[:_SHOWN].decode(errors="replace")),
            )
        if self._pcm_rate is None:
            return decode_recording(io.BytesIO(answer.content))
        return from_pcm(answer.content, self._pcm_rate)

    def _refuse_unknown(self, language: str) -> None:
        if nearest_voice(language, self.languages()) is None:
            raise LanguageNotAvailableError(
                f"{self.provider}'s {self.model} does not speak {language!r}. "
                f"It speaks {', '.join(self.languages())}."
            )
