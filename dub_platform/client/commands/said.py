"""Commands about what is said in a video: reading and correcting it, and how it is listened to."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from dub_platform.client.answers import SourceLineAnswer
from dub_platform.client.client import DubClient, tag_of
from dub_platform.client.commands.parsing import Asked, Commands, about_video, command, whole_id
from dub_platform.client.commands.videos import show_video
from dub_platform.client.errors import WrongUseError
from dub_platform.client.terminal import out, plain, show_json


def add_to(commands: Commands) -> None:
    """The commands of this module."""
    about_video(command(commands, "said", "what is said in a video", _said, "dub said up-e3c8"))

    does = "correct what was heard in a line"
    correct = command(commands, "correct", does, _correct, 'dub correct up-e3c8 3 "Good day."')
    about_video(correct).add_argument("number", type=int, help="the line's, as `dub said` shows it")
    correct.add_argument("text", nargs="?", help="what is said in it")
    correct.add_argument(
        "--if", dest="tag", metavar="TAG", help="only if `dub said` still shows it"
    )
    correct.add_argument("--back", action="store_true", help="go back to what was heard")

    does = "have a video say what stands in captions"
    caption = command(commands, "caption", does, _caption, "dub caption up-e3c8 clip.srt")
    about_video(caption).add_argument("file", type=Path, help="SubRip, WebVTT or SBV")
    does = "say which language is spoken in a video"
    spoken = command(commands, "spoken", does, _spoken, "dub spoken up-e3c8 es")
    about_video(spoken).add_argument(
        "source_language", metavar="language", help="its code, or auto"
    )
    does = "have a video dubbed as it was heard"
    about_video(command(commands, "believe", does, _believe, "dub believe up-e3c8"))


def _said(client: DubClient, asked: Asked) -> int:
    said = client.said(whole_id(client, asked.id))
    if asked.json:
        show_json({**said, "lines": [{**line, "tag": tag_of(line)} for line in said["lines"]]})
        return 0
    number = Column("line", justify="right", no_wrap=True)
    narrow = [Column(name, no_wrap=True) for name in ("tag", "at", "sure")]
    table = Table(number, *narrow, "said", box=SIMPLE, pad_edge=False)
    for line in said["lines"]:
        text = Text(plain(line["text"]))
        if line["corrected"]:
            text += Text(" (corrected)", style="dim")
        at = f"{line['start']:.1f}-{line['end']:.1f}"
        table.add_row(str(line["number"]), tag_of(line), at, f"{line['confidence']:.0%}", text)
    out.print(table)
    for edit in said["not_applied"]:
        out.print(f"Not used, as nobody says it any more: {plain(edit.get('text', ''))}")
    return 0


def _correct(client: DubClient, asked: Asked) -> int:
    video_id = whole_id(client, asked.id)
    if asked.back == (asked.text is not None):
        raise WrongUseError("Say what is said in the line, or --back: one of the two.")
    line: SourceLineAnswer = (
        client.uncorrect(video_id, asked.number, tag=asked.tag)
        if asked.back
        else client.correct(video_id, asked.number, asked.text, tag=asked.tag)
    )
    if asked.json:
        show_json(line)
    else:
        out.print(f"Line {line['number']} is taken for now: {plain(line['text'])}")
        out.print("Its dubs are stale by now: `dub dub` brings one up to date.")
    return 0


def _caption(client: DubClient, asked: Asked) -> int:
    return show_video(client.caption(whole_id(client, asked.id), asked.file), (), asked.json)


def _spoken(client: DubClient, asked: Asked) -> int:
    video = client.name_language(whole_id(client, asked.id), asked.source_language)
    return show_video(video, (), asked.json)


def _believe(client: DubClient, asked: Asked) -> int:
    return show_video(client.believe(whole_id(client, asked.id)), (), asked.json)
