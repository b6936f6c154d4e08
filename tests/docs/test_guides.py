"""The commands of README, guides and operators' pages: each could be given as it stands there.

Commands of ours are read by their own parsers, and requests of curl are held to the contract: the
method and the address, the query, the fields of a form and what stands in JSON.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

import pytest

from api.contract.operation import FORM, JSON, Operation
from api.contract.schemas import RequestShape, parse
from api.operations import OPERATIONS
from dub_platform.client.command import parser as dub_parser
from dub_platform.commands.admin import parser as admin_parser
from dub_platform.core.errors import InvalidRequestError
from tests.docs.documents import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/guides/*.md")),
    *sorted(ROOT.glob("docs/operation/*.md")),
]
PARSERS = {"dub": dub_parser, "dub-admin": admin_parser}
BLOCK = re.compile(r"(?ms)^```sh\n(.*?)^```$")


def blocks() -> Iterator[tuple[str, str]]:
    """Every block of a shell, with the name of its page."""
    for page in PAGES:
        for text in BLOCK.findall(page.read_text()):
            yield str(page.relative_to(ROOT)), text


BLOCKS = list(blocks())


def commands(name: str) -> list[list[str]]:
    """The words of every command of this name, as a shell has them."""
    return [words for _, text in BLOCKS for words in split_commands(text) if words[:1] == [name]]


def split_commands(text: str) -> Iterator[list[str]]:
    """The commands of a block. A text in quotes may go on over lines."""
    begun = ""
    for line in text.replace("\\\n", " ").splitlines():
        begun += line
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            begun += "\n"
            continue
        begun = ""
        if words:
            yield words


@pytest.mark.parametrize(("page", "text"), BLOCKS, ids=[page for page, _ in BLOCKS])
def test_a_shell_reads_a_block(page: str, text: str) -> None:
    """To its end, without a mistake."""
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr), page


@pytest.mark.parametrize("name", PARSERS)
def test_a_command_of_ours_takes_what_it_is_given(name: str) -> None:
    """Every option and every argument."""
    found = commands(name)
    assert len(found) > 4
    for words in found:
        PARSERS[name]().parse_args(words[1:])


def test_curl_asks_for_what_there_is() -> None:
    """The address takes that method and that query, and the body has the shape of the contract."""
    found = commands("curl")
    assert len(found) > 15
    for words in found:
        check_request(words)


def check_request(words: Sequence[str]) -> None:
    """Raises AssertionError, or what the contract raises, where a request would be refused."""
    given: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "-F": []}
    url, rest = "", iter(words[1:])
    for word in rest:
        if word in given:
            given[word].append(next(rest))
        elif not word.startswith("-"):
            url = word
    method = (given["-X"] or ["POST" if given["-d"] or given["-F"] else "GET"])[0]
    parts = urlsplit(url)
    operation = find_operation(method, parts.path)
    known = operation.query.model_fields if operation.query else {}
    assert {name for name, _ in parse_qsl(parts.query)} <= {*known}, words
    for body in given["-d"]:
        shape = operation.body[JSON]
        assert issubclass(shape, RequestShape)
        parse(shape, body.encode())
    if given["-F"]:
        schema = operation.body[FORM].model_json_schema()
        assert {each.partition("=")[0] for each in given["-F"]} <= {*schema["properties"]}, words


def find_operation(method: str, path: str) -> Operation:
    """The operation of the contract that this request is of."""
    for each in OPERATIONS:
        template = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(each.path))
        if each.method == method and re.fullmatch(template, path):
            return each
    raise AssertionError(f"{method} {path} is not in the contract")


@pytest.mark.parametrize(
    "command",
    [
        "curl http://127.0.0.1:5001/video/ID",
        "curl -X PATCH http://127.0.0.1:5001/videos",
        "curl 'http://127.0.0.1:5001/videos?state=failed'",
        """curl http://127.0.0.1:5001/videos -d '{"source": "dQw4w9WgXcQ", "language": ["es"]}'""",
        "curl -F video=@clip.mp4 http://127.0.0.1:5001/videos",
    ],
)
def test_a_request_that_would_be_refused_is_found(command: str) -> None:
    """By its address, its method, its query, or its body."""
    with pytest.raises((AssertionError, InvalidRequestError)):
        check_request(shlex.split(command))
