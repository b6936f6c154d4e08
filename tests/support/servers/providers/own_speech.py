"""A voice on a machine of one's own that speaks `/v1/audio/speech`: no keys, and a rate of its own.

with OwnSpeech() as server:
    OpenAIVoice("", casting, base_url=server.base_url, output_format="wav")
server.asked, server.headers    # of each request
"""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tests.support.servers.providers.local_server import JSON, Handler, LocalServer

RATE = 16_000
_SECONDS_A_LETTER = 0.065


class OwnSpeech(LocalServer):
    """A server in threads of this process, which hums as long as somebody would speak."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.asked: list[Mapping[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    @property
    def base_url(self) -> str:
        """What an SDK is given."""
        return f"{self.origin}/v1"


class _Handler(Handler):
    provider: ClassVar[OwnSpeech]

    def post(self) -> None:
        body = json.loads(self.content())
        self.provider.asked.append(body)
        self.provider.headers.append({name.lower(): value for name, value in self.headers.items()})
        if body["response_format"] != "wav":
            self.send(400, {"content-type": JSON}, b'{"error": {"message": "wav alone"}}')
            return
        seconds = len(body["input"]) * _SECONDS_A_LETTER / body["speed"]
        times = np.arange(int(RATE * seconds)) / RATE
        sound = (8_000 * np.sin(2 * np.pi * 200 * times)).astype("<i2")
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(sound.tobytes())
        self.send(200, {"content-type": "audio/wav"}, file.getvalue())
