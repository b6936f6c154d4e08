"""The command's output: plain words, and links that can be clicked and copied.

    out.print(heading("A morning at the harbor"))
    show_link("http://127.0.0.1:5001/watch?v=dQw4w9WgXcQ")

Results go to standard output, progress and errors to standard error. If one of them is no terminal,
it gets plain text only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from dub_platform.client.following import time_of

out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
err = Console(soft_wrap=True, highlight=False, markup=False, emoji=False, stderr=True)

_STATES = {"released": "green", "failed": "red", "prepared": "green"}
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def plain(text: str) -> str:
    """Return `text` without control characters, because titles are written by strangers."""
    return "".join(each if each.isprintable() else " " for each in text)


def heading(text: str) -> Text:
    """Format a title."""
    return Text(plain(text), style="bold")


def state(word: str) -> Text:
    """Format a status, in its colour."""
    return Text(plain(word), style=_STATES.get(word.partition(" ")[0], ""))


def show_link(address: str) -> None:
    """Print an address alone on its line, as a link if the terminal supports that."""
    shown = plain(address)
    link = Text(shown, style=Style(link=shown))
    out.print(link, no_wrap=True, overflow="ignore", crop=False)


def show_json(answer: Any) -> None:
    """Print an answer of the API as JSON, for programs."""
    out.print(json.dumps(answer, ensure_ascii=False, indent=2))


def show_json_line(answer: Any) -> None:
    """Print an answer of the API as JSON on one line, as one of many."""
    out.print(json.dumps(answer, ensure_ascii=False))


def show_refusal(sentence: str) -> None:
    """Print that it did not work, and why."""
    err.print(Text("It did not work. ", style="bold red") + Text(plain(sentence)))


def note_once() -> Callable[[str], None]:
    """Return a function that prints a sentence for somebody who waits, but never twice in a row."""
    last = ""

    def note(sentence: str) -> None:
        nonlocal last
        if sentence != last:
            err.print(plain(sentence), style="dim")
        last = sentence

    return note


def age(text: str, now: datetime | None = None) -> str:
    """Return how long ago a time of the API was: `3 min ago`."""
    seconds = ((now or datetime.now(timezone.utc)) - time_of(text)).total_seconds()
    return f"{span(max(seconds, 0))} ago"


def span(seconds: float) -> str:
    """Return a duration in its largest unit: `40 s`, `3 min`, `2 h`."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
