"""A local OpenAI for speech: POST /v1/audio/speech, as its API reference describes it.

    with OpenAISpeechServer(folder / "asked.jsonl") as server:
        OpenAIVoice(server.key, Casting.parse("default=alloy"), base_url=f"{server.url}/v1")

What is not documented is refused, as is what a model does not take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.servers.providers.speech_provider import (
    Order,
    RefusedError,
    Request,
    SpeechProvider,
    check_fields,
)

MODELS = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd")
VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer")
LONGEST = 4096
_RATE = 24_000
_BODY = {
    "input": "str",
    "model": "str",
    "voice": "str",
    "instructions": "str",
    "response_format": "str",
    "speed": "number",
}


class OpenAISpeechServer(SpeechProvider):
    """The speech of OpenAI."""

    def read(self, request: Request) -> Order:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise RefusedError(401, "invalid_api_key", "Incorrect API key provided.")
        if request.path != "/v1/audio/speech":
            raise RefusedError(404, "unknown_url", "There is no such endpoint.")
        body = request.body
        check_fields(body, _BODY)
        self._refuse_unknown(body)
        codec = body.get("response_format", "mp3")
        return Order(body["input"], body["voice"], codec, _RATE, noted=body)

    def error(self, refused: RefusedError, request_id: str) -> Mapping[str, Any]:
        return {
            "error": {
                "message": refused.message,
                "type": "server_error" if refused.status >= 500 else "invalid_request_error",
                "param": None,
                "code": refused.code,
            }
        }

    def headers(self, order: Order, request_id: str) -> Mapping[str, str]:
        return {"x-request-id": request_id}

    def _refuse_unknown(self, body: Mapping[str, Any]) -> None:
        if body.get("model") not in MODELS:
            raise RefusedError(404, "model_not_found", "There is no such model.")
        if body.get("voice") not in VOICES:
            raise RefusedError(400, "invalid_value", "There is no such voice.")
        if not 0 < len(body.get("input", "")) <= LONGEST:
            raise RefusedError(400, "string_above_max_length", f"input has 1 to {LONGEST}.")
        if body.get("response_format", "mp3") not in ("mp3", "pcm"):
            raise RefusedError(400, "invalid_value", "There is no such format here.")
        if not 0.25 <= body.get("speed", 1.0) <= 4.0:
            raise RefusedError(400, "invalid_value", "speed is 0.25 to 4.0.")
        if "instructions" in body and body["model"].startswith("tts-1"):
            raise RefusedError(400, "invalid_value", "This model takes no instructions.")
