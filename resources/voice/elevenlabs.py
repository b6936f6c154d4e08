"""ElevenLabs: speech through its SDK.

    voice = ElevenLabsVoice(api_key, Casting.parse("es:1=VOICE_A, default=VOICE_B"))
    voice.speak(Reading("Buenos días.", "es", following="Bienvenidos."), into=path, bill=bill)

What it charges is read from the answer's `character-cost`: voices and models differ in what a
character counts. Tested against `tests/support/servers/providers/elevenlabs_server.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dub_platform.core.languages import spoken_code
from dub_platform.core.style.casting import Casting
from resources.providers.api_key import ProviderKey
from resources.system.calls import CallFailedError, CallFailure, CallPolicy, error_text, retry_after
from resources.voice.capabilities import ELEVENLABS_USD, elevenlabs_model
from resources.voice.espeak import speakable
from resources.voice.paid import Answer, PaidVoice
from resources.voice.port import Reading

if TYPE_CHECKING:
    from elevenlabs.core.api_error import ApiError

# <break time="2s"/> and <phoneme> are obeyed by some models, [whispers] by others.
_NO_MARKUP = str.maketrans("<>[]", "‹›()")
_OUTPUT = re.compile(r"(?P<codec>pcm|mp3)_(?P<rate>\d+)(_\d+)?")


@dataclass(frozen=True)
class Expression:
    """How the voice speaks: all from 0 to 1, but for the speed, from 0.7 to 1.2.

    A low stability has more feeling and is less alike from line to line.
    """

    stability: float = 0.5
    similarity_boost: float = 0.75
    style: float = 0.0
    speed: float = 1.0


class ElevenLabsVoice(PaidVoice):
    """`output_format` is pcm_RATE or mp3_RATE_KBPS; a model that is not known yet is taken for v3.

    Raises EngineUnavailableError where the key cannot be one, ValueError for another format.
    """

    provider = "ElevenLabs"
    list_price = ELEVENLABS_USD
    sdk = ("elevenlabs.client", "elevenlabs.text_to_speech.client", "httpcore")

    def __init__(
        self,
        api_key: str,
        casting: Casting,
        *,
        model: str = "eleven_multilingual_v2",
        expression: Expression = Expression(),
        output_format: str = "pcm_24000",
        usd_per_1000_characters: float | None = None,
        parallel: int = 2,
        base_url: str = "https://api.elevenlabs.io",
        policy: CallPolicy = CallPolicy(),  # noqa: B008 - it is frozen
    ) -> None:
        super().__init__(
            ProviderKey(api_key, "ELEVENLABS_API_KEY"),
            casting,
            model=model,
            pcm_rate=_pcm_rate(output_format),
            usd_per_1000_characters=usd_per_1000_characters,
            parallel=parallel,
            policy=policy,
        )
        self.expression = expression
        self.output_format = output_format
        self.base_url = base_url
        self._can = elevenlabs_model(model)

    def languages(self) -> tuple[str, ...]:
        return self._can.languages

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        self._refuse_unknown(reading.language)
        return {
            "engine": self.engine,
            "voice": self.casting.voice(reading.language, reading.speaker),
            "language": reading.language,
            "output_format": self.output_format,
            **asdict(self.expression),
            **self._neighbours(reading),
        }

    def cost_usd(self, text: str) -> float:
        return self._can.credits * super().cost_usd(text)

    async def _ask(self, reading: Reading) -> Answer:
        import httpx
        from elevenlabs.core.api_error import ApiError

        try:
            # The key would go along to wherever a redirect leads.
            async with httpx.AsyncClient(follow_redirects=False) as http:
                return await self._convert(reading, http)
        except ApiError as error:
            raise CallFailedError(self._refusal(error), may_be_charged=False) from None
        except httpx.HTTPError as error:
            words = self._key.hidden_in(f"{type(error).__name__}: {error}")
            unreached = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            raise CallFailedError(CallFailure(words), may_be_charged=not unreached) from None

    async def _convert(self, reading: Reading, http: Any) -> Answer:
        from elevenlabs import VoiceSettings
        from elevenlabs.client import AsyncElevenLabs

        client = AsyncElevenLabs(
            api_key=self._key.value,
            base_url=self.base_url,
            httpx_client=http,
            timeout=self.policy.try_seconds,
        )
        async with client.text_to_speech.with_raw_response.convert(
            self.casting.voice(reading.language, reading.speaker),
            text=_strip_markup(reading.text),
            model_id=self.model,
            output_format=self.output_format,
            voice_settings=VoiceSettings(**asdict(self.expression)),
            request_options={"max_retries": 0},
            **self._neighbours(reading),
            **({"language_code": spoken_code(reading.language)} if self._can.told_language else {}),
        ) as response:
            content = b"".join([chunk async for chunk in response.data])
            headers = response.headers
            return Answer(content, headers, headers.get("request-id"))

    def _neighbours(self, reading: Reading) -> dict[str, str]:
        words = {"previous_text": reading.previous, "next_text": reading.following}
        return {
            name: _strip_markup(text) for name, text in words.items() if text and self._can.stitches
        }

    def _refusal(self, error: ApiError) -> CallFailure:
        headers = error.headers or {}
        detail = error.body.get("detail") if isinstance(error.body, dict) else error.body
        parts = detail if isinstance(detail, dict) else {"message": detail}
        code = parts.get("code") or parts.get("status")
        return CallFailure(
            self._key.hidden_in(error_text([code, parts.get("message")])),
            error.status_code,
            retry_after(headers),
            headers.get("request-id") or parts.get("request_id"),
            no_credit=code == "quota_exceeded",
        )

    def _charged_characters(self, reading: Reading, answer: Answer) -> int:
        try:
            return round(float(answer.headers["character-cost"]))
        except (KeyError, ValueError):
            return super()._charged_characters(reading, answer)


def _strip_markup(text: str) -> str:
    return speakable(text).translate(_NO_MARKUP)


def _pcm_rate(output_format: str) -> int | None:
    match = _OUTPUT.fullmatch(output_format)
    if match is None:
        raise ValueError(f"{output_format!r} is neither pcm_RATE nor mp3_RATE_KBPS")
    return int(match["rate"]) if match["codec"] == "pcm" else None
