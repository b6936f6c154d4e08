"""OpenAI speech, or any server that speaks its API, through its SDK.

    voice = OpenAIVoice(api_key, Casting.parse("*:1=onyx, *:2=nova, default=alloy"))
    voice.speak(Reading("Buenos días.", "es"), into=path, bill=bill)

The answer says nothing of its price, so the bill is the text's length. It is tested against
`tests/support/servers/providers/openai_speech.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from dub_platform.core.languages import language
from dub_platform.core.style.casting import Casting
from resources.providers.openai_api import OPENAI_URL, SDK, OpenAIApi, read_key
from resources.system.calls import CallPolicy
from resources.voice.capabilities import OPENAI_LANGUAGES, OPENAI_USD
from resources.voice.espeak import speakable
from resources.voice.paid import Answer, PaidVoice
from resources.voice.port import Reading

# Bare samples come at this rate, whatever the model.
_PCM_RATE = 24_000


class OpenAIVoice(PaidVoice):
    """`speed` is 0.25 to 4.0; `languages` are those of OpenAI's models where none are given.

    One that costs nothing keeps a reading's pace. Raises EngineUnavailableError where the key
    cannot be one.
    """

    provider = "OpenAI"
    list_price = OPENAI_USD
    sdk = SDK

    def __init__(
        self,
        api_key: str,
        casting: Casting,
        *,
        model: str = "gpt-4o-mini-tts",
        speed: float = 1.0,
        output_format: Literal["pcm", "mp3", "wav"] = "pcm",
        usd_per_1000_characters: float | None = None,
        parallel: int = 4,
        base_url: str = OPENAI_URL,
        key_setting: str = "OPENAI_API_KEY",
        languages: tuple[str, ...] = (),
        policy: CallPolicy = CallPolicy(),  # noqa: B008 - it is frozen
    ) -> None:
        super().__init__(
            read_key(api_key, key_setting, base_url),
            casting,
            model=model,
            pcm_rate=_PCM_RATE if output_format == "pcm" else None,
            usd_per_1000_characters=usd_per_1000_characters,
            parallel=parallel,
            policy=policy,
        )
        self.speed = speed
        self.output_format = output_format
        self.base_url = base_url
        self.keeps_pace = self.usd_per_1000_characters == 0.0
        self._languages = tuple(sorted(languages)) or OPENAI_LANGUAGES
        self._api = OpenAIApi(self._key, base_url)

    def languages(self) -> tuple[str, ...]:
        return self._languages

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        self._refuse_unknown(reading.language)
        return {
            "engine": self.engine,
            # Two servers can have different models and voices under the same names.
            "server": self.base_url,
            "voice": self.casting.voice(reading.language, reading.speaker),
            "language": reading.language,
            "output_format": self.output_format,
            "speed": self._speed(reading),
            "instructions": self._instructions(reading),
        }

    async def _ask(self, reading: Reading) -> Answer:
        from openai import omit

        async with self._api.client() as client:
            response = await client.audio.speech.with_raw_response.create(
                input=speakable(reading.text),
                model=self.model,
                voice=self.casting.voice(reading.language, reading.speaker),
                response_format=self.output_format,
                speed=self._speed(reading),
                instructions=self._instructions(reading) or omit,
            )
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.content, headers, headers.get("x-request-id"))

    def _speed(self, reading: Reading) -> float:
        return round(self.speed * reading.pace, 2) if self.keeps_pace else self.speed

    def _instructions(self, reading: Reading) -> str:
        """Tell which language it is: a line such as "No." does not tell. The first models take
        none."""
        if self.model.startswith("tts-1"):
            return ""
        return f"Speak {language(reading.language).name}, as a native speaker does."
