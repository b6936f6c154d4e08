"""Listens to a video's events (server-sent events), over as many connections as needed.

    for event in listen(http, "/videos/dQw4w9WgXcQ/events", Retries()):
        print(event["type"], event["data"].get("language"))

A broken connection is made again with the Last-Event-ID, so no event is missed or repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx
from typing_extensions import NotRequired, TypedDict

from dub_platform.client.answers import Failure
from dub_platform.client.errors import RefusedError
from dub_platform.client.retries import Retries, is_worth_another

# The platform sends a heartbeat every 15 s.
SILENCE_SECONDS = 60.0
_TIMEOUT = httpx.Timeout(30.0, read=SILENCE_SECONDS)
_END, _KIND = "end", "text/event-stream"


class EventData(TypedDict):
    """The subject of an event; without a `language` it is the video itself."""

    video_id: str
    generation: int
    language: NotRequired[str]
    stage: NotRequired[str]
    error: NotRequired[Failure]


class Event(TypedDict):
    """One event, such as `dub.released`. A client can ask for the events after an `id`."""

    id: int
    type: str
    timestamp: str
    data: EventData


class Message(NamedTuple):
    """One message of a stream."""

    id: str
    event: str
    data: str


def listen(http: httpx.Client, path: str, retries: Retries, *, after: int = 0) -> Iterator[Event]:
    """Yield the events after this one, until the stream ends.

    Raises RefusedError if a retry cannot help.
    """
    tries = 0
    while True:
        tries += 1
        headers = {"accept": _KIND, "last-event-id": str(after)}
        try:
            with http.stream("GET", path, headers=headers, timeout=_TIMEOUT) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return
                refusal = _refusal(answer)
                for message in () if refusal else messages(answer.iter_lines()):
                    if message.event == _END:
                        return
                    # A stream that tells something works: the next break starts with the shortest
                    # pause.
                    tries, after = 0, int(message.id)
                    yield _event(message)
        except httpx.TransportError:
            retries.wait(max(tries, 1), None)
            continue
        if refusal is None:
            # The stream has reached its longest duration, or its process is stopping.
            retries.breathe(tries)
        else:
            retries.wait(tries, refusal)


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yield the messages in the lines of a stream, without comments and fields that we do not
    use."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
        elif not line:
            if "data" in fields:
                yield Message(fields.get("id", ""), fields.get("event", ""), fields["data"])
            fields = {}


def _refusal(answer: httpx.Response) -> httpx.Response | None:
    """Return the answer if it is worth a retry, None if it is a stream. Raises RefusedError."""
    if answer.is_success and answer.headers.get("content-type", "").startswith(_KIND):
        return None
    answer.read()
    if not is_worth_another(answer):
        raise RefusedError.of(answer)
    return answer


def _event(message: Message) -> Event:
    told: dict[str, Any] = json.loads(message.data)
    return Event(
        id=int(message.id), type=told["type"], timestamp=told["timestamp"], data=told["data"]
    )
