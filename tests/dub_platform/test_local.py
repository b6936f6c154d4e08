"""The command of `make up` and `make demo`, where it cannot start."""

from __future__ import annotations

import signal

import pytest

from dub_platform.local import __main__ as command
from dub_platform.local.stack import StackError

WHY = "DUB_TRANSCRIBER is whisper: pip install 'dub-platform[whisper]'"


def refuse(*_: object) -> None:
    raise StackError(WHY)


@pytest.mark.parametrize(("name", "what"), [("up", "Start"), ("demo", "Demo")])
def test_what_to_install_is_said_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, what: str
) -> None:
    """What stands in brackets is not taken for a style of the terminal."""
    monkeypatch.setattr(command, "Stack", refuse)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert 1 == command.main(name)
    assert f"{what} failed. {WHY}\n" == capsys.readouterr().out
