"""Speech recognised at OpenAI, or by any server that speaks its API, through its SDK.

    transcriber = OpenAITranscriber(api_key, "whisper-1", store=store, ledger=ledger)
    heard = transcriber.transcribe(Path("speech.wav"), speech, "en", video_id="ID")

Only speech is sent, and paid for. Every answer is kept under the key of what was sent: a run that
fails, or is repeated, pays only for what is not there yet. It is tested against
`tests/support/servers/providers/openai_audio.py`.
"""

from __future__ import annotations

import hashlib
import io
import math
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dub_platform.core.cost import PaidCall
from dub_platform.core.errors import (
    LanguageNotAvailableError,
)
from dub_platform.core.keys import key_of
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Heard, Span
from resources.media.vad import RATE, open_speech
from resources.providers.api_key import ProviderKey
from resources.providers.ledger import Ledger
from resources.providers.openai_api import OPENAI_URL, SDK, OpenAIApi, Reply
from resources.providers.paid_once import Bill, PaidOnce
from resources.store.port import Store
from resources.system.calls import CallPolicy, Calls, may_be_charged
from resources.system.threads import ContextPool
from resources.transcriber.chunks import Chunk, cut, packed
from resources.transcriber.doubts import Doubts, trusted
from resources.transcriber.transcriptions import Transcription
from resources.transcriber.whisper_languages import whisper_codes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROLE = "transcriber"


@dataclass(frozen=True)
class _Recording:
    """What is listened to, for whom."""

    audio: Path
    language: str
    video_id: str


@dataclass(frozen=True)
class _Sent:
    """One request: `wav` is the chunk as a file, `key` that of all that shapes the answer."""

    chunk: Chunk
    wav: bytes
    language: str | None
    key: str

    @property
    def name(self) -> str:
        return f"the speech from {self.chunk.pieces[0].start:.1f} s on"

    @property
    def seconds(self) -> int:
        """As they are charged: whole ones."""
        return math.ceil(self.chunk.seconds)


@dataclass(frozen=True)
class _Answer:
    """What is said in a chunk, and what that cost now."""

    chunk: Chunk
    transcription: Transcription
    cost_usd: float


class OpenAITranscriber:
    """One model at one server. A server that wants no key takes any; a free one opens no rows.

    `key_setting` is what an operator looks at when the key is refused.

    Raises EngineUnavailableError where the key cannot be one.
    """

    detects_languages = True
    # A request that fails loses little, and one that drips is noticed soon.
    longest = 60.0
    _doubts = Doubts()

    def __init__(
        self,
        api_key: str,
        model: str,
        *,
        store: Store,
        ledger: Ledger,
        usd_per_minute: float = 0.006,
        base_url: str = OPENAI_URL,
        key_setting: str = "OPENAI_API_KEY",
        parallel: int = 4,
        policy: CallPolicy = CallPolicy(),  # noqa: B008 - it is frozen
    ) -> None:
        self._api = OpenAIApi(ProviderKey(api_key, key_setting), base_url)
        self.provider = self._api.provider
        self.engine = f"{model} ({self._api.host})"
        self.model = model
        self.usd_per_minute = usd_per_minute
        self.parallel = parallel
        self._store = store
        self._paid = PaidOnce(store, ledger, ROLE)
        self._calls = Calls(self.provider, policy, SDK)

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(whisper_codes()))

    def transcribe(
        self, audio: Path, speech: Sequence[Span], language: str, video_id: str = ""
    ) -> Heard:
        if language not in (AUTO, *self.languages()):
            raise LanguageNotAvailableError(
                f"{self.engine} is not asked for {language!r}, which Whisper does not understand: "
                "hand in captions (.srt or .vtt) in that language with the video."
            )
        with open_speech(audio) as source:
            chunks = list(self._chunks(source, speech))
        work = partial(self._answered, _Recording(audio, language, video_id))
        # The first failure ends what has not begun; what was answered before is kept.
        with ContextPool(self.parallel, thread_name_prefix="transcribe") as pool:
            answers = list(pool.map(work, chunks))
        return self._heard(answers, language)

    def _heard(self, answers: Sequence[_Answer], language: str) -> Heard:
        if language == AUTO:
            language = _most_spoken(answers)
        findings = (
            finding
            for answer in answers
            for finding in answer.transcription.findings(answer.chunk, self._doubts)
        )
        kept, left_out = trusted(findings)
        cost = sum(answer.cost_usd for answer in answers)
        least = self._doubts.least_confidence
        return Heard(language, self.engine, kept, left_out, cost, least_confidence=least)

    @property
    def _gives_times(self) -> bool:
        return not self.model.startswith("gpt-")

    def _chunks(self, source: wave.Wave_read, speech: Sequence[Span]) -> Iterator[Chunk]:
        """Pieces go together, or alone where the model does not say when in a chunk words are."""
        if self._gives_times:
            return packed(cut(source, speech, shortest=20.0, longest=self.longest), self.longest)
        return packed(cut(source, speech, shortest=5.0, longest=15.0), longest=0.0)

    def _answered(self, recording: _Recording, chunk: Chunk) -> _Answer:
        """What is said in the chunk, as it was answered before or is now."""
        sent = self._sent(recording, chunk)
        path = f"transcriptions/{sent.key[:2]}/{sent.key}.json"
        kept = self._paid.find(path, sent.key, recording.video_id)
        if kept is not None:
            return _Answer(chunk, Transcription.model_validate_json(kept), 0.0)

        def ask_and_keep(bill: Bill) -> _Answer:
            answer = self._calls.made(sent.name, lambda: self._tried(sent, bill))
            self._store.put_bytes(path, answer.model_dump_json(exclude_none=True).encode())
            return _Answer(chunk, answer, bill.cost_usd)

        cost = self._cost_usd(sent)
        call = PaidCall(recording.video_id, None, ROLE, self.engine, sent.key, sent.name, cost)
        return self._paid.buy(call, ask_and_keep)

    def _sent(self, recording: _Recording, chunk: Chunk) -> _Sent:
        with open_speech(recording.audio) as source:
            wav = _wav(chunk.sound(source))
        auto = recording.language == AUTO
        language = None if auto else whisper_codes()[recording.language]
        shape = {"engine": self.engine, "language": language}
        key = key_of({**shape, "sound": hashlib.sha256(wav).hexdigest()})
        return _Sent(chunk, wav, language, key)

    def _cost_usd(self, sent: _Sent) -> float:
        """What one try costs."""
        return sent.seconds / 60 * self.usd_per_minute

    async def _tried(self, sent: _Sent, bill: Bill) -> Transcription:
        try:
            reply = await self._reply(sent)
        except BaseException as error:
            if may_be_charged(error):
                bill.charge(sent.seconds, self._cost_usd(sent))
            raise
        if not reply.is_page:
            bill.charge(sent.seconds, self._cost_usd(sent))
        bill.request_id = reply.request_id
        try:
            return Transcription.read(reply.body)
        except ValueError as error:
            raise self._api.no_answer(sent.name, reply, error) from None

    async def _reply(self, sent: _Sent) -> Reply:
        from openai import omit

        async with self._api.client() as client:
            raw = await client.audio.transcriptions.with_raw_response.create(
                file=("speech.wav", sent.wav, "audio/wav"),
                model=self.model,
                **self._hint(sent.language),
                response_format="verbose_json" if self._gives_times else "json",
                timestamp_granularities=["word", "segment"] if self._gives_times else omit,
            )
            return Reply.of(raw)

    def _hint(self, language: str | None) -> Mapping[str, Any]:
        """Which language is spoken, where it is named, as the model is told it."""
        if language is None:
            return {}
        takes_several = self.model.startswith("gpt-transcribe")
        return {"languages": [language]} if takes_several else {"language": language}


def _most_spoken(answers: Sequence[_Answer]) -> str:
    """The language of most of the speech; AUTO still where no answer says any."""
    seconds: dict[str, float] = {}
    for answer in answers:
        if spoken := answer.transcription.spoken():
            seconds[spoken] = seconds.get(spoken, 0.0) + answer.chunk.seconds
    return max(seconds, key=seconds.__getitem__, default=AUTO)


def _wav(sound: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((sound * 32768).astype("<i2").tobytes())
    return file.getvalue()
