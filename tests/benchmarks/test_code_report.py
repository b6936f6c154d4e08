"""The report on how the code reads finds what is planted, and nothing beside it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.code_report import Found, is_participle, print_report, read_code

PLANTED = '''
"""Those of the module."""


def _kept(path: str) -> str:
    """Of a path."""
    return path


def read_variable() -> str:
    """Return what is kept."""
    # Why it is so.
    return _kept("a")  # and why here


def _is_twice() -> bool:
    return True


TWICE = _is_twice() and _is_twice()
'''


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sixteen modules of one function each, beside one with everything planted."""
    monkeypatch.chdir(tmp_path)
    crowd = Path("code") / "crowd"
    crowd.mkdir(parents=True)
    (crowd / "__init__.py").touch()
    for number in range(16):
        name = "_heard" if number < 4 else f"_read_{number}"
        text = f"def {name}() -> None:\n    print(1)\n    print(2)\n"
        (crowd / f"module_{number:02}.py").write_text(text)
    (Path("code") / "planted.py").write_text(PLANTED.lstrip())
    return Path("code")


def test_what_is_planted_is_found(code: Path) -> None:
    """Each once, at its line."""
    report = read_code([code])
    assert {"code/crowd": 16} == report.crowded_folders
    heard = [Found(f"code/crowd/module_{number:02}.py", 1, "_heard") for number in range(4)]
    kept = Found("code/planted.py", 4, "_kept")
    assert [*heard, kept] == report.participles
    assert {"_heard": 4} == report.common_names
    assert [kept] == report.detours
    vague = [(each.line, each.what) for each in report.vague_docstrings]
    assert [(1, "Those of the module."), (4, "Of a path.")] == vague
    assert {"code/crowd": 0.0, "code": pytest.approx(100 * 2 / 12, abs=4)} == (
        report.comments_per_100_lines
    )


@pytest.mark.parametrize("name", ["read_variable", "_need", "embed", "kept_files", "is_kept"])
def test_a_verb_is_no_participle(name: str) -> None:
    """Nor is a name that says of what."""
    assert not is_participle(name)


def test_it_is_printed_as_a_table(code: Path) -> None:
    """With the places."""
    said = io.StringIO()
    print_report(read_code([code]), Console(file=said, width=160))
    assert "code/planted.py:4 _kept" in said.getvalue()
    assert "code/crowd (16)" in said.getvalue()
