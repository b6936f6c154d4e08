"""Turns: one at a time, in whatever thread or process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dub_platform.contracts.threads import at_once
from resources.system.file_lock import hold_lock

HOLDER = """
import sys
from pathlib import Path
from resources.system.file_lock import hold_lock

with hold_lock(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_threads_take_turns(tmp_path: Path) -> None:
    """What one reads and writes in its turn, no other has changed meanwhile."""
    count = tmp_path / "count"
    count.write_text("0")

    def add() -> None:
        for _ in range(25):
            with hold_lock(tmp_path / "locks" / "one"):
                count.write_text(str(int(count.read_text()) + 1))

    at_once([add] * 8)
    assert "200" == count.read_text()


def test_nothing_is_left_of_a_turn(tmp_path: Path) -> None:
    """However it ended, and the next one can begin."""
    for _ in range(2):
        with hold_lock(tmp_path / "one"):
            assert [tmp_path / "one"] == list(tmp_path.iterdir())
        with pytest.raises(FileNotFoundError), hold_lock(tmp_path / "one"):
            (tmp_path / "missing").read_text()
        assert [] == list(tmp_path.iterdir())


def test_other_paths_are_other_turns(tmp_path: Path) -> None:
    """One can be held inside of another."""
    with hold_lock(tmp_path / "one"), hold_lock(tmp_path / "two"):
        assert 2 == len(list(tmp_path.iterdir()))


def test_a_process_that_dies_gives_its_turn_on(tmp_path: Path) -> None:
    """While it holds the turn nobody else has it; killed, it has left it."""
    path = tmp_path / "one"
    command = [sys.executable, "-c", HOLDER, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    order: list[str] = []

    def wait_for_it() -> None:
        with hold_lock(path):
            order.append("ours")

    def kill_it() -> None:
        order.append("killed")
        holder.kill()

    with holder:
        assert holder.stdout is not None
        assert "mine\n" == holder.stdout.readline()
        at_once([wait_for_it, kill_it])
    assert ["killed", "ours"] == order
