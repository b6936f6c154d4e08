"""How commands are read, and whose video they are about.

about_video(command(commands, "remove", "remove a video", _remove, "dub remove up-e3c8"))
whole_id(client, "up-e3c8")         # "up-e3c8436c19cbdbd835190ddfc41b175c"
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol
from urllib.parse import parse_qs, urlsplit

from dub_platform.client.client import DubClient
from dub_platform.client.errors import WrongUseError

Asked = argparse.Namespace
Run = Callable[[DubClient, Asked], int]
# As much of an id as is shown: all of YouTube's, and enough of an upload's.
SHOWN = 11
_WHOLE = re.compile(r"(?:up|yt)-[0-9a-f]{32}|(?!up-|yt-)[A-Za-z0-9_-]{11}")
_MOST_ALIKE = 20


class Parser(argparse.ArgumentParser):
    """Prints the usage and an example where a command was written in another way."""

    example: str | None = None

    def error(self, message: str) -> NoReturn:
        """Exit with what is wrong and an example."""
        example = f"For example: {self.example}\n" if self.example else ""
        self.exit(2, f"{self.format_usage()}{self.prog}: {message}\n{example}")


class Commands(Protocol):
    """Where commands are added."""

    def add_parser(self, name: str, *, help: str, description: str) -> Parser:  # noqa: A002 - argparse's own name
        """A new one."""
        ...


def command(commands: Commands, name: str, does: str, run: Run, example: str) -> Parser:
    """Add a command, which can answer with the API's JSON; return its parser."""
    parser = commands.add_parser(name, help=does, description=f"{does[:1].upper()}{does[1:]}.")
    parser.example = example
    parser.epilog = f"For example: {example}"
    parser.add_argument("--json", action="store_true", help="the API's answer as it is")
    parser.set_defaults(run=run)
    return parser


def about_video(parser: Parser) -> Parser:
    """Add the argument of a command about one video; return the parser."""
    parser.add_argument("id", help="its id, the beginning of it, or its link")
    return parser


def about_dub(parser: Parser) -> Parser:
    """Add the arguments of a command about one dub; return the parser."""
    about_video(parser).add_argument("language", help="such as es")
    return parser


def add_wording(parser: Parser) -> Parser:
    """Add the options that say how a dub is worded; return the parser."""
    parser.add_argument("--glossary", help='JSON, or a file of it: {"Acme": null}')
    parser.add_argument("--formality", choices=("neutral", "formal", "informal"))
    return parser


def wording(asked: Asked) -> dict[str, Any]:
    """Return the wording that was given, by the names of the client's arguments. Raises
    WrongUseError."""
    return {"glossary": _glossary(asked.glossary), "formality": asked.formality}


def _glossary(given: str | None) -> Mapping[str, Any] | None:
    if given is None:
        return None
    text = given if given.lstrip().startswith("{") else _read(Path(given))
    try:
        glossary: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise WrongUseError(
            f'The glossary is no JSON ({error}): {{"Acme": null, "harbor": {{"es": "puerto"}}}}'
        ) from error
    return glossary


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise WrongUseError(f"There is no file {path} that can be read: {error}.") from error


def split_list(text: str) -> list[str]:
    """Split `es,ca` into a list."""
    return [each.strip() for each in text.split(",") if each.strip()]


def whole_id(client: DubClient, given: str | None) -> str:
    """Return the id that is meant by a whole id, its beginning, or a link; the newest video's for
    None. Raises WrongUseError."""
    if given is None:
        newest = next(client.videos(limit=1), None)
        if newest is None:
            raise WrongUseError(
                "There is no video yet: hand one in, as with `dub add clip.mp4 --to es`."
            )
        return newest["id"]
    text = _in_link(given)
    if _WHOLE.fullmatch(text):
        return text
    alike = itertools.islice(client.videos(search=text, limit=_MOST_ALIKE), _MOST_ALIKE)
    ids = [row["id"] for row in alike if row["id"].startswith(text)]
    if text in ids or len(ids) == 1:
        return text if text in ids else ids[0]
    if not ids:
        raise WrongUseError(f"There is no video whose id begins with {text}; see `dub videos`.")
    raise WrongUseError(f"{text} is the beginning of {len(ids)} ids: {', '.join(ids)}.")


def _in_link(given: str) -> str:
    """Return the id in the address of a watch page or of the API; else what was given."""
    if "://" not in given:
        return given
    address = urlsplit(given)
    queried = parse_qs(address.query).get("v")
    _, _, path = address.path.partition("/videos/")
    return queried[0] if queried else path.partition("/")[0] or given
