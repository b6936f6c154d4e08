"""Speech recognised by ElevenLabs' Scribe: words with times, and who says them.

    transcriber = ElevenLabsTranscriber(api_key, "scribe_v2", store=store, ledger=ledger)
    heard = transcriber.transcribe(Path("speech.wav"), speech, "auto", video_id="ID")

Asked over HTTP: the SDK reads whatever comes as if it were an answer. Voices are told apart within
one request, which holds ten minutes of speech; those of longer recordings are all taken for one.
It is tested against `tests/support/servers/providers/elevenlabs_audio.py`.
"""

from __future__ import annotations

import itertools
import math
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from dub_platform.core.errors import ProviderAnswerError
from dub_platform.core.languages import code_in, language
from dub_platform.core.speech import Segment, Span, Word
from resources.providers.api_key import ProviderKey
from resources.providers.ledger import Ledger
from resources.providers.openai_api import Reply
from resources.store.port import Store
from resources.system.calls import (
    CallFailedError,
    CallFailure,
    CallPolicy,
    ProviderCalls,
    error_text,
    retry_after,
)
from resources.transcriber.capabilities import ELEVENLABS_USD
from resources.transcriber.chunks import Chunk, cut, pack
from resources.transcriber.doubts import Doubts, Finding, certainty
from resources.transcriber.paid import PaidTranscriber, Sent

if TYPE_CHECKING:
    import httpx

ELEVENLABS_URL = "https://api.elevenlabs.io"
# As ElevenLabs lists them.
_LANGUAGES = (
    "afr amh ara hye asm ast aze bel ben bos bul mya yue cat ceb nya hrv ces dan nld eng est fil "
    "fin fra ful glg lug kat deu ell guj hau heb hin hun isl ibo ind gle ita jpn jav kea kan kaz "
    "khm kor kur kir lao lav lin lit luo ltz mkd msa mal mlt cmn mri mar mon nep nso nor oci ori "
    "pus fas pol por pan ron rus srp sna snd slk slv som spa swa swe tam tgk tel tha tur ukr umb "
    "urd uzb vie cym wol xho zul"
)
_FIRST_SPEAKER = "1"


class _Said(BaseModel):
    """A word, or what is between two, or a sound that is none."""

    model_config = ConfigDict(allow_inf_nan=False)

    text: str
    type: str
    start: float | None = None
    end: float | None = None
    speaker_id: str | None = None
    logprob: float = 0.0


@dataclass(frozen=True)
class _Spoken(Word):
    speaker: str = _FIRST_SPEAKER


class ScribeAnswer(BaseModel):
    """What comes back of a chunk. Times are the chunk's own."""

    language_code: str
    words: list[_Said]

    @classmethod
    def read(cls, body: bytes) -> ScribeAnswer:
        """Return the answer in this body. Raises ValueError, in words for people."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            raise ValueError("it is not a transcription") from None

    def to_bytes(self) -> bytes:
        """Write what `read` reads again."""
        return self.model_dump_json(exclude_none=True).encode()

    def tell_language(self) -> str | None:
        """Return the code of its language; none where nothing is said."""
        return code_in(self.language_code) if self._words() else None

    def findings(self, chunk: Chunk, doubts: Doubts) -> Iterator[Finding]:
        """Yield its words in the recording's time, each piece doubted as a whole."""
        for piece, words in chunk.place(self._words()):
            if words:
                text = " ".join(word.text for word in words)
                logs = [math.log(max(word.confidence, 1e-9)) for word in words]
                sure = sum(logs) / len(logs)
                yield Finding(piece, words, doubts.about(text, log_probability=sure))

    def _words(self) -> list[Word]:
        return [
            _Spoken(
                said.text.strip(),
                said.start,
                max(said.start, said.end),
                certainty(said.logprob),
                speaker=said.speaker_id or _FIRST_SPEAKER,
            )
            for said in self.words
            if said.type == "word" and said.text.strip()
            if said.start is not None and said.end is not None
        ]


class ElevenLabsTranscriber(PaidTranscriber[ScribeAnswer]):
    """One of Scribe's models. Raises EngineUnavailableError where the key cannot be one."""

    provider = "ElevenLabs"
    key_setting = "ELEVENLABS_API_KEY"
    list_price = ELEVENLABS_USD
    understands = "Scribe"
    longest = 600.0

    def __init__(
        self,
        api_key: str,
        model: str = "scribe_v2",
        *,
        store: Store,
        ledger: Ledger,
        usd_per_minute: float = list_price,
        base_url: str = ELEVENLABS_URL,
        parallel: int = 2,
        policy: CallPolicy = CallPolicy(),  # noqa: B008 - it is frozen
    ) -> None:
        self._key = ProviderKey(api_key, self.key_setting)
        self.model = model
        self._timeout = policy.try_seconds
        self._address = f"{base_url.rstrip('/')}/v1/speech-to-text"
        super().__init__(
            f"elevenlabs {model}",
            ScribeAnswer,
            ProviderCalls(self.provider, policy, ("httpx",)),
            store=store,
            ledger=ledger,
            usd_per_minute=usd_per_minute,
            parallel=parallel,
        )

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({language(code).code for code in _LANGUAGES.split()}))

    def name_language(self, code: str) -> str:
        return code

    def chunks(self, source: wave.Wave_read, speech: Sequence[Span]) -> Iterator[Chunk]:
        return pack(cut(source, speech, shortest=30.0, longest=60.0), self.longest)

    def finish(self, segments: tuple[Segment, ...], requests: int) -> tuple[Segment, ...]:
        """Part segments where another one speaks, and number speakers in the order of their
        words."""
        numbers: dict[str, str] = {}
        parted = []
        for segment in segments:
            for speaker, words in itertools.groupby(segment.words, key=_speaker_of):
                number = numbers.setdefault(speaker, str(len(numbers) + 1))
                plain = tuple(_plain(word) for word in words)
                parted.append(Segment(plain, number if requests == 1 else _FIRST_SPEAKER))
        return tuple(parted)

    def refuse_reply(self, sent: Sent, reply: Reply, why: ValueError) -> ProviderAnswerError:
        return ProviderAnswerError(
            f"ElevenLabs answered {sent.name} with something that cannot be used (request "
            f"{reply.request_id or 'without an id'}): {why}. Ask again; what was paid for before "
            "is kept. If it goes on, look at ELEVENLABS_BASE_URL, or choose another model.",
            detail=self._key.hidden_in(reply.body[:300].decode(errors="replace")),
        )

    async def ask(self, sent: Sent) -> Reply:
        import httpx

        try:
            # The key would go along to wherever a redirect leads.
            async with httpx.AsyncClient(follow_redirects=False, timeout=self._timeout) as client:
                answer = await client.post(
                    self._address,
                    headers={"xi-api-key": self._key.value},
                    files={"file": ("speech.wav", sent.wav, "audio/wav")},
                    data=self._fields(sent),
                )
        except httpx.HTTPError as error:
            words = self._key.hidden_in(f"{type(error).__name__}: {error}")
            unreached = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            # From None: what is printed of a chain would have the key in it again.
            raise CallFailedError(CallFailure(words), may_be_charged=not unreached) from None
        if answer.status_code != httpx.codes.OK:
            raise CallFailedError(self._refusal(answer), may_be_charged=False)
        kind = answer.headers.get("content-type", "")
        request_id = answer.headers.get("request-id")
        return Reply(answer.content, kind, request_id)

    def _fields(self, sent: Sent) -> Mapping[str, str]:
        fields = {
            "model_id": self.model,
            "timestamps_granularity": "word",
            "diarize": "true",
            # Laughter and music are no words.
            "tag_audio_events": "false",
        }
        return fields | ({"language_code": sent.language} if sent.language else {})

    def _refusal(self, answer: httpx.Response) -> CallFailure:
        try:
            said: Any = answer.json()
        except ValueError:
            said = {}
        detail = said.get("detail") if isinstance(said, dict) else None
        parts = detail if isinstance(detail, dict) else {"message": detail}
        code = parts.get("code") or parts.get("status")
        return CallFailure(
            self._key.hidden_in(error_text([code, parts.get("message")])),
            answer.status_code,
            retry_after(answer.headers),
            answer.headers.get("request-id"),
            no_credit=code == "quota_exceeded",
        )


def _speaker_of(word: Word) -> str:
    return word.speaker if isinstance(word, _Spoken) else _FIRST_SPEAKER


def _plain(word: Word) -> Word:
    return Word(word.text, word.start, word.end, word.confidence, word.doubt)
