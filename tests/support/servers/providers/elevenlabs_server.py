"""A local ElevenLabs: POST /v1/text-to-speech/{voice_id}, as its API reference describes it.

    with ElevenLabsServer(folder / "asked.jsonl") as server:
        ElevenLabsVoice(server.key, Casting.parse(f"default={VOICES[0]}"), base_url=server.url)

What is not documented is refused, as is what a model does not take. `<break time="2s"/>` in a text
is obeyed, up to 3 s, so that text which was not made plain is heard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.servers.providers.speech_provider import (
    Order,
    RefusedError,
    Request,
    SpeechProvider,
    check_fields,
    split,
)

# Made up, in the form that voice ids have; each is another of eSpeak NG's voices.
VOICES = tuple(f"aVoiceForTests00000{number}" for number in range(1, 8))
MODELS = MappingProxyType(
    {
        "eleven_multilingual_v2": 10_000,
        "eleven_flash_v2_5": 40_000,
        "eleven_flash_v2": 30_000,
        "eleven_v3": 5_000,
    }
)
CREDITS = MappingProxyType({"eleven_flash_v2_5": 0.5, "eleven_flash_v2": 0.5})
OUTPUTS = (
    *(f"mp3_{form}" for form in ("22050_32", "24000_48", "44100_32", "44100_64", "44100_128")),
    *(f"pcm_{rate}" for rate in (8000, 16000, 22050, 24000, 32000, 44100, 48000)),
)
_PATH = re.compile(r"/v1/text-to-speech/([A-Za-z0-9]{20})")
_BODY = {
    "text": "str",
    "model_id": "str",
    "language_code": "str",
    "previous_text": "str",
    "next_text": "str",
    "voice_settings": "object",
}
_SETTINGS = {
    "stability": (0.0, 1.0),
    "similarity_boost": (0.0, 1.0),
    "style": (0.0, 1.0),
    "speed": (0.7, 1.2),
}
_BREAK = re.compile(r"<break\s+time=['\"](?P<seconds>[\d.]+)s['\"]\s*/>")
_LONGEST_BREAK = 3.0


class ElevenLabsServer(SpeechProvider):
    """The text to speech of ElevenLabs."""

    def read(self, request: Request) -> Order:
        if request.headers.get("xi-api-key") != self.key:
            raise RefusedError(401, "invalid_api_key", "Invalid API key.")
        path = _PATH.fullmatch(request.path)
        if path is None:
            raise RefusedError(404, "not_found", "There is no such endpoint.")
        output = self._output(request.query)
        self._refuse_unknown(request.body)
        codec, rate = output.split("_")[:2]
        body = request.body
        noted = {"model": body["model_id"], "output_format": output, **body}
        return Order(body["text"], path[1], codec, int(rate), body.get("language_code"), noted)

    def error(self, refused: RefusedError, request_id: str) -> Mapping[str, Any]:
        return {
            "detail": {
                "type": "validation_error",
                "code": refused.code,
                "message": refused.message,
                "status": refused.code,
                "request_id": request_id,
            }
        }

    def headers(self, order: Order, request_id: str) -> Mapping[str, str]:
        cost = len(order.text) * CREDITS.get(order.noted["model"], 1.0)
        return {"request-id": request_id, "character-cost": f"{cost:.0f}"}

    def sound(self, order: Order) -> NDArray[np.float64]:
        parts = [
            self.speak(part, order)
            if isinstance(part, str)
            else np.zeros(round(min(float(part["seconds"]), _LONGEST_BREAK) * order.rate))
            for part in split(order.text, _BREAK)
        ]
        return np.concatenate(parts)

    def _output(self, query: Mapping[str, str]) -> str:
        check_fields(query, {"output_format": "str"})
        output = query.get("output_format", "mp3_44100_128")
        if output not in OUTPUTS:
            raise RefusedError(422, "invalid_output_format", f"{output} is not an output format.")
        return output

    def _refuse_unknown(self, body: Mapping[str, Any]) -> None:
        check_fields(body, _BODY)
        model = body.get("model_id", "eleven_multilingual_v2")
        if model not in MODELS:
            raise RefusedError(400, "model_not_found", f"There is no model {model}.")
        if not body.get("text"):
            raise RefusedError(400, "empty_text", "The text is empty.")
        if len(body["text"]) > MODELS[model]:
            raise RefusedError(400, "max_character_limit_exceeded", "The text is too long.")
        if model == "eleven_v3" and {"previous_text", "next_text"} & body.keys():
            raise RefusedError(400, "unsupported_model", f"{model} takes no neighbours.")
        if model == "eleven_multilingual_v2" and "language_code" in body:
            raise RefusedError(400, "unsupported_language", f"{model} takes no language code.")
        for name, value in body.get("voice_settings", {}).items():
            low, high = _SETTINGS.get(name, (0.0, 0.0))
            if not low <= value <= high or low == high:
                raise RefusedError(422, "invalid_voice_settings", f"{name} cannot be {value}.")
