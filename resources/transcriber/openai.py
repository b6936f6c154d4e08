"""Speech recognised at OpenAI, or by any server that speaks its API, through its SDK.

    transcriber = OpenAITranscriber(api_key, "whisper-1", store=store, ledger=ledger)
    heard = transcriber.transcribe(Path("speech.wav"), speech, "en", video_id="ID")

It is tested against `tests/support/servers/providers/openai_audio.py`.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dub_platform.core.errors import ProviderAnswerError
from dub_platform.core.speech import Span
from resources.providers.ledger import Ledger
from resources.providers.openai_api import OPENAI_URL, SDK, OpenAIApi, Reply, read_key
from resources.store.port import Store
from resources.system.calls import CallPolicy, ProviderCalls
from resources.transcriber.capabilities import OPENAI_USD
from resources.transcriber.chunks import Chunk, cut, pack
from resources.transcriber.paid import PaidTranscriber, Sent
from resources.transcriber.transcriptions import Transcription
from resources.transcriber.whisper_languages import whisper_codes


class OpenAITranscriber(PaidTranscriber[Transcription]):
    """One model at one server. A server that wants no key takes any; a free one opens no rows.

    `key_setting` is what an operator looks at when the key is refused.

    Raises EngineUnavailableError where the key cannot be one.
    """

    list_price = OPENAI_USD
    # A request that fails loses little, and one that drips is noticed soon.
    longest = 60.0

    def __init__(
        self,
        api_key: str,
        model: str,
        *,
        store: Store,
        ledger: Ledger,
        usd_per_minute: float = list_price,
        base_url: str = OPENAI_URL,
        key_setting: str = "OPENAI_API_KEY",
        parallel: int = 4,
        policy: CallPolicy = CallPolicy(),  # noqa: B008 - it is frozen
    ) -> None:
        self._api = OpenAIApi(read_key(api_key, key_setting, base_url), base_url)
        self.provider = self._api.provider
        self.model = model
        super().__init__(
            f"{model} ({self._api.host})",
            Transcription,
            ProviderCalls(self.provider, policy, SDK),
            store=store,
            ledger=ledger,
            usd_per_minute=usd_per_minute,
            parallel=parallel,
        )

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(whisper_codes()))

    def name_language(self, language: str) -> str:
        return whisper_codes()[language]

    @property
    def _gives_times(self) -> bool:
        return not self.model.startswith("gpt-")

    def chunks(self, source: wave.Wave_read, speech: Sequence[Span]) -> Iterator[Chunk]:
        """Pack pieces together, or alone where the model does not say when in a chunk words are."""
        if self._gives_times:
            return pack(cut(source, speech, shortest=20.0, longest=self.longest), self.longest)
        return pack(cut(source, speech, shortest=5.0, longest=15.0), longest=0.0)

    def refuse_reply(self, sent: Sent, reply: Reply, why: ValueError) -> ProviderAnswerError:
        return self._api.no_answer(sent.name, reply, why)

    async def ask(self, sent: Sent) -> Reply:
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
        """Tell which language is spoken, where it is named, as the model is told it."""
        if language is None:
            return {}
        takes_several = self.model.startswith("gpt-transcribe")
        return {"languages": [language]} if takes_several else {"language": language}
