"""A local OpenAI for recognition: POST /v1/audio/transcriptions, as its API reference describes it.

    with OpenAIAudioServer(faults=Faults([Fault.HANG])) as server:
        OpenAITranscriber(server.key, "whisper-1", base_url=server.url, ...)
        server.asked()      # one entry for each request, in the order they came

Behind it a real recogniser listens, or one that always hears the same: `hears=always(Said(...))`.
What is not documented is refused, as is what a model does not take.
"""

from __future__ import annotations

import email.message
import email.policy
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import soundfile

from dub_platform.core.speech import Span, Word
from dub_platform.core.text.words import spread
from resources.media.vad import SileroSpeechFinder
from resources.transcriber.pocketsphinx import PocketsphinxTranscriber
from tests.support.servers.providers.local_server import JSON, Handler, LocalServer
from tests.support.servers.providers.speech_provider import Fault, Faults, RefusedError

_PATH = "/v1/audio/transcriptions"
_TEXT_ONLY = ("gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
_MODELS = ("whisper-1", *_TEXT_ONLY)
_FIELDS = ("file", "model", "language", "prompt", "response_format", "temperature")
_GRANULARITIES = "timestamp_granularities[]"
_LANGUAGES = "languages[]"
_LISTS = (_GRANULARITIES, _LANGUAGES)
_KINDS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
_LARGEST = 25 * 1024 * 1024
_SHORTEST = 0.1


@dataclass(frozen=True)
class Said:
    """What the server hears in a sound. Its words have no marks, as OpenAI's have none.

    With `times` "segments" or "none", a server that gives no more than that.
    """

    text: str
    words: Sequence[Word] = ()
    language: str = "english"
    log_probability: float = -0.2
    no_speech: float = 0.01
    times: str = "words"


Hears = Callable[[Path], Said]


def always(said: Said) -> Hears:
    """Hears this in every sound, from its beginning to its end."""

    def hear(sound: Path) -> Said:
        seconds = soundfile.info(sound).duration
        words = [word.strip(".,;:!?¿¡") for word in said.text.split()]
        return replace(said, words=tuple(spread(words, Span(0.0, seconds))))

    return hear


def pocketsphinx(sound: Path) -> Said:
    """Listens for real, to English, once to each sound."""
    return _listen(sound.read_bytes(), sound.suffix)


@lru_cache(maxsize=32)
def _listen(content: bytes, suffix: str) -> Said:
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / f"sound{suffix}"
        sound.write_bytes(content)
        return _hear(sound)


def _hear(sound: Path) -> Said:
    speech = SileroSpeechFinder().find(sound)
    heard = PocketsphinxTranscriber().transcribe(sound, speech, "en")
    words = tuple(word for segment in heard.segments for word in segment.words)
    return Said(" ".join(word.text for word in words), words)


@dataclass(frozen=True)
class Asked:
    """A request that was in order. `seconds` is the sound's length."""

    fields: Mapping[str, Any]
    seconds: float
    fault: Fault | None


@dataclass(frozen=True)
class Form:
    """What was sent."""

    fields: Mapping[str, Any]
    name: str
    sound: bytes

    @classmethod
    def read(cls, kind: str, content: bytes) -> Form:
        """A multipart form. Raises RefusedError for what is no such form."""
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        message = email.message_from_bytes(head + content, policy=email.policy.HTTP)
        if not kind.startswith("multipart/form-data") or not message.is_multipart():
            raise RefusedError(400, "invalid_request_error", "Send multipart/form-data.")
        fields: dict[str, Any] = {}
        name, sound = "", b""
        for part in message.iter_parts():
            field_name = part.get_param("name", header="content-disposition")
            if part.get_filename():
                name, sound = str(part.get_filename()), _bytes(part)
            elif field_name in _LISTS:
                fields.setdefault(field_name, []).append(_text(part))
            else:
                fields[str(field_name)] = _text(part)
        return cls(fields, name, sound)

    @property
    def model(self) -> str:
        return str(self.fields.get("model"))

    @property
    def format(self) -> str:
        return str(self.fields.get("response_format", "json"))


class OpenAIAudioServer(LocalServer):
    """The server on a free local port, from `with` to its end."""

    key = "sk-test-0123456789abcdefghij"
    handler: ClassVar[type[OpenAIAudioHandler]]

    def __init__(
        self,
        hears: Hears = pocketsphinx,
        faults: Faults | None = None,
        *,
        retry_after: str = "0.05",
    ) -> None:
        super().__init__(type(self).handler)
        self.hears = hears
        self.faults = faults or Faults()
        self.retry_after = retry_after
        self._asked: list[Asked] = []

    @property
    def url(self) -> str:
        """What an SDK is given."""
        return f"{self.origin}/v1"

    def asked(self) -> tuple[Asked, ...]:
        """The requests that were in order, as they came."""
        with self._lock:
            return tuple(self._asked)

    def note(self, form: Form, seconds: float) -> tuple[str, Fault | None]:
        """Note a request; return its id, and what is to go wrong with it."""
        with self._lock:
            asked = Asked(dict(form.fields), seconds, self.faults.next())
            self._asked.append(asked)
            return f"req_{len(self._asked):04d}", asked.fault

    def hear(self, form: Form, seconds: float) -> dict[str, Any]:
        """Return the answer in the form that was asked for."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / form.name
            path.write_bytes(form.sound)
            said = self.hears(path)
        if form.format == "verbose_json":
            return _verbose(said, form, seconds)
        tokens = {"type": "tokens", "input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        return {"text": said.text, "usage": tokens}


def _verbose(said: Said, form: Form, seconds: float) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "task": "transcribe",
        "language": said.language,
        "duration": seconds,
        "text": said.text,
        "usage": {"type": "duration", "seconds": round(seconds)},
    }
    wanted = form.fields.get(_GRANULARITIES, ["segment"])
    if "segment" in wanted and said.times != "none":
        answer["segments"] = [_segment(said, seconds)] if said.text else []
    if "word" in wanted and said.times == "words":
        words = [(word.text, word.start, word.end) for word in said.words]
        answer["words"] = [{"word": text, "start": a, "end": b} for text, a, b in words]
    return answer


def _segment(said: Said, seconds: float) -> dict[str, Any]:
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": f" {said.text}",
        "tokens": [50364, 50464],
        "temperature": 0.0,
        "avg_logprob": said.log_probability,
        "compression_ratio": 1.1,
        "no_speech_prob": said.no_speech,
    }


def _bytes(part: email.message.Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def _text(part: email.message.Message) -> str:
    return _bytes(part).decode()


def _refuse_wrong(form: Form) -> None:
    """As the API does, which says what it does not take and why."""
    if unknown := set(form.fields) - {*_FIELDS, *_LISTS}:
        raise RefusedError(400, "unknown_parameter", f"Unknown parameter: {sorted(unknown)[0]}")
    if form.model not in _MODELS:
        raise RefusedError(404, "model_not_found", f"The model {form.model} does not exist.")
    if not form.name.endswith(_KINDS) or len(form.sound) > _LARGEST:
        raise RefusedError(400, "invalid_value", "The file is too large or of an unknown kind.")
    wrong_hint = "language" if form.model == "gpt-transcribe" else _LANGUAGES
    if wrong_hint in form.fields:
        raise RefusedError(400, "unsupported_value", f"{form.model} takes no {wrong_hint}.")
    if form.fields.get("language") and len(form.fields["language"]) > 3:
        raise RefusedError(400, "invalid_language_format", "Language must be in ISO-639-1.")
    if form.model in _TEXT_ONLY and form.format != "json":
        said = f"response_format '{form.format}' is not compatible with model '{form.model}'."
        raise RefusedError(400, "unsupported_value", said)
    if form.format not in ("json", "verbose_json"):
        raise RefusedError(400, "invalid_value", "There is no such format here.")
    if _GRANULARITIES in form.fields and form.format != "verbose_json":
        raise RefusedError(400, "invalid_value", "timestamp_granularities want verbose_json.")
    if not {"word", "segment"} >= set(form.fields.get(_GRANULARITIES, [])):
        raise RefusedError(400, "invalid_value", "There are words and segments.")


def sound_seconds(form: Form) -> float:
    """The length of the sound. Raises RefusedError for what is none."""
    try:
        seconds = float(soundfile.info(io.BytesIO(form.sound)).duration)
    except soundfile.LibsndfileError:
        raise RefusedError(400, "invalid_value", "Invalid file format.") from None
    if seconds < _SHORTEST:
        raise RefusedError(400, "audio_too_short", "Audio file is too short.")
    return seconds


_REFUSALS: Mapping[Fault | None, RefusedError] = {
    Fault.TOO_MANY: RefusedError(429, "rate_limit_exceeded", "Rate limit reached."),
    Fault.TOO_MANY_FOR_NOW: RefusedError(429, "rate_limit_exceeded", "Rate limit reached."),
    Fault.ERROR: RefusedError(500, "server_error", "The server had an error."),
}
_PAGES: Mapping[Fault | None, tuple[int, str, bytes]] = {
    Fault.BAD_GATEWAY: (502, "text/html", b"<html>502 Bad Gateway</html>"),
    Fault.EMPTY_BODY: (200, JSON, b""),
    Fault.HTML: (200, "text/html", b"<html><body>Sign in</body></html>"),
    Fault.WRONG_JSON: (200, JSON, b'{"status": "ok"}'),
}


class OpenAIAudioHandler(Handler):
    provider: ClassVar[OpenAIAudioServer]

    id_header = "x-request-id"

    def post(self) -> None:
        content = self.content()
        try:
            form, seconds = self.read(content)
        except RefusedError as refused:
            self.refuse(refused, {self.id_header: "req_refused"})
        else:
            self._answer(form, seconds)

    def read(self, content: bytes) -> tuple[Form, float]:
        """What was sent, and how long its sound is. Raises RefusedError."""
        said = self.headers.get("authorization", "").removeprefix("Bearer ")
        if said != self.provider.key:
            raise RefusedError(401, "invalid_api_key", f"Incorrect API key provided: {said}.")
        if self.path != _PATH:
            raise RefusedError(404, "unknown_url", "Unknown request URL.")
        form = Form.read(self.headers.get("content-type", ""), content)
        _refuse_wrong(form)
        return form, sound_seconds(form)

    def _answer(self, form: Form, seconds: float) -> None:
        request_id, fault = self.provider.note(form, seconds)
        headers = {self.id_header: request_id}
        if fault in _REFUSALS:
            later = {"retry-after": self.provider.retry_after}
            self.refuse(
                _REFUSALS[fault], headers | (later if fault is Fault.TOO_MANY_FOR_NOW else {})
            )
        elif fault in _PAGES:
            status, kind, page = _PAGES[fault]
            self.send(status, {**headers, "content-type": kind}, page)
        elif fault is Fault.HANG:
            self.provider.ended.wait()
            self.close_connection = True
        else:
            body = json.dumps(self.provider.hear(form, seconds)).encode()
            self._spoilt({**headers, "content-type": JSON}, body, fault)

    def _spoilt(self, headers: Mapping[str, str], body: bytes, fault: Fault | None) -> None:
        if fault is Fault.DRIP:
            self.drip(headers, body)
        elif fault is Fault.HALF_BODY:
            self.send_half(headers, body)
        else:
            self.send(200, headers, body)

    def refuse(self, refused: RefusedError, headers: Mapping[str, str]) -> None:
        """Answer with an error, in the provider's form."""
        error = {"message": refused.message, "type": "error", "param": None, "code": refused.code}
        body = json.dumps({"error": error}).encode()
        self.send(refused.status, {**headers, "content-type": JSON}, body)


OpenAIAudioServer.handler = OpenAIAudioHandler
