"""Commands about the lines of a dub: reading, editing, and taking them to a subtitle editor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from dub_platform.client import subrip
from dub_platform.client.answers import LineAnswer, TakeAnswer
from dub_platform.client.client import DubClient, tag_of
from dub_platform.client.commands.editing import (
    STANDARD_INPUT,
    add_text,
    note_seen,
    read_text,
    seen_tag,
    show_change,
    show_taken,
    text_of,
    write_lines,
)
from dub_platform.client.commands.parsing import Asked, Commands, about_dub, command, whole_id
from dub_platform.client.commands.videos import show_video, wait_for
from dub_platform.client.playing import play
from dub_platform.client.seen import Seen
from dub_platform.client.terminal import out, plain, show_json

# Below this nobody hears it.
_FASTER = 1.05


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    lines = command(commands, "lines", "what a dub says", _lines, "dub lines up-e3c8 es --problems")
    does = "those that are hard to fit, not spoken yet, or edited before a correction"
    about_dub(lines).add_argument("--problems", action="store_true", help=does)

    does = "have a line say something else"
    edit = command(commands, "edit", does, _edit, 'dub edit up-e3c8 es 3 "Bon dia."')
    add_text(about_dub(edit), back="go back to the translation")
    edit.add_argument("--wait", action="store_true", help="until it is released with the line")

    does = "play a line of a released dub or of a draft, or keep its sound"
    say = command(commands, "say", does, _say, "dub say up-e3c8 es 3")
    about_dub(say).add_argument("number", type=int, help="the line's, as it is shown")
    say.add_argument("--text", help="a draft of it, which is spoken and not published")
    say.add_argument("--to", type=Path, help="a file for the sound (FLAC); - writes it out")

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
    note_seen(Seen.of(client.url, video_id, asked.language), script["lines"])
    shown = [line for line in script["lines"] if not asked.problems or _problem(line)]
    if asked.json:
        show_json({**script, "lines": [{**line, "tag": tag_of(line)} for line in shown]})
        return 0
    number = Column("line", justify="right", no_wrap=True)
    narrow = [Column(name, no_wrap=True) for name in ("tag", "at")]
    table = Table(number, *narrow, "said", "dubbed", box=SIMPLE, pad_edge=False)
    for line in shown:
        table.add_row(*_cells(line))
    out.print(table if shown else "No line has a problem.")
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
    """Return what somebody should look at; nothing where all is well."""
    if line.get("stale"):
        return "edited before its source was corrected"
    placed = line.get("released")
    if placed is None or placed["text"] != line["text"]:
        return "not spoken yet"
    return "hard to fit" if placed["flagged"] else ""


def _edit(client: DubClient, asked: Asked) -> int:
    video_id, language, number = whole_id(client, asked.id), asked.language, asked.number
    seen = Seen.of(client.url, video_id, language)
    before = client.line(video_id, language, number)
    tag = seen_tag(asked, before, seen)
    if asked.back:
        line = client.revert(video_id, language, number, tag=tag)
    else:
        text = text_of(asked, before["text"], before["source"])
        line = client.edit(video_id, language, number, text, tag=tag)
    show_change(asked, before, line, seen)
    if asked.wait:
        return show_video(wait_for(client, video_id, [language]), [language], asked.json)
    if asked.json:
        show_json(line)
    return 0


def _say(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    numbered = video_id, asked.language, asked.number
    draft = client.speak(*numbered, asked.text) if asked.text else None
    sound = client.take(*numbered, draft and draft["text"])
    if asked.to == STANDARD_INPUT and not asked.json:
        sys.stdout.buffer.write(sound)
        return 0
    if asked.to and asked.to != STANDARD_INPUT:
        asked.to.write_bytes(sound)
    if asked.json:
        show_json({**(draft or client.line(*numbered)), "bytes": len(sound)})
        return 0
    if draft:
        out.print(_fit(draft))
    if asked.to:
        out.print(f"{asked.to} is written.")
    else:
        play(sound, ".flac")
    return 0


def _fit(draft: TakeAnswer) -> str:
    """Say how a draft would be heard in a release."""
    lasts = f"It lasts {draft['seconds']:.1f} s where there are {draft['room_seconds']:.1f} s"
    if draft["fits"]:
        return f"{lasts}: it fits."
    return f"{lasts}: it would be said \u00d7{draft['tempo']:.2f}, so make it shorter."


def _export(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    lines = client.lines(video_id, asked.language)
    note_seen(Seen.of(client.url, video_id, asked.language), lines)
    return write_lines(asked, asked.file, lines)


def _import(client: DubClient, asked: Asked) -> int:
    video_id, language = whole_id(client, asked.id), asked.language
    texts = subrip.read(read_text(asked.file), client.lines(video_id, language))
    seen = Seen.of(client.url, video_id, language)
    if texts:
        script = client.edit_lines(video_id, language, texts, tags=seen.tags)
        note_seen(seen, script["lines"])
    if asked.wait:
        return show_video(wait_for(client, video_id, [language]), [language], asked.json)
    show_taken(asked, texts)
    return 0
