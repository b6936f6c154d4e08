"""Commands about what is said in a video: reading and correcting it, and how it is listened to."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from dub_platform.client import subrip
from dub_platform.client.client import DubClient, tag_of
from dub_platform.client.commands.editing import (
    add_text,
    note_seen,
    read_text,
    seen_tag,
    show_change,
    show_taken,
    text_of,
    write_lines,
)
from dub_platform.client.commands.parsing import (
    SHOWN,
    Asked,
    Commands,
    about_video,
    command,
    whole_id,
)
from dub_platform.client.commands.videos import show_video
from dub_platform.client.errors import WrongUseError
from dub_platform.client.seen import Seen
from dub_platform.client.terminal import out, plain, show_json


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    said = command(commands, "said", "what is said in a video", _list_said, "dub said up-e3c8")
    about_video(said).add_argument("--problems", action="store_true", help="what is doubted")
    said.add_argument("--to", type=Path, help="write all lines as SubRip there; - prints them")

    does = "correct what was heard in a line"
    correct = command(commands, "correct", does, _correct, 'dub correct up-e3c8 3 "Good day."')
    add_text(about_video(correct), back="go back to what was heard", nargs="?")
    does = "take all lines of such a file that say something else, at once"
    correct.add_argument("--from", dest="lines", metavar="FILE", type=Path, help=does)

    does = "have a video say what stands in captions"
    caption = command(commands, "caption", does, _caption, "dub caption up-e3c8 clip.srt")
    about_video(caption).add_argument("file", type=Path, help="SubRip, WebVTT or SBV")
    does = "say which language is spoken in a video"
    spoken = command(commands, "spoken", does, _name_language, "dub spoken up-e3c8 es")
    about_video(spoken).add_argument(
        "source_language", metavar="language", help="its code, or auto"
    )
    does = "have a video dubbed as it was heard"
    about_video(command(commands, "believe", does, _believe, "dub believe up-e3c8"))


def _list_said(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    said = client.said(video_id)
    note_seen(_read_seen(client, video_id), said["lines"])
    if asked.to:
        return write_lines(asked, asked.to, said["lines"])
    shown = [line for line in said["lines"] if not asked.problems or "doubt" in line]
    if asked.json:
        show_json({**said, "lines": [{**line, "tag": tag_of(line)} for line in shown]})
        return 0
    number = Column("line", justify="right", no_wrap=True)
    narrow = [Column(name, no_wrap=True) for name in ("tag", "at", "sure")]
    table = Table(number, *narrow, "said", box=SIMPLE, pad_edge=False)
    for line in shown:
        text = Text(plain(line["text"]))
        if line["corrected"]:
            text += Text(" (corrected)", style="dim")
        if "doubt" in line:
            text += Text(f" ({plain(line['doubt'])})", style="yellow")
        at = f"{line['start']:.1f}-{line['end']:.1f}"
        table.add_row(str(line["number"]), tag_of(line), at, f"{line['confidence']:.0%}", text)
    out.print(table if shown else "No line is doubted.")
    for edit in said["not_applied"]:
        out.print(f"Not used, as nobody says it any more: {plain(edit.get('text', ''))}")
    return 0


def _correct(client: DubClient, asked: Asked) -> int:
    if (asked.number is None) is (asked.lines is None):
        raise WrongUseError("Say which line is corrected, or with --from in which file lines are.")
    if asked.lines:
        return _correct_all(client, asked)
    video_id, number = whole_id(client, asked.id), asked.number
    before, seen = client.said_line(video_id, number), _read_seen(client, video_id)
    tag = seen_tag(asked, before, seen)
    if asked.back:
        line = client.uncorrect(video_id, number, tag=tag)
    else:
        text = text_of(asked, before["text"], before["heard"])
        line = client.correct(video_id, number, text, tag=tag)
    show_change(asked, before, line, seen)
    if asked.json:
        show_json(line)
    else:
        _show_stale(video_id)
    return 0


def _correct_all(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    texts = subrip.read(read_text(asked.lines), client.said(video_id)["lines"])
    seen = _read_seen(client, video_id)
    if texts:
        note_seen(seen, client.correct_lines(video_id, texts, tags=seen.tags)["lines"])
    show_taken(asked, texts)
    if texts and not asked.json:
        _show_stale(video_id)
    return 0


def _show_stale(video_id: str) -> None:
    out.print(f"Its dubs are stale by now: `dub retry {video_id[:SHOWN]}` makes them anew.")


def _read_seen(client: DubClient, video_id: str) -> Seen:
    """Return which lines of the video somebody has seen; a dub's lines are noted by its
    language."""
    return Seen.of(client.url, video_id, "")


def _caption(client: DubClient, asked: Asked) -> int:
    return show_video(client.caption(whole_id(client, asked.id), asked.file), (), asked.json)


def _name_language(client: DubClient, asked: Asked) -> int:
    video = client.name_language(whole_id(client, asked.id), asked.source_language)
    return show_video(video, (), asked.json)


def _believe(client: DubClient, asked: Asked) -> int:
    return show_video(client.believe(whole_id(client, asked.id)), (), asked.json)
