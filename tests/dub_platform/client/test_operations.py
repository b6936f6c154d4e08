"""The client and the command have all that the contract has."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from api.document import document
from api.operations import OPERATIONS
from dub_platform.client import DubClient
from dub_platform.client.command import main, parser
from tests.dub_platform.client import contract
from tests.dub_platform.client.recorder import ID, Recorder
from tests.support.rig.services import running

# Pages for browsers.
PAGES = {
    *(
        "GET /",
        "GET /watch",
        "GET /embed",
        "GET /edit",
        "GET /docs",
        "GET /help",
        "GET /help/{path}",
    ),
    "GET /static/{path}",
    # Other sites ask this, for their own pages.
    "GET /oembed",
    "POST /videos/{id}/dubs/{language}",
}
# For programs, which have the client.
PROGRAMS = {
    "GET /openapi.json",
    "GET /metrics",
    "GET /health",
    "GET /videos/{id}/dubs/{language}/lines/{number}",
}
GLOSSARY: Mapping[str, None] = {"Acme": None}

Calls = Mapping[str, Callable[[DubClient], Any]]


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def url(recorder: Recorder) -> Iterator[str]:
    with running(recorder.app) as url:
        yield url


@pytest.fixture
def asked(recorder: Recorder) -> Recorder:
    """The recorder, with nothing noted yet."""
    recorder.operations.clear()
    return recorder


CALLS: Calls = {
    "add": lambda client: client.add("dQw4w9WgXcQ", ["es"]),
    "estimate": lambda client: client.estimate("dQw4w9WgXcQ", ["es"]),
    "video": lambda client: client.video(ID),
    "videos": lambda client: list(client.videos(search="a")),
    "show_to": lambda client: client.show_to(ID, "signed"),
    "rename": lambda client: client.rename(ID, "A walk"),
    "remove": lambda client: client.remove(ID),
    "remove_dub": lambda client: client.remove_dub(ID, "es"),
    "events": lambda client: list(client.events(ID)),
    "follow": lambda client: list(client.follow(ID)),
    "wait": lambda client: client.wait(ID),
    "languages": lambda client: client.languages("en"),
    "dub": lambda client: client.dub(ID, "es"),
    "ask": lambda client: client.ask(ID, "es", glossary=GLOSSARY, formality="formal"),
    "captions": lambda client: client.captions(ID, "es"),
    "file": lambda client: client.file("/media/a"),
    "lines": lambda client: client.lines(ID, "es"),
    "script": lambda client: client.script(ID, "es"),
    "line": lambda client: client.line(ID, "es", 0),
    "take": lambda client: client.take(ID, "es", 0),
    "speak": lambda client: client.speak(ID, "es", 0, "Hola."),
    "edit": lambda client: client.edit(ID, "es", 0, "Hola."),
    "revert": lambda client: client.revert(ID, "es", 0),
    "edit_lines": lambda client: client.edit_lines(ID, "es", {0: "Hola."}),
    "said": lambda client: client.said(ID),
    "said_line": lambda client: client.said_line(ID, 0),
    "correct": lambda client: client.correct(ID, 0, "Hello."),
    "correct_lines": lambda client: client.correct_lines(ID, {0: "Hello."}),
    "uncorrect": lambda client: client.uncorrect(ID, 0),
    "estimate_dub": lambda client: client.estimate_dub(ID, "es"),
    "caption": lambda client: client.caption(ID, Path(__file__)),
    "name_language": lambda client: client.name_language(ID, "es"),
    "believe": lambda client: client.believe(ID),
    "channels": lambda client: list(client.channels()),
    "channel": lambda client: client.channel("a"),
    "word_channel": lambda client: client.word_channel("a", formality="formal"),
    "keys": lambda client: list(client.keys()),
    "make_key": lambda client: client.make_key("a", scopes=["read"]),
    "revoke_key": lambda client: client.revoke_key("a"),
    "webhooks": lambda client: list(client.webhooks()),
    "webhook": lambda client: client.webhook("a"),
    "add_webhook": lambda client: client.add_webhook("https://example.com"),
    "remove_webhook": lambda client: client.remove_webhook("a"),
    "test_webhook": lambda client: client.test_webhook("a"),
    "deliveries": lambda client: list(client.deliveries("a", state="dead")),
    "delivery": lambda client: client.delivery("a", "b"),
    "redeliver": lambda client: client.redeliver("a", "b"),
    "health": lambda client: client.health(),
    "ready": lambda client: client.ready(),
    "version": lambda client: client.version(),
    "metrics": lambda client: client.metrics(),
    "contract": lambda client: client.contract(),
}
# As they are typed; FILE is a file that is there.
COMMANDS = (
    "add FILE --to es",
    "estimate FILE --to es",
    f"status {ID}",
    "status",
    "videos --search a",
    f"dub {ID} es",
    f"retry {ID} es",
    f"open {ID}",
    f"events {ID}",
    f"captions {ID} es",
    f"show {ID} public",
    f"rename {ID} Harbor",
    f"remove {ID}",
    f"remove {ID} es",
    "languages",
    f"lines {ID} es",
    f"edit {ID} es 0 Hola.",
    f"edit {ID} es 0 --back",
    f"say {ID} es 0 --to FILE",
    f"say {ID} es 0 --text Hola. --to FILE",
    f"export {ID} es -",
    f"import {ID} es LINES",
    f"dub {ID} es --dry-run",
    f"said {ID}",
    f"correct {ID} 0 Hello.",
    f"correct {ID} 0 --back",
    f"said {ID} --to -",
    f"correct {ID} --from LINES",
    f"caption {ID} LINES",
    f"spoken {ID} es",
    f"believe {ID}",
    "webhooks",
    "webhooks add https://example.com",
    "webhooks get a",
    "webhooks remove a",
    "webhooks test a",
    "webhooks deliveries a",
    "webhooks delivery a b",
    "webhooks redeliver a b",
    "channels",
    "channels get a",
    "channels word a --formality formal",
    "keys",
    "keys make a",
    "keys revoke a",
    "health",
)


def test_each_operation_has_a_method(url: str, asked: Recorder) -> None:
    """A new one in the contract needs a method here, a method a call."""
    methods = {name for name, _ in inspect.getmembers(DubClient, inspect.isfunction)}
    assert set(CALLS) == {name for name in methods if not name.startswith("_")}
    with DubClient(url) as client:
        for call in CALLS.values():
            call(client)
    assert {f"{each.method} {each.path}" for each in OPERATIONS} - PAGES == asked.operations


@pytest.fixture
def typed(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """A command as its arguments, on a machine that is this test's."""
    monkeypatch.setenv("DUB_URL", url)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    (tmp_path / "clip.mp4").write_bytes(b"film")
    (tmp_path / "lines.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHola.\n")
    files = {"FILE": str(tmp_path / "clip.mp4"), "LINES": str(tmp_path / "lines.srt")}
    return lambda text: [files.get(word, word) for word in text.split()]


def test_each_operation_has_a_command(typed: Callable[[str], list[str]], asked: Recorder) -> None:
    """But those that only programs ask for. Each command is tried."""
    assert set(_commands(parser())) == {_name(text) for text in COMMANDS}
    assert [0] * len(COMMANDS) == [main(typed(text)) for text in COMMANDS]
    wanted = {f"{each.method} {each.path}" for each in OPERATIONS} - PAGES - PROGRAMS
    assert set() == wanted - asked.operations


@pytest.mark.parametrize("text", COMMANDS)
def test_each_command_answers_with_json(
    typed: Callable[[str], list[str]], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with nothing beside it."""
    assert 0 == main([*typed(text), "--json"])
    printed = capsys.readouterr().out
    assert text.startswith("events") or json.loads(printed) is not None


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data"])
def test_a_video_is_handed_in_with_all_that_is_taken(
    typed: Callable[[str], list[str]], asked: Recorder, kind: str
) -> None:
    """Each field of the contract has an option, which is sent."""
    options = [
        *("--source-language", "es", "--formality", "formal", "--visibility", "signed"),
        *("--glossary", json.dumps(GLOSSARY)),
    ]
    if kind == "application/json":
        command = [*typed("add dQw4w9WgXcQ --to es,ca"), *options]
    else:
        command = [*typed("add FILE --to es,ca --captions LINES --title Harbor"), *options]
    assert 0 == main(command)
    sent = asked.bodies["POST /videos"]
    operation = document("", "")["paths"]["/videos"]["post"]
    shape = operation["requestBody"]["content"][kind]["schema"]["$ref"].rpartition("/")[2]
    fields = document("", "")["components"]["schemas"][shape]["properties"]
    assert set(fields) - {"dry_run"} == set(sent)
    assert ("formal", "signed", "es") == (
        sent["formality"],
        sent["visibility"],
        sent["source_language"],
    )
    glossary = sent["glossary"]
    assert GLOSSARY == (json.loads(glossary) if isinstance(glossary, str) else glossary)


def test_the_answers_shapes_are_the_contracts() -> None:
    """Written anew by `python -m tests.dub_platform.client.contract`."""
    assert contract.written() == contract.ANSWERS.read_text()


def _commands(within: argparse.ArgumentParser, name: str = "") -> Iterator[str]:
    """The names of all commands, such as `webhooks add`."""
    if name:
        yield name
    for action in within._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each, deeper in action.choices.items():
                yield from _commands(deeper, f"{name} {each}".strip())


def _name(text: str) -> str:
    first, *rest = text.split()
    return f"{first} {rest[0]}" if first in ("webhooks", "channels", "keys") and rest else first
