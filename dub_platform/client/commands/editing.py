"""What editing a line of a dub and correcting one of a video have in common.

    add_text(about_dub(edit), back="go back to the translation")
    tag = seen_tag(asked, line, Seen.of(client.url, video_id, "es"))
    text = text_of(asked, line["text"], line["source"])

A text comes from the command line, a file, a pipe or an editor, and is written over none but the
one that was seen.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dub_platform.client import subrip
from dub_platform.client.client import tag_of
from dub_platform.client.commands.parsing import Asked, Parser
from dub_platform.client.errors import LineChangedError, WrongUseError
from dub_platform.client.seen import Seen
from dub_platform.client.subrip import Line
from dub_platform.client.terminal import out, plain, show_json

STANDARD_INPUT = Path("-")


def add_text(parser: Parser, back: str, nargs: str | None = None) -> Parser:
    """Add the arguments of a command about a line and its text; return the parser."""
    parser.add_argument("number", type=int, nargs=nargs, help="the line's, as it is shown")
    parser.add_argument("text", nargs="?", help="- reads it; without it, your editor opens")
    parser.add_argument("--file", type=Path, help="a file with the text")
    parser.add_argument("--if", dest="tag", metavar="TAG", help="only if this is still its tag")
    parser.add_argument("--back", action="store_true", help=back)
    return parser


def note_seen(seen: Seen, lines: Sequence[Line]) -> None:
    """Note that somebody sees these lines now."""
    seen.note({line["number"]: tag_of(line) for line in lines})


def seen_tag(asked: Asked, line: Line, seen: Seen) -> str:
    """Return the line's tag, if it is the one that was named or seen. Raises LineChangedError."""
    if (asked.tag or seen.tags.get(asked.number) or tag_of(line)) != tag_of(line):
        raise LineChangedError(line)
    return tag_of(line)


def show_change(asked: Asked, before: Line, line: Line, seen: Seen) -> None:
    """Show which version was changed and what it is now, and note that this was seen."""
    note_seen(seen, [line])
    if not asked.json:
        out.print(f"Line {asked.number}, version {tag_of(before)}, said: {plain(before['text'])}")
        out.print(f"Line {asked.number} says now, version {tag_of(line)}: {plain(line['text'])}")


def text_of(asked: Asked, before: str, heard: str) -> str:
    """Return the text, from the command line, a file, a pipe or an editor."""
    if asked.text is not None and asked.file is not None:
        raise WrongUseError("There are two texts, on the command line and in a file: give one.")
    if asked.file is not None:
        return _read(asked.file).strip()
    if asked.text == str(STANDARD_INPUT) or (asked.text is None and not is_typing()):
        return sys.stdin.read().strip()
    return str(asked.text) if asked.text is not None else _open_editor(before, heard)


def is_typing() -> bool:
    """Tell whether somebody sits at the terminal, who can be shown an editor."""
    return sys.stdin.isatty()


def read_text(path: Path) -> str:
    """Return the text of a file, or of standard input for `-`. Raises WrongUseError."""
    return sys.stdin.read() if path == STANDARD_INPUT else _read(path)


def write_lines(asked: Asked, path: Path, lines: Sequence[Line]) -> int:
    """Write lines for a subtitle editor, or print them for `-`; return the exit status."""
    if asked.json:
        show_json(lines)
    elif path == STANDARD_INPUT:
        sys.stdout.write(subrip.format_srt(lines))
    else:
        path.write_text(subrip.format_srt(lines))
        out.print(f"{path} has {len(lines)} lines. Change their text, and bring it back.")
    return 0


def show_taken(asked: Asked, texts: Mapping[int, str]) -> None:
    """Show which lines of such a file were taken."""
    if asked.json:
        show_json({"edited": sorted(texts)})
    else:
        numbers = ", ".join(map(str, sorted(texts)))
        out.print(f"Lines that say something else now: {numbers}" if texts else "Nothing is new.")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise WrongUseError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        raise WrongUseError(f"{path} cannot be read: {error}.") from error


def _open_editor(before: str, heard: str) -> str:
    """Return the line as somebody has changed it in their editor. Raises WrongUseError."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.txt"
        file.write_text(f"{before}\n# Heard: {plain(heard)}\n")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise WrongUseError(
                f"The editor did not work, so nothing was written: {error}"
            ) from error
        # A line that was heard is shown as a comment, as git does in a commit's message.
        rows = [row for row in file.read_text().splitlines() if not row.startswith("#")]
    text = " ".join(" ".join(rows).split())
    if text == before or not text:
        raise WrongUseError("The text was not changed, so nothing was written.")
    return text
