"""A local ElevenLabs for recognition: POST /v1/speech-to-text, as its API reference describes it.

    with ElevenLabsAudioServer(always(Said("Good morning."))) as server:
        ElevenLabsTranscriber(server.key, base_url=server.origin, ...)

It listens as the local OpenAI does (`openai_audio.py`), and words are those of `speakers` in turns
of so many words. What is not documented is refused.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import langcodes

from dub_platform.core.speech import Word
from tests.support.servers.providers.local_server import JSON
from tests.support.servers.providers.openai_audio import (
    Form,
    OpenAIAudioHandler,
    OpenAIAudioServer,
    Said,
    sound_seconds,
)
from tests.support.servers.providers.speech_provider import RefusedError

_PATH = "/v1/speech-to-text"
_MODELS = ("scribe_v1", "scribe_v2")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "timestamps_granularity": ("none", "word", "character"),
    "diarize": ("true", "false"),
    "tag_audio_events": ("true", "false"),
}
_LARGEST = 3_000_000_000


class ElevenLabsAudioServer(OpenAIAudioServer):
    """The server on a free local port, from `with` to its end."""

    key = "sk_elevenlabs_test_0123456789"
    handler: ClassVar[type[OpenAIAudioHandler]]
    speakers = 1
    words_a_turn = 4

    def hear(self, form: Form, seconds: float) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            path.write_bytes(form.sound)
            said = self.hears(path)
        words = list(self._words(said, diarize=form.fields.get("diarize") == "true"))
        return {
            "language_code": langcodes.find(said.language).to_alpha3(),
            "language_probability": 0.98,
            "text": said.text,
            "words": words,
            "transcription_id": "transcription-0001",
            "audio_duration_secs": seconds,
        }

    def _words(self, said: Said, *, diarize: bool) -> Iterator[dict[str, Any]]:
        """Each word with its marks, and the space before it as an entry of its own."""
        marked = said.text.split()
        end = None
        for number, word in enumerate(said.words):
            who = number // self.words_a_turn % self.speakers
            speaker = {"speaker_id": f"speaker_{who}"} if diarize else {}
            if end is not None:
                yield {"text": " ", "start": end, "end": word.start, "type": "spacing", **speaker}
            text = marked[number] if len(marked) == len(said.words) else word.text
            yield self._word(word, text, said) | speaker
            end = word.end

    def _word(self, word: Word, text: str, said: Said) -> dict[str, Any]:
        times = {"start": word.start, "end": word.end}
        return {"text": text, **times, "type": "word", "logprob": said.log_probability}


def _refuse_wrong(form: Form) -> None:
    fields = dict(form.fields)
    if fields.pop("model_id", None) not in _MODELS:
        raise RefusedError(400, "invalid_model_id", "This model is not one for speech to text.")
    code = fields.pop("language_code", "en")
    if not langcodes.Language.get(code).is_valid() or len(code) > 3:
        raise RefusedError(400, "invalid_language_code", f"{code} is no ISO 639 code.")
    for name, value in fields.items():
        # Its own client says so of what nobody asked for.
        if value == "null":
            continue
        if value not in _FIELDS.get(name, ()):
            raise RefusedError(422, "invalid_parameters", f"{name} cannot be {value}.")
    if not form.sound or len(form.sound) > _LARGEST:
        raise RefusedError(400, "invalid_audio", "There is no file, or it is too large.")


class _Handler(OpenAIAudioHandler):
    provider: ClassVar[ElevenLabsAudioServer]
    id_header = "request-id"

    def read(self, content: bytes) -> tuple[Form, float]:
        if self.headers.get("xi-api-key") != self.provider.key:
            raise RefusedError(401, "invalid_api_key", "Invalid API key.")
        if self.path != _PATH:
            raise RefusedError(404, "not_found", "There is no such endpoint.")
        form = Form.read(self.headers.get("content-type", ""), content)
        _refuse_wrong(form)
        return form, sound_seconds(form)

    def refuse(self, refused: RefusedError, headers: Mapping[str, str]) -> None:
        detail = {"code": refused.code, "status": refused.code, "message": refused.message}
        body = json.dumps({"detail": detail}).encode()
        self.send(refused.status, {**headers, "content-type": JSON}, body)


ElevenLabsAudioServer.handler = _Handler
