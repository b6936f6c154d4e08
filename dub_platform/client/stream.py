"""Listening to what happens to a video: server-sent events, over as many connections as it takes.

    for event in listen(http, "/videos/dQw4w9WgXcQ/events", Retries()):
        print(event["type"], event["data"].get("language"))

A connection that breaks is made again with the Last-Event-ID, so nothing is missed or told twice.
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

# The platform gives a sign of life every 15 s.
SILENCE_SECONDS = 60.0
_TIMEOUT = httpx.Timeout(30.0, read=SILENCE_SECONDS)
_END, _KIND = "end", "text/event-stream"


class EventData(TypedDict):
    """What an event is about; without a `language` it is the video itself."""

    video_id: str
    generation: int
    language: NotRequired[str]
    stage: NotRequired[str]
    error: NotRequired[Failure]


class Event(TypedDict):
    """One event, such as `dub.released`. What is after its `id` can be asked for."""

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
    """The events after this one, until the stream says that there are no more.

    Raises RefusedError for what asking again does not change.
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
                    tries, after = 0, int(message.id)
                    yield _event(message)
        except httpx.TransportError:
            retries.wait(max(tries, 1), None)
            continue
        if refusal is None:
            # Its hour is over, or its process is about to end.
            retries.breathe(tries)
        else:
            retries.wait(tries, refusal)


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages in the lines of a stream; comments and fields that we do not use are left."""
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
    """The answer, where it is none yet; None where it is a stream. Raises RefusedError."""
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
