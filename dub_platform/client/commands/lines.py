"""Commands about the lines of a dub: reading, editing, and taking them to a subtitle editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from dub_platform.client import subrip
from dub_platform.client.answers import LineAnswer
from dub_platform.client.client import DubClient, tag_of
from dub_platform.client.commands.parsing import Asked, Commands, about_dub, command, whole_id
from dub_platform.client.commands.videos import show_video, wait_for
from dub_platform.client.errors import LineChangedError, WrongUseError
from dub_platform.client.seen import Seen
from dub_platform.client.terminal import out, plain, show_json

# Below this nobody hears it.
_FASTER = 1.05
_STANDARD_INPUT = Path("-")


def add_to(commands: Commands) -> None:
    """The commands of this module."""
    lines = command(commands, "lines", "what a dub says", _lines, "dub lines up-e3c8 es --problems")
    does = "those that are hard to fit, or not spoken yet"
    about_dub(lines).add_argument("--problems", action="store_true", help=does)

    does = "have a line say something else"
    edit = command(commands, "edit", does, _edit, 'dub edit up-e3c8 es 3 "Bon dia."')
    about_dub(edit).add_argument("number", type=int, help="the line's, as `dub lines` shows it")
    edit.add_argument("text", nargs="?", help="- reads it; without it, your editor opens")
    edit.add_argument("--file", type=Path, help="a file with the text")
    edit.add_argument("--if", dest="tag", metavar="TAG", help="only if `dub lines` still shows it")
    edit.add_argument("--back", action="store_true", help="go back to the translation")
    edit.add_argument("--wait", action="store_true", help="until it is released with the line")

    does = "write the lines into a file for a subtitle editor"
    export = command(commands, "export", does, _export, "dub export up-e3c8 es lines.srt")
    about_dub(export).add_argument("file", type=Path, help="- prints it")
    does = "take the lines of such a file that say something else"
    import_ = command(commands, "import", does, _import, "dub import up-e3c8 es lines.srt --wait")
    about_dub(import_).add_argument("file", type=Path, help="- reads it")
    import_.add_argument("--wait", action="store_true", help="until it is released with them")


def _lines(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    script = client.script(video_id, asked.language)
    _note(client, video_id, asked.language, script["lines"])
    shown = [line for line in script["lines"] if not asked.problems or _problem(line)]
    if asked.json:
        show_json({**script, "lines": [{**line, "tag": tag_of(line)} for line in shown]})
        return 0
    number = Column("line", justify="right", no_wrap=True)
    narrow = [Column(name, no_wrap=True) for name in ("tag", "at")]
    table = Table(number, *narrow, "said", "dubbed", box=SIMPLE, pad_edge=False)
    for line in shown:
        table.add_row(*_cells(line))
    out.print(table)
    for edit in script["not_applied"]:
        out.print(f"Not spoken, as nobody says it any more: {plain(edit.get('text', ''))}")
    return 0


def _cells(line: LineAnswer) -> Sequence[str | Text]:
    dubbed = Text(plain(line["text"]))
    if line["edited"]:
        dubbed += Text(" (edited)", style="dim")
    if problem := _problem(line):
        dubbed += Text(f" ({problem})", style="yellow")
    if "released" in line and line["released"]["tempo"] >= _FASTER:
        dubbed += Text(f" (\u00d7{line['released']['tempo']:.2f})", style="dim")
    at = f"{line['start']:.1f}-{line['end']:.1f}"
    return str(line["number"]), tag_of(line), at, Text(plain(line["source"])), dubbed


def _problem(line: LineAnswer) -> str:
    """What is to be looked at; nothing where all is well."""
    placed = line.get("released")
    if placed is None or placed["text"] != line["text"]:
        return "not spoken yet"
    return "hard to fit" if placed["flagged"] else ""


def _edit(client: DubClient, asked: Asked) -> int:
    video_id, language, number = whole_id(client, asked.id), asked.language, asked.number
    seen = Seen.of(client.url, video_id, language)
    before = client.line(video_id, language, number)
    tag = asked.tag or seen.tags.get(number) or tag_of(before)
    if tag != tag_of(before):
        raise LineChangedError(before)
    if asked.back:
        line = client.revert(video_id, language, number, tag=tag)
    else:
        line = client.edit(video_id, language, number, _text(asked, before), tag=tag)
    seen.note({number: tag_of(line)})
    if not asked.json:
        out.print(f"Line {number}, version {tag}, said: {plain(before['text'])}")
        out.print(f"Line {number} says now, version {tag_of(line)}: {plain(line['text'])}")
    if asked.wait:
        return show_video(wait_for(client, video_id, [language]), [language], asked.json)
    if asked.json:
        show_json(line)
    return 0


def _text(asked: Asked, line: LineAnswer) -> str:
    """The text, from wherever it is to come."""
    if asked.text is not None and asked.file is not None:
        raise WrongUseError("There are two texts, on the command line and in a file: give one.")
    if asked.file is not None:
        return _read(asked.file).strip()
    if asked.text == str(_STANDARD_INPUT) or (asked.text is None and not is_typing()):
        return sys.stdin.read().strip()
    return str(asked.text) if asked.text is not None else _typed(line)


def is_typing() -> bool:
    """Whether somebody sits at the terminal, who can be shown an editor."""
    return sys.stdin.isatty()


def _typed(line: LineAnswer) -> str:
    """What somebody has made of the line in their editor."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.txt"
        file.write_text(f"{line['text']}\n# Said originally: {plain(line['source'])}\n")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise WrongUseError(
                f"The editor did not work, so nothing was written: {error}"
            ) from error
        rows = [row for row in file.read_text().splitlines() if not row.startswith("#")]
    text = " ".join(" ".join(rows).split())
    if text == line["text"] or not text:
        raise WrongUseError("The text was not changed, so nothing was written.")
    return text


def _export(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    lines = client.lines(video_id, asked.language)
    _note(client, video_id, asked.language, lines)
    if asked.json:
        show_json(lines)
    elif asked.file == _STANDARD_INPUT:
        sys.stdout.write(subrip.written(lines))
    else:
        asked.file.write_text(subrip.written(lines))
        out.print(f"{asked.file} has {len(lines)} lines. Change their text, and import it.")
    return 0


def _import(client: DubClient, asked: Asked) -> int:
    video_id, language = whole_id(client, asked.id), asked.language
    text = sys.stdin.read() if asked.file == _STANDARD_INPUT else _read(asked.file)
    texts = subrip.read(text, client.lines(video_id, language))
    seen = Seen.of(client.url, video_id, language)
    if texts:
        script = client.edit_lines(video_id, language, texts, tags=seen.tags)
        seen.note({line["number"]: tag_of(line) for line in script["lines"]})
    if asked.wait:
        return show_video(wait_for(client, video_id, [language]), [language], asked.json)
    if asked.json:
        show_json({"edited": sorted(texts)})
    else:
        numbers = ", ".join(map(str, sorted(texts)))
        out.print(f"Lines that say something else now: {numbers}" if texts else "Nothing is new.")
    return 0


def _note(client: DubClient, video_id: str, language: str, lines: Sequence[LineAnswer]) -> None:
    tags = {line["number"]: tag_of(line) for line in lines}
    Seen.of(client.url, video_id, language).note(tags)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise WrongUseError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        raise WrongUseError(f"{path} cannot be read: {error}.") from error
