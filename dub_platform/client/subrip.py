"""The lines of a dub or of a video's speech as SubRip, to edit them in a subtitle editor.

    text = format_srt(client.lines("dQw4w9WgXcQ", "es"))
    read(text, client.lines("dQw4w9WgXcQ", "es"))       # {3: "Bon dia."}: the lines that differ

A cue belongs to the line with the same start, whatever number the editor gave it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dub_platform.client.answers import LineAnswer, SourceLineAnswer
from dub_platform.client.errors import WrongUseError

Line = LineAnswer | SourceLineAnswer
# An editor may round times to the film's frames.
_NEAR_SECONDS = 0.05
_TIME = r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_MARKUP = re.compile(r"</?[a-zA-Z][^>]*>")


def format_srt(lines: Sequence[Line]) -> str:
    """Return the lines as SubRip, each at the time of the original speech."""
    return "\n".join(
        f"{line['number'] + 1}\n{_clock(line['start'])} --> {_clock(line['end'])}\n{line['text']}\n"
        for line in lines
    )


def read(text: str, lines: Sequence[Line]) -> Mapping[int, str]:
    """Return the texts of cues that differ from their lines, by line number.

    Raises WrongUseError for a cue that belongs to no line.
    """
    found: dict[int, str] = {}
    for place, cue in enumerate(
        re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip("\ufeff\n "))
    ):
        rows = cue.splitlines()
        at = next((number for number, row in enumerate(rows) if _TIMES.match(row)), None)
        if at is None:
            raise WrongUseError(
                f"This is no SubRip: its part {place + 1} has no time: {cue[:60]!r}"
            )
        line = _line_at(rows[at], lines)
        said = " ".join(_MARKUP.sub("", " ".join(rows[at + 1 :])).split())
        if said != " ".join(line["text"].split()):
            found[line["number"]] = said
    return found


def _line_at(row: str, lines: Sequence[Line]) -> Line:
    times = _TIMES.match(row)
    assert times
    hours, minutes, seconds, part = times.groups()[:4]
    start = 3600 * int(hours) + 60 * int(minutes) + int(seconds) + float(f"0.{part}")
    # By the time and not by the number: editors number cues anew when one is deleted.
    nearest = min(lines, key=lambda line: abs(line["start"] - start), default=None)
    if nearest is None or abs(nearest["start"] - start) > _NEAR_SECONDS:
        raise WrongUseError(
            f"No line begins at {row.strip()}: only the text of a line can be changed, "
            "not its time. Export the lines anew."
        )
    return nearest


def _clock(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    whole = f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}"
    return f"{whole},{rest % 1000:03}"
