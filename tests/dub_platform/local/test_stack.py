"""What keeps the servers of one machine from starting is said in a sentence, before any starts."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import NoReturn

import pytest

from dub_platform.local.stack import Stack, StackError
from dub_platform.settings import Settings
from tests.support.rig.platform import free_ports


def refused(home: Path, port: int, dagster_port: int) -> str:
    """Why a stack does not start."""
    stack = Stack(Settings(home=home, PORT=port, DAGSTER_PORT=dagster_port))
    with pytest.raises(StackError) as said, stack.running():
        pass
    return str(said.value)


def test_a_port_that_somebody_has_is_taken_though_nobody_answers(tmp_path: Path) -> None:
    """A server that has not begun to listen has it already."""
    port, dagster_port = free_ports(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", dagster_port))
        said = refused(tmp_path, port, dagster_port)
    assert said.startswith(f"Port {dagster_port} is taken by another program (or by this platform")
    assert "choose another port: make demo DAGSTER_PORT=" in said


def test_two_servers_do_not_share_a_port(tmp_path: Path) -> None:
    """Each of them could have it, and the second would not start."""
    (port,) = free_ports(1)
    said = refused(tmp_path, port, port)
    assert said.startswith(f"PORT and DAGSTER_PORT are both {port}, and two servers cannot share")


def test_a_port_that_only_root_may_use_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PORT=80 in a shell's profile, and no root."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    port, dagster_port = free_ports(2)
    monkeypatch.setattr(socket, "create_server", refuse)
    said = refused(tmp_path, port, dagster_port)
    assert said.startswith(f"Port {port} is one that only root may use: choose another port: make")


def test_a_home_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    """Another user's, for example; with what to do."""
    file = tmp_path / "file"
    file.touch()
    said = refused(file / "home", *free_ports(2))
    assert said.startswith(f"Nothing can be written to {file / 'home'}, where everything made here")
    assert said.endswith("give the platform another folder: DUB_HOME=.dub-two")
