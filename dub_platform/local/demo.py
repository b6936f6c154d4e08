"""The demo: submits the sample over HTTP, follows its progress, and shows the result.

    with demo.client_of("http://127.0.0.1:5001") as client:
        video = demo.hand_in(client, demo.choose_languages(client))

Like any client, it learns everything from the API's answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.style import Style
from rich.text import Text

from dub_platform.local.stack import CHECKOUT, StackError

SAMPLE = CHECKOUT / "examples" / "sample" / "harbor.mp4"
SAMPLE_SECONDS = 30.0
SPOKEN, PREFERRED, AT_MOST = "en", ("es", "ca"), 2
POLL_SECONDS = 0.4
# Only a platform that hangs takes so long, however busy the machine is.
DEADLINE_SECONDS = 7200
LAST_WORDS_SECONDS = 30
_AT_WORK = """
    { runsOrError(filter: {statuses: [STARTING, STARTED]}) { ... on Runs { results { runId } } } }
"""

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """One artifact of the result: its address, and its numbers."""

    artifact: str
    where: str
    numbers: str


def client_of(url: str) -> httpx.Client:
    """Make a client of a server on this machine, without any proxy."""
    return httpx.Client(base_url=url, timeout=60, trust_env=False)


def choose_languages(client: httpx.Client) -> tuple[str, ...]:
    """Choose two of the available languages, Spanish and Catalan if they are available.

    Returns one if there is only one. Raises StackError if there is none.
    """
    answer = client.get("/languages", params={"source_language": SPOKEN})
    offered = [each["language"] for each in _read_answer(answer)["languages"]]
    if not offered:
        raise StackError(
            "Nothing can be dubbed into here, because no language is installed that the sample's "
            "English can be translated into. Have apertium-eng-spa installed and start again."
        )
    return tuple(sorted(offered, key=_preference)[:AT_MOST])


def _preference(language: str) -> int:
    return PREFERRED.index(language) if language in PREFERRED else len(PREFERRED)


def hand_in(client: httpx.Client, languages: Sequence[str]) -> Answer:
    """POST the sample for these languages, and return the API's answer."""
    with SAMPLE.open("rb") as file:
        answer = client.post(
            "/videos",
            files={"file": (SAMPLE.name, file, "video/mp4")},
            data={"languages": ",".join(languages), "title": "A morning at the harbor"},
        )
    return _read_answer(answer)


def follow(
    client: httpx.Client, video_id: str, console: Console, stopped: Callable[[], None]
) -> None:
    """Print each stage as it is reached, until all languages are released.

    Raises StackError if a dub fails or nothing ends in time; `stopped` raises if a server has died.
    """
    began, seen = time.monotonic(), set[tuple[str, str]]()
    while time.monotonic() - began < DEADLINE_SECONDS:
        stopped()
        video = _read_answer(client.get(f"/videos/{video_id}"))
        for who, stage in _stages(video):
            if (who, stage) not in seen:
                seen.add((who, stage))
                console.print(f"  {time.monotonic() - began:6.1f} s  {who:<6} {stage}")
        if all(dub["status"] == "released" for dub in video["dubs"]):
            return
        time.sleep(POLL_SECONDS)
    raise StackError(f"The dubs were not released within {DEADLINE_SECONDS} s.")


def await_last_words(dagster: httpx.Client) -> None:
    """Wait until no run is active any more, at most LAST_WORDS_SECONDS.

    Dagster learns of a release a moment after the viewers. A run stopped in between would be
    repeated at the next start.
    """
    began = time.monotonic()
    while time.monotonic() - began < LAST_WORDS_SECONDS:
        answer = dagster.post("/graphql", json={"query": _AT_WORK})
        if not answer.raise_for_status().json()["data"]["runsOrError"]["results"]:
            return
        time.sleep(POLL_SECONDS)


def results(client: httpx.Client, video_id: str, languages: Sequence[str]) -> Iterator[Shown]:
    """Yield the results, each fetched to be sure that it exists."""
    for language in languages:
        dub = _read_answer(client.get(f"/videos/{video_id}/dubs/{language}"))
        numbers = dub["numbers"]
        yield Shown(
            f"track, {language}",
            dub["track_url"],
            f"{numbers['seconds']:.2f} s, {numbers['lufs']:.1f} LUFS, "
            f"{numbers['true_peak_db']:.1f} dBTP, onset p95 {numbers['onset_p95_ms']:.0f} ms, "
            f"tempo p95 {numbers['tempo_p95']:.2f}, ${numbers['cost_usd']:.2f}",
        )
        for kind, url in dub["captions_urls"].items():
            yield Shown(f"captions, {language}, {kind}", url, _size(client, url))
    yield Shown("film, all languages", dub["video_url"], _size(client, dub["video_url"]))


def paces(
    reached: Mapping[tuple[str, str], float], sample_seconds: float
) -> Iterator[tuple[str, float, float]]:
    """Yield how long each stage took: its name, seconds, and seconds for each of the sample's.

    A stage ends when the next one of the same video or language is reached. Waiting is left out.
    """
    moments = list(reached.items())
    for place, ((who, stage), began) in enumerate(moments):
        ends = (at for (other, _), at in moments[place + 1 :] if other == who)
        ended = next(ends, None)
        if ended is not None and stage != "queued":
            yield f"{who} {stage}", ended - began, (ended - began) / sample_seconds


def show(made: Iterable[Shown], console: Console) -> None:
    """Print the results; each address stands alone on its line, so that it can be copied."""
    for each in made:
        console.print(f"\n{each.artifact:<20} {each.numbers}", markup=False)
        show_link(each.where, console)


def show_link(address: str, console: Console) -> None:
    """Print an address, as a link if the terminal supports that."""
    link = Text(address, style=Style(link=address))
    console.print(link, no_wrap=True, overflow="ignore", crop=False)


def _stages(video: Answer) -> Iterator[tuple[str, str]]:
    if video["status"] == "failed":
        raise StackError(f"The video failed: {video['error']['message']}")
    yield "video", video.get("stage") or video["status"]
    for dub in video["dubs"]:
        if dub["status"] == "failed":
            raise StackError(f"The dub in {dub['language']} failed: {dub['error']['message']}")
        yield dub["language"], dub["status"] if dub["status"] == "released" else _stage(dub)


def _stage(dub: Answer) -> str:
    return str(dub.get("stage") or dub["status"])


def _size(client: httpx.Client, url: str) -> str:
    answer = client.head(url).raise_for_status()
    return f"{int(answer.headers['content-length']):,} bytes"


def _read_answer(answer: httpx.Response) -> Answer:
    body: Answer = answer.json()
    if answer.is_error:
        raise StackError(f"The API answered {answer.status_code}: {body.get('detail')}")
    return body
