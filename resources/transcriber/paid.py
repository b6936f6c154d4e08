"""Recognisers that are paid for: what OpenAI and ElevenLabs have in common.

    class NextTranscriber(PaidTranscriber[Answered]):
        async def ask(self, sent: Sent) -> Reply: ...

Only speech is sent, and paid for. Every answer is kept under the key of what was sent: a run that
fails, or is repeated, pays only for what is not there yet. Each engine is held to the promises in
`tests/contracts/test_paid_once.py`.
"""

from __future__ import annotations

import hashlib
import io
import math
import wave
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from typing_extensions import Self

from dub_platform.core.errors import LanguageNotAvailableError, ProviderAnswerError
from dub_platform.core.keys import key_of
from dub_platform.core.languages import AUTO
from dub_platform.core.service.cost import PaidCall
from dub_platform.core.speech import Heard, Segment, Span
from resources.media.vad import RATE, open_speech
from resources.providers.ledger import Ledger
from resources.providers.openai_api import Reply
from resources.providers.paid_once import Bill, PaidOnce
from resources.store.port import Store
from resources.system.calls import ProviderCalls, may_be_charged
from resources.system.threads import ContextPool
from resources.transcriber.chunks import Chunk
from resources.transcriber.doubts import Doubts, Finding, keep_trusted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROLE = "transcriber"


class Answered(Protocol):
    """What a provider says of a chunk, as it is kept."""

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read the answer in this body. Raises ValueError, in words for people."""
        ...

    def to_bytes(self) -> bytes:
        """Write what `read` reads again."""
        ...

    def tell_language(self) -> str | None:
        """Tell the code of its language, where it says or shows one."""
        ...

    def findings(self, chunk: Chunk, doubts: Doubts) -> Iterator[Finding]:
        """Yield its words in the recording's time, parted by what is to be said against them."""
        ...


A = TypeVar("A", bound=Answered)


@dataclass(frozen=True)
class _Recording:
    """What is listened to, for whom."""

    audio: Path
    language: str
    video_id: str


@dataclass(frozen=True)
class Sent:
    """One request: `wav` is the chunk as a file, `key` that of all that shapes the answer."""

    chunk: Chunk
    wav: bytes
    language: str | None
    key: str

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"the speech from {self.chunk.pieces[0].start:.1f} s on"

    @property
    def seconds(self) -> int:
        """As they are charged: whole ones."""
        return math.ceil(self.chunk.seconds)


@dataclass(frozen=True)
class _Bought(Generic[A]):
    """What is said in a chunk, and what that cost now."""

    chunk: Chunk
    answer: A
    cost_usd: float


class PaidTranscriber(ABC, Generic[A]):
    """A recogniser behind an API. `understands` is what it does, for who asks for more."""

    detects_languages = True
    doubts = Doubts()
    understands = "Whisper"

    def __init__(
        self,
        engine: str,
        answer: type[A],
        calls: ProviderCalls,
        *,
        store: Store,
        ledger: Ledger,
        usd_per_minute: float,
        parallel: int,
    ) -> None:
        self.engine = engine
        self.usd_per_minute = usd_per_minute
        self.parallel = parallel
        self._answer = answer
        self._calls = calls
        self._store = store
        self._paid = PaidOnce(store, ledger, ROLE)

    @abstractmethod
    def languages(self) -> tuple[str, ...]:
        """Return the language codes it understands."""

    @abstractmethod
    def chunks(self, source: wave.Wave_read, speech: Sequence[Span]) -> Iterator[Chunk]:
        """Yield the speech, as much as is sent at once."""

    @abstractmethod
    def name_language(self, language: str) -> str:
        """Write a language's code as the provider does."""

    @abstractmethod
    async def ask(self, sent: Sent) -> Reply:
        """Make the request once. Raises CallFailedError."""

    @abstractmethod
    def refuse_reply(self, sent: Sent, reply: Reply, why: ValueError) -> ProviderAnswerError:
        """Make the error for a reply that says nothing of what was sent."""

    def transcribe(
        self, audio: Path, speech: Sequence[Span], language: str, video_id: str = ""
    ) -> Heard:
        if language not in (AUTO, *self.languages()):
            raise LanguageNotAvailableError(
                f"{self.engine} is not asked for {language!r}, which {self.understands} does not "
                "understand: hand in captions (.srt or .vtt) in that language with the video."
            )
        with open_speech(audio) as source:
            chunks = list(self.chunks(source, speech))
        work = partial(self._get, _Recording(audio, language, video_id))
        # The first failure ends what has not begun; what was answered before is kept.
        with ContextPool(self.parallel, thread_name_prefix="transcribe") as pool:
            bought = list(pool.map(work, chunks))
        return self._combine(bought, language)

    def finish(self, segments: tuple[Segment, ...], requests: int) -> tuple[Segment, ...]:  # noqa: ARG002
        """Return the segments as they are answered, of so many requests."""
        return segments

    def _combine(self, bought: Sequence[_Bought[A]], language: str) -> Heard:
        if language == AUTO:
            language = _find_most_spoken(bought)
        findings = (
            finding for each in bought for finding in each.answer.findings(each.chunk, self.doubts)
        )
        kept, left_out = keep_trusted(findings)
        cost = sum(each.cost_usd for each in bought)
        kept = self.finish(kept, len(bought))
        least = self.doubts.least_confidence
        return Heard(language, self.engine, kept, left_out, cost, least_confidence=least)

    def _get(self, recording: _Recording, chunk: Chunk) -> _Bought[A]:
        """Get what is said in the chunk, as it was answered before or is now."""
        sent = self._make_request(recording, chunk)
        path = f"transcriptions/{sent.key[:2]}/{sent.key}.json"
        kept = self._paid.find(path, sent.key, recording.video_id)
        if kept is not None:
            return _Bought(chunk, self._answer.read(kept), 0.0)

        def ask_and_keep(bill: Bill) -> _Bought[A]:
            answer = self._calls.call(sent.name, lambda: self._try(sent, bill))
            self._store.put_bytes(path, answer.to_bytes())
            return _Bought(chunk, answer, bill.cost_usd)

        cost = self._cost_usd(sent)
        call = PaidCall(recording.video_id, None, ROLE, self.engine, sent.key, sent.name, cost)
        return self._paid.buy(call, ask_and_keep)

    def _make_request(self, recording: _Recording, chunk: Chunk) -> Sent:
        with open_speech(recording.audio) as source:
            wav = _encode_wav(chunk.sound(source))
        auto = recording.language == AUTO
        language = None if auto else self.name_language(recording.language)
        shape = {"engine": self.engine, "language": language}
        key = key_of({**shape, "sound": hashlib.sha256(wav).hexdigest()})
        return Sent(chunk, wav, language, key)

    def _cost_usd(self, sent: Sent) -> float:
        """Tell what one try costs."""
        return sent.seconds / 60 * self.usd_per_minute

    async def _try(self, sent: Sent, bill: Bill) -> A:
        try:
            reply = await self.ask(sent)
        except BaseException as error:
            if may_be_charged(error):
                bill.charge(sent.seconds, self._cost_usd(sent))
            raise
        if not reply.is_page:
            bill.charge(sent.seconds, self._cost_usd(sent))
        bill.request_id = reply.request_id
        try:
            return self._answer.read(reply.body)
        except ValueError as error:
            raise self.refuse_reply(sent, reply, error) from None


def _find_most_spoken(bought: Iterable[_Bought[A]]) -> str:
    """Find the language of most of the speech; AUTO still where no answer says any."""
    seconds: dict[str, float] = {}
    for each in bought:
        if spoken := each.answer.tell_language():
            seconds[spoken] = seconds.get(spoken, 0.0) + each.chunk.seconds
    return max(seconds, key=seconds.__getitem__, default=AUTO)


def _encode_wav(sound: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((sound * 32768).astype("<i2").tobytes())
    return file.getvalue()
