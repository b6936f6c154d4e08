"""The command `dub`.

    dub add clip.mp4 --to es,fr --wait
    dub status dQw4w9WgXcQ
    dub lines dQw4w9WgXcQ es
    dub edit dQw4w9WgXcQ es 3 "Bon dia."
    dub remove dQw4w9WgXcQ

DUB_URL says where the platform is, DUB_API_KEY has the key.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import rich.progress
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from dub_platform.client.client import Answer, DubClient
from dub_platform.client.errors import DubClientError

# The stages of a dub, in their order: how many are behind it is how far it is.
STAGES = (
    "queued",
    "source_media",
    "audio",
    "transcript",
    "translation",
    "speech",
    "dubbed_track",
    "r2_object",
    "released",
)
console = Console(soft_wrap=True, highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        with DubClient.from_environment() as client:
            return int(asked.run(client, asked))
    except DubClientError as error:
        console.print(f"[bold red]It did not work.[/] {escape(str(error))}")
    except KeyboardInterrupt:
        console.print("Stopped. What was handed in goes on.")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dub", description="Dub videos into other languages.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="hand in a file or a link")
    add.add_argument("source", help="a file, or a YouTube address or id")
    add.add_argument("--to", required=True, help="languages, as es,fr")
    add.add_argument("--wait", action="store_true", help="until all of them are released")
    add.set_defaults(run=_add)
    status = commands.add_parser("status", help="how far a video is, or the newest ones are")
    status.add_argument("id", nargs="?")
    status.set_defaults(run=_status)
    lines = commands.add_parser("lines", help="what a dub says")
    _about_dub(lines).set_defaults(run=_lines)
    edit = _about_dub(commands.add_parser("edit", help="have a line say something else"))
    edit.add_argument("number", type=int)
    edit.add_argument("text")
    edit.set_defaults(run=_edit)
    remove = commands.add_parser("remove", help="remove a video with all that was made of it")
    remove.add_argument("id")
    remove.set_defaults(run=_remove)
    return parser


def _about_dub(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("id")
    parser.add_argument("language")
    return parser


def _add(client: DubClient, asked: argparse.Namespace) -> int:
    video = client.add(asked.source, asked.to.split(","), opened=_shown_while_read)
    new = "is handed in" if video["created"] else "was handed in before"
    console.print(f"{escape(asked.source)} {new}: {video['id']}")
    if asked.wait:
        video = _followed(client, video["id"])
    console.print(_table(video))
    return _exit_status(video)


def _status(client: DubClient, asked: argparse.Namespace) -> int:
    if asked.id:
        video = client.video(asked.id)
        console.print(_table(video))
        return _exit_status(video)
    for _, video in zip(range(20), client.videos(), strict=False):
        console.print(f"{video['id']}  {video['status']:<9} {escape(video['title'])}")
    return 0


def _lines(client: DubClient, asked: argparse.Namespace) -> int:
    table = Table(Column("line", justify="right"), "at", "said", "dubbed", box=SIMPLE)
    for line in client.lines(asked.id, asked.language):
        edited = " [dim](edited)[/]" if line["edited"] else ""
        text = escape(line["text"]) + edited
        table.add_row(str(line["number"]), f"{line['start']:.1f} s", escape(line["source"]), text)
    console.print(table)
    return 0


def _edit(client: DubClient, asked: argparse.Namespace) -> int:
    line = client.edit(asked.id, asked.language, asked.number, asked.text)
    console.print(f"Line {line['number']} says now: {escape(line['text'])}")
    return 0


def _remove(client: DubClient, asked: argparse.Namespace) -> int:
    client.remove(asked.id)
    console.print(f"{escape(asked.id)} is removed.")
    return 0


def _shown_while_read(path: Path) -> BinaryIO:
    """The file, with a bar that shows how much of it was sent."""
    opened = rich.progress.open(path, "rb", description="Sending", console=console, transient=True)
    return cast(BinaryIO, opened)


def _followed(client: DubClient, video_id: str) -> Answer:
    """The video when it is over; a bar for each dub shows how far it is."""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[stage]}")
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars = {}
        for video in client.follow(video_id):
            for dub in video["dubs"]:
                language = dub["language"]
                if language not in bars:
                    bars[language] = progress.add_task(language, total=len(STAGES) - 1, stage="")
                stage = _stage(video, dub)
                done = STAGES.index(stage) if stage in STAGES else None
                progress.update(bars[language], completed=done, stage=stage)
    return video


def _stage(video: Answer, dub: Answer) -> str:
    """Where a dub is: its own stage once its video is prepared."""
    if dub["status"] in ("released", "failed"):
        return str(dub["status"])
    of = dub if video["status"] == "prepared" else video
    return str(of.get("stage") or "queued")


def _table(video: Answer) -> Table:
    table = Table("language", "status", "watch", box=SIMPLE)
    table.title = escape(video["title"] or video["id"])
    for dub in video["dubs"]:
        why = f": {escape(dub['error']['message'])}" if "error" in dub else ""
        table.add_row(dub["language"], _stage(video, dub) + why, dub["links"]["watch"])
    return table


def _exit_status(video: Answer) -> int:
    return 1 if any("error" in each for each in _parts(video)) else 0


def _parts(video: Answer) -> Iterable[Answer]:
    return (video, *video["dubs"])


if __name__ == "__main__":
    sys.exit(main())
