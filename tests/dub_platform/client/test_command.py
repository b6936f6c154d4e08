"""The command `dub`, as somebody types it."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from api.desk import Desk
from dub_platform.client.command import main
from dub_platform.registry import Work
from tests.api.desks import YOUTUBE, make_clip, make_desk, release, running, serving
from tests.dub_platform.client.lines_server import lines_server


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """What is printed stands on one line, however long."""
    monkeypatch.setenv("COLUMNS", "200")
    return make_desk(tmp_path)


def test_a_file_is_added_and_waited_for(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last thing that is printed is where to watch it."""
    release(desk, YOUTUBE, "es")
    with serving(desk) as url:
        monkeypatch.setenv("DUB_URL", url)
        assert 0 == main(["add", YOUTUBE, "--to", "es", "--wait"])
        assert 0 == main(["add", str(make_clip(tmp_path / "clip.mp4")), "--to", "es,ca"])
    printed = capsys.readouterr().out
    assert f"{YOUTUBE} was handed in before: {YOUTUBE}" in printed
    assert f"http://dub.test/watch?v={YOUTUBE}&lang=es" in printed
    assert "clip.mp4 is handed in: up-" in printed


def test_a_status_names_each_dub_and_why_it_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed is also the exit status; without an id the newest are listed."""
    release(desk, YOUTUBE, "es")
    desk.registry.ask(YOUTUBE, "ca")
    why = {"code": "engine_failed", "message": "The voice [x] ended."}
    desk.registry.failed(Work(YOUTUBE, "ca", 1), why, now=datetime.now(timezone.utc))
    with serving(desk) as url:
        monkeypatch.setenv("DUB_URL", url)
        assert [1, 0] == [main(["status", YOUTUBE]), main(["status"])]
    printed = capsys.readouterr().out
    assert "failed: The voice [x] ended." in printed
    assert f"{YOUTUBE}  prepared  A harbor" in printed


def test_lines_are_shown_and_edited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is edited is marked; brackets are text."""
    with running(lines_server(["Hello."])) as url:
        monkeypatch.setenv("DUB_URL", url)
        assert 0 == main(["edit", YOUTUBE, "es", "0", "[red]Hola."])
        assert 0 == main(["lines", YOUTUBE, "es"])
    printed = capsys.readouterr().out
    assert "Line 0 says now: [red]Hola." in printed
    assert "[red]Hola. (edited)" in printed


def test_a_video_is_removed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time there is none, which is said in the platform's words."""
    release(desk, YOUTUBE, "es")
    with serving(desk) as url:
        monkeypatch.setenv("DUB_URL", url)
        assert [0, 1] == [main(["remove", YOUTUBE]), main(["remove", YOUTUBE])]
    assert "It did not work. There is no video" in capsys.readouterr().out


def test_it_starts_without_the_platform() -> None:
    """Nothing of ours but the client is loaded, and no framework."""
    code = (
        "import sys, dub_platform.client.command; "
        "print([name for name in ('dagster', 'starlette', 'sqlalchemy', 'pydantic', "
        "'dub_platform.core', 'dub_platform.settings') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == run.stdout.strip()
