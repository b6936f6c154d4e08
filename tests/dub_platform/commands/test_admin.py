"""`dub-admin` as a program: what it says of itself, and the commands that nothing else tries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dub_platform.commands import admin

PROGRAM = Path(sys.executable).with_name("dub-admin")
COMMANDS = ("keys", "migrate", "maintain", "backup", "restore", "models")


def ask(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder of its own."""
    environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "100", "DUB_HOME": str(home)}
    return subprocess.run(
        [PROGRAM, *words], cwd=home, env=environment, capture_output=True, text=True, check=False
    )


def test_the_program_lists_its_commands(tmp_path: Path) -> None:
    """Each with a line that says what it is for."""
    helped = ask("--help", home=tmp_path)
    assert (0, "") == (helped.returncode, helped.stderr)
    lines = [line.split(maxsplit=1) for line in helped.stdout.splitlines() if line.strip()]
    listed = {words[0]: words[1] for words in lines if len(words) == 2 and words[0] in COMMANDS}
    assert set(COMMANDS) == set(listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_of_its_own(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It begins with how it is called, and says what it does."""
    with pytest.raises(SystemExit, match="0"):
        admin.main([command, "--help"])
    said = capsys.readouterr().out
    assert said.startswith(f"usage: dub-admin {command}")
    assert len(said.split("\n\n")[1]) > len(command)


def test_a_wrong_setting_is_said_without_a_trace(tmp_path: Path) -> None:
    """With its name, on standard error, and an exit status that a script notices."""
    (tmp_path / ".env").write_text("DUB_TRANSCRIBER=ears\n")
    refused = ask("migrate", home=tmp_path)
    assert (1, "") == (refused.returncode, refused.stdout)
    assert refused.stderr.startswith("That did not work.")
    assert "DUB_TRANSCRIBER" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_is_no_backup_is_not_restored(tmp_path: Path) -> None:
    """The folder is named, and nothing is made of it."""
    home = tmp_path / "home"
    home.mkdir()
    refused = ask("restore", str(tmp_path / "nothing"), home=home)
    assert (1, "") == (refused.returncode, refused.stdout)
    assert str(tmp_path / "nothing") in refused.stderr
    assert [] == list(home.iterdir())
