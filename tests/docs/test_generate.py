"""The tables that are written from the code: what they hold, and how a stale one is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate
from tests.docs.documents import ROOT, rows, settings

PAGE = "# Targets\n\nBefore.\n\n<!-- table: make-targets -->\n{table}<!-- end -->\n\nAfter.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one page and one setting's file, in which nothing is stale."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "ENV", tmp_path / ".env.example")
    (tmp_path / "docs").mkdir()
    (tmp_path / "Makefile").write_text("demo: packages ## show it\nup:\n\trun\n")
    (tmp_path / "docs" / "make.md").write_text(PAGE.format(table=""))
    (tmp_path / ".env.example").write_text(f"{generate.COMPOSED}, as all below.\n#ONE=\n")
    assert 0 == generate.main([])
    return tmp_path


def test_a_table_is_written_where_its_page_has_it(folder: Path) -> None:
    """What stands around it stays."""
    text = (folder / "docs" / "make.md").read_text()
    table = "\n| target | does |\n| --- | --- |\n| `make demo` | show it |\n\n"
    assert PAGE.format(table=table) == text


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("Makefile", ("show it", "show all"), "+| `make demo` | show all |"),
        ("docs/make.md", ("make demo", "make denmo"), "-| `make denmo` | show it |"),
        (".env.example", ("#PORT=5001", "#PORT=5002"), "+#PORT=5001"),
    ],
)
def test_a_stale_document_is_found_and_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, change: tuple[str, str], said: str
) -> None:
    """Whether the code has changed or somebody wrote into it; the line is shown."""
    path = folder / name
    path.write_text(path.read_text().replace(*change))
    before = [each.read_text() for each in sorted(folder.rglob("*.*"))]
    capsys.readouterr()
    assert 1 == generate.main(["--check"])
    printed = capsys.readouterr().out
    assert said in printed.splitlines()
    assert "make docs-reference" in printed
    assert before == [each.read_text() for each in sorted(folder.rglob("*.*"))]


def test_what_only_docker_compose_reads_stays_as_it_was_written(folder: Path) -> None:
    """Below the settings, which are all there in the order of the code."""
    text = (folder / ".env.example").read_text()
    assert text.endswith(f"{generate.COMPOSED}, as all below.\n#ONE=\n")
    assert [*settings()] == re.findall(r"(?m)^#(\w+)=", text)[:-1]


def test_every_setting_says_what_it_means() -> None:
    """In a sentence."""
    said = {name: field.description or "" for name, field in settings().items()}
    assert [] == [name for name, text in said.items() if not re.fullmatch(r"[A-Z].+\.", text)]


def test_a_setting_says_what_it_can_be() -> None:
    """Choices, bounds, and that it is a secret."""
    page = [row for row in rows("docs/reference/settings.md", "Settings") if len(row) == 4]
    can_be = {name: values.replace("`", "") for name, _, values, _ in page}
    expected = {
        "DUB_STORE": "local, r2",
        "PORT": "1 to 65535",
        "DUB_COST_CAP_PER_DAY_USD": "0 or more",
        "DUB_SPEECH_AT_ONCE": "more than 0",
        "DUB_HOST_VIDEO": "true, false",
        "SENTRY_DSN": "a secret",
    }
    assert expected == {name: can_be[name] for name in expected}


def test_every_error_is_told_once() -> None:
    """Each leaf of the tree says in its docstring what happened, under a code of its own."""
    leaves = [kind for kind in generate.error_kinds() if not kind.__subclasses__()]
    assert [] == [kind.__name__ for kind in leaves if not kind.__doc__]
    codes = [row[0] for row in rows("docs/reference/errors.md", "Errors")]
    assert len(codes) == len(set(codes))
    assert set() == {kind.code for kind in leaves} - set(codes)


def test_an_error_has_the_status_that_it_is_answered_with() -> None:
    """One that only a video or a dub can have has none, and one that passes says so."""
    table = {
        code: (status, again)
        for code, status, again, _ in rows("docs/reference/errors.md", "Errors")
    }
    assert ("422", "") == table["media_no_audio"]
    assert ("409", "yes") == table["lines_not_ready"]
    assert ("", "") == table["spoken_language_unfit"]
    assert ("503", "") == table["too_busy"]


def test_a_page_for_every_table_is_in_the_reference() -> None:
    """None is written that nobody reads."""
    pages = "".join(path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    assert set(generate.TABLES) == {found[2] for found in generate.TABLE.finditer(pages)}
