"""What the local speech providers share: HTTP, real speech, faults by script, and a ledger.

    with ElevenLabsServer(folder / "asked.jsonl", Faults([Fault.HANG])) as server:
        voice = ElevenLabsVoice(server.key, casting, base_url=server.url)
        ...
        server.asked()      # one entry for each request, in the order they came

The speech is eSpeak NG's, so takes have plausible lengths. The ledger is a file that is only ever
appended to, an entry before each answer: what was asked stays known however the asker ends.
"""

from __future__ import annotations

import io
import itertools
import json
import random
import re
import tempfile
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
import soundfile
from numpy.typing import NDArray

from resources.providers.paid_once import Bill
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.servers.providers.local_server import JSON, Handler, LocalServer


class Fault(str, Enum):
    """What can go wrong with one request."""

    TOO_MANY = "429"
    TOO_MANY_FOR_NOW = "429 with Retry-After"
    ERROR = "500"
    BAD_GATEWAY = "502"
    HANG = "hang"
    DRIP = "drip-feed"
    HALF_BODY = "half body"
    EMPTY_BODY = "empty body"
    HTML = "HTML"
    WRONG_JSON = "wrong JSON"
    SILENT = "silent audio"
    TRUNCATED = "truncated audio"

    @property
    def is_charged(self) -> bool:
        """Whether the work was done and is on the bill, though its answer is lost or no good."""
        return self in _AFTER_THE_WORK


_AFTER_THE_WORK = (
    Fault.HANG,
    Fault.DRIP,
    Fault.HALF_BODY,
    Fault.EMPTY_BODY,
    Fault.SILENT,
    Fault.TRUNCATED,
)


class Faults:
    """Which fault each request meets, one after the other; those after the script go well."""

    def __init__(self, script: Iterable[Fault | None] = ()) -> None:
        self._script = iter(script)
        self._lock = threading.Lock()

    @classmethod
    def at_random(cls, rate: float, seed: int, among: Iterable[Fault] = Fault) -> Faults:
        """Any of the faults, for `rate` of all requests: 0.2 is every fifth."""
        chance, kinds = random.Random(seed), list(among)
        return cls(
            chance.choice(kinds) if chance.random() < rate else None for _ in itertools.count()
        )

    def next(self) -> Fault | None:
        with self._lock:
            return next(self._script, None)


@dataclass(frozen=True)
class Request:
    """A request as it came; the names of headers are in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Order:
    """A request that is in order: what to speak, as which voice, in which form."""

    text: str
    voice: str
    codec: str
    rate: int
    language: str | None = None
    noted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """An answer; of its body, only the first `sent` bytes are sent (None is all of them)."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    sent: int | None = None


class RefusedError(Exception):
    """The request is not as documented."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class SpeechProvider(LocalServer, ABC):
    """A provider on a free local port, from `with` to its end.

    `language` is spoken where the request names none. `at_once` is what the plan allows; a request
    above it is refused. `most_at_once` says how many there were.
    """

    retry_after = "0"
    _drip_seconds = 0.05

    def __init__(
        self,
        ledger: Path,
        faults: Faults | None = None,
        *,
        key: str = "a-key-for-tests",
        language: str = "es",
        at_once: int | None = None,
    ) -> None:
        super().__init__(_Handler)
        self.ledger = ledger
        self.faults = faults or Faults()
        self.key = key
        self.language = language
        self.at_once = at_once
        self.most_at_once = 0
        self._under_way = 0
        self._numbers = itertools.count(1)
        self._espeak = EspeakVoice()

    @abstractmethod
    def read(self, request: Request) -> Order:
        """What the request orders. Raises RefusedError where it is not as documented."""

    @abstractmethod
    def error(self, refused: RefusedError, request_id: str) -> Mapping[str, Any]:
        """The body of an error."""

    @abstractmethod
    def headers(self, order: Order, request_id: str) -> Mapping[str, str]:
        """The headers of an answer, besides its type and length."""

    def sound(self, order: Order) -> NDArray[np.float64]:
        """The speech (frames,) at the order's rate."""
        return self.speak(order.text, order)

    @property
    def url(self) -> str:
        """What an SDK is given."""
        return self.origin

    def asked(self) -> list[dict[str, Any]]:
        """Return the ledger of requests."""
        if not self.ledger.exists():
            return []
        return [json.loads(line) for line in self.ledger.read_text("utf-8").splitlines()]

    def __exit__(self, *failure: object) -> None:
        super().__exit__(*failure)
        self._espeak.close()

    def answer(self, request: Request) -> Iterator[Reply]:
        """The reply, or none where the answer is lost on the way."""
        with self._lock:
            self._under_way += 1
            number, under_way = next(self._numbers), self._under_way
            self.most_at_once = max(self.most_at_once, under_way)
        try:
            yield from self._replies(request, f"req_{number:06d}", under_way)
        finally:
            with self._lock:
                self._under_way -= 1

    def speak(self, text: str, order: Order) -> NDArray[np.float64]:
        """Speak the text in the order's voice: another voice id is another of eSpeak NG's
        voices."""
        speaker = str(zlib.crc32(order.voice.encode()) % len(EspeakVoice.variants) + 1)
        reading = Reading(text, order.language or self.language, speaker)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spoken.wav"
            self._espeak.speak(reading, into=path, bill=Bill())
            sound, rate = soundfile.read(path)
        times = np.arange(round(len(sound) * order.rate / rate)) / order.rate
        return np.asarray(np.interp(times, np.arange(len(sound)) / rate, sound))

    def _replies(self, request: Request, request_id: str, under_way: int) -> Iterator[Reply]:
        try:
            self._refuse_above_plan(under_way)
            order = self.read(request)
        except RefusedError as refused:
            self._note(request_id, refused=refused)
            yield self._refusal(refused, request_id)
            return
        fault = self.faults.next()
        self._note(request_id, order=order, fault=fault)
        yield from self._spoilt(order, request_id, fault)

    def _refuse_above_plan(self, under_way: int) -> None:
        if self.at_once is not None and under_way > self.at_once:
            raise RefusedError(429, "too_many_concurrent_requests", "The plan allows fewer.")

    def _spoilt(self, order: Order, request_id: str, fault: Fault | None) -> Iterator[Reply]:
        if fault in _REFUSALS:
            more = {"retry-after": self.retry_after} if fault is Fault.TOO_MANY_FOR_NOW else {}
            yield self._refusal(_REFUSALS[fault], request_id, more)
        elif fault in _PAGES:
            kind, body = _PAGES[fault]
            yield Reply(200, body, {"content-type": kind})
        elif fault is Fault.HANG:
            self.ended.wait()
        else:
            whole = self._whole(order, request_id, fault)
            yield from self._drip(whole) if fault is Fault.DRIP else [whole]

    def _whole(self, order: Order, request_id: str, fault: Fault | None) -> Reply:
        sound = self.sound(order)
        body = encode(np.zeros_like(sound) if fault is Fault.SILENT else sound, order)
        half = len(body) // 4 * 2
        if fault is Fault.TRUNCATED:
            body = body[:half]
        if fault is Fault.EMPTY_BODY:
            body = b""
        kind = {"mp3": "audio/mpeg", "pcm": "audio/pcm"}[order.codec]
        headers = {"content-type": kind, **self.headers(order, request_id)}
        return Reply(200, body, headers, half if fault is Fault.HALF_BODY else None)

    def _drip(self, whole: Reply) -> Iterator[Reply]:
        """Send one byte more at a time, until nobody waits any more."""
        for sent in range(1, len(whole.body)):
            if self.ended.wait(self._drip_seconds):
                return
            yield Reply(whole.status, whole.body, whole.headers, sent)

    def _refusal(
        self, refused: RefusedError, request_id: str, more: Mapping[str, str] | None = None
    ) -> Reply:
        body = json.dumps(self.error(refused, request_id)).encode()
        names = {"request-id": request_id, "x-request-id": request_id}
        return Reply(refused.status, body, {"content-type": JSON, **names, **(more or {})})

    def _note(
        self,
        request_id: str,
        *,
        order: Order | None = None,
        fault: Fault | None = None,
        refused: RefusedError | None = None,
    ) -> None:
        entry: dict[str, Any] = {"request_id": request_id, "fault": fault.value if fault else None}
        if order is not None:
            is_charged = fault is None or fault.is_charged
            characters = len(order.text) if is_charged else 0
            entry |= {**asdict(order), "status": 200, "charged_characters": characters}
        if refused is not None:
            entry |= {"status": refused.status, "code": refused.code, "charged_characters": 0}
        with self._lock, self.ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


_REFUSALS: Mapping[Fault | None, RefusedError] = {
    Fault.TOO_MANY: RefusedError(429, "rate_limit_exceeded", "Too many requests."),
    Fault.TOO_MANY_FOR_NOW: RefusedError(429, "system_busy", "Try again in a moment."),
    Fault.ERROR: RefusedError(500, "internal_error", "Something went wrong."),
    Fault.BAD_GATEWAY: RefusedError(502, "bad_gateway", "Bad gateway."),
}
_PAGES: Mapping[Fault | None, tuple[str, bytes]] = {
    Fault.HTML: ("text/html; charset=utf-8", b"<html><body>Sign in</body></html>" * 2_000),
    Fault.WRONG_JSON: (JSON, b'{"audio": null}'),
}


def encode(sound: NDArray[np.float64], order: Order) -> bytes:
    """Encode the sound in the order's codec."""
    if order.codec == "pcm":
        return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    file = io.BytesIO()
    soundfile.write(file, sound, order.rate, format="MP3")
    return file.getvalue()


class _Handler(Handler):
    provider: ClassVar[SpeechProvider]

    def post(self) -> None:
        sent = -1
        for reply in self.provider.answer(self._request()):
            sent = self._send(reply, sent)
        if sent < 0:
            self.close_connection = True

    def _request(self) -> Request:
        content = self.content()
        url = urlsplit(self.path)
        is_json = str(self.headers.get("content-type", "")).startswith(JSON)
        body = json.loads(content) if is_json else {}
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(url.path, query, headers, body)

    def _send(self, reply: Reply, before: int) -> int:
        """Send what is new of the reply; how much of its body was sent by now."""
        if before < 0:
            self.head(reply.status, {**reply.headers, "content-length": len(reply.body)})
        until = len(reply.body) if reply.sent is None else reply.sent
        self.wfile.write(reply.body[max(0, before) : until])
        self.wfile.flush()
        self.close_connection = until < len(reply.body)
        return until


def check_fields(fields: Mapping[str, Any], allowed: Mapping[str, str]) -> None:
    """Refuse fields that are not documented, or not of their kind: str, number, bool, object."""
    kinds = {"str": str, "number": (int, float), "bool": bool, "object": dict}
    for name, value in fields.items():
        if name not in allowed:
            raise RefusedError(422, "invalid_parameters", f"{name} is not a parameter.")
        if not isinstance(value, kinds[allowed[name]]):  # type: ignore[arg-type]
            raise RefusedError(422, "invalid_parameters", f"{name} must be a {allowed[name]}.")


def split(text: str, pattern: re.Pattern[str]) -> Iterator[str | re.Match[str]]:
    """The text between the matches of the pattern, and the matches, in their order."""
    place = 0
    for match in pattern.finditer(text):
        yield text[place : match.start()]
        yield match
        place = match.end()
    yield text[place:]
