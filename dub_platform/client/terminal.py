"""What the command shows: plain words, and links that can be clicked and copied.

    out.print(heading("A morning at the harbor"))
    show_link("http://127.0.0.1:5001/watch?v=dQw4w9WgXcQ")

Answers go to standard output, how far something is and what did not work to standard error. Where
one of them is no terminal, nothing but text goes there.
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
    """`text` without what a terminal would take for a command: titles are written by strangers."""
    return "".join(each if each.isprintable() else " " for each in text)


def heading(text: str) -> Text:
    """A title."""
    return Text(plain(text), style="bold")


def state(word: str) -> Text:
    """What something has become."""
    return Text(plain(word), style=_STATES.get(word.partition(" ")[0], ""))


def show_link(address: str) -> None:
    """An address alone on its line and whole; it can be clicked where the terminal can that."""
    shown = plain(address)
    link = Text(shown, style=Style(link=shown))
    out.print(link, no_wrap=True, overflow="ignore", crop=False)


def show_json(answer: Any) -> None:
    """The API's answer, as a program reads it."""
    out.print(json.dumps(answer, ensure_ascii=False, indent=2))


def show_json_line(answer: Any) -> None:
    """The same on one line, as one of many."""
    out.print(json.dumps(answer, ensure_ascii=False))


def show_refusal(sentence: str) -> None:
    """Say that it did not work, and why."""
    err.print(Text("It did not work. ", style="bold red") + Text(plain(sentence)))


def note_once() -> Callable[[str], None]:
    """Something that says a sentence to who waits, unless it said the same last."""
    last = ""

    def note(sentence: str) -> None:
        nonlocal last
        if sentence != last:
            err.print(plain(sentence), style="dim")
        last = sentence

    return note


def age(text: str, now: datetime | None = None) -> str:
    """How long ago a time of the API's was: `3 min ago`."""
    seconds = ((now or datetime.now(timezone.utc)) - time_of(text)).total_seconds()
    return f"{span(max(seconds, 0))} ago"


def span(seconds: float) -> str:
    """About how long that is, in its largest unit: `40 s`, `3 min`, `2 h`."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
