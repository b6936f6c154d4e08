"""The commands of README, guides and operators' pages: each could be given as it stands there.

Commands of ours are read by their own parsers, and requests of curl are held to the contract: the
method and the address, the query, the fields of a form and what stands in JSON.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from dotenv import dotenv_values

from api.contract.operation import FORM, JSON, Operation
from api.contract.schemas import RequestShape, parse
from api.operations import OPERATIONS
from dub_platform.client.command import parser as dub_parser
from dub_platform.commands.admin import parser as admin_parser
from dub_platform.core.errors import InvalidRequestError
from dub_platform.settings import Settings
from tests.docs.documents import settings
from tests.docs.guide_pages import REASONS, Block, blocks, split_commands

PARSERS = {"dub": dub_parser, "dub-admin": admin_parser}
BLOCKS = list(blocks("sh"))


def commands(name: str) -> list[list[str]]:
    """The words of every command of this name, as a shell has them."""
    every = (
        shlex.split(command.replace("\\\n", " "), comments=True)
        for block in BLOCKS
        for command in split_commands(block.text)
    )
    return [words for words in every if words[:1] == [name]]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.page)
def test_what_is_not_run_has_a_reason(block: Block) -> None:
    """One of few, which its commands show; `tests/integration/test_guides.py` runs all others."""
    if block.reason is not None:
        assert re.search(REASONS[block.reason], block.text, re.MULTILINE), block


def test_a_marked_block_could_not_be_run() -> None:
    """A command that could be is in a block of its own: who hands in or asks needs a platform."""
    asks = re.compile(r"(?m)^(?:curl|dub) ")
    hidden = [block for block in BLOCKS if block.reason and asks.search(block.text)]
    assert all("youtu.be" in block.text for block in hidden)


@pytest.mark.parametrize("block", list(blocks("ini")), ids=lambda block: block.page)
def test_settings_are_taken_as_they_stand_there(block: Block, tmp_path: Path) -> None:
    """Of an `.env`, whose names are all known; `...` and names in capitals are the reader's own."""
    names = {**dotenv_values(stream=io.StringIO(block.text))}
    assert {*names} <= {*settings()}
    file = tmp_path / ".env"
    file.write_text(block.text)
    chosen = Settings(_env_file=file)
    assert {*names} <= {*chosen.as_environment()}


@pytest.mark.parametrize("block", list(blocks("python")), ids=lambda block: block.page)
def test_python_runs(block: Block) -> None:
    """What it makes is tested where the page speaks of it: `tests/api/routes/test_webhooks.py`."""
    exec(compile(block.text, block.page, "exec"), {})


@pytest.mark.parametrize("block", list(blocks("json")), ids=lambda block: block.page)
def test_json_is_read(block: Block) -> None:
    """Whether it is shown or to be sent."""
    assert json.loads(block.text)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.page)
def test_a_shell_reads_a_block(block: Block) -> None:
    """To its end, without a mistake."""
    shell = ["bash", "-n"]
    done = subprocess.run(shell, input=block.text, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


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
