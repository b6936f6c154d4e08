"""What a site is put together of: pages, and links that lead where they did."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
import yaml

from docs import build
from tests.docs.documents import ROOT


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("README.md", "[Fix](docs/guides/correct.md)", "[Fix](guides/correct.md)"),
        ("README.md", "[A](ARCHITECTURE.md)", "[A](architecture.md)"),
        ("README.md", "[why](docs/adr)", "[why](adr/index.md)"),
        ("ARCHITECTURE.md", "[A](docs/adr/0008-two-buckets.md)", "[A](adr/0008-two-buckets.md)"),
        ("docs/guides/keys.md", "[l](../operation/limits.md#x)", "[l](../operation/limits.md#x)"),
        ("docs/guides/keys.md", "[S](../../SECURITY.md)", "[S](../security.md)"),
        ("docs/guides/keys.md", "![A](../pictures/watch.png)", "![A](../pictures/watch.png)"),
        ("docs/guides/keys.md", "[x](#a-heading)", "[x](#a-heading)"),
        ("docs/guides/keys.md", "[x](https://example.org/a)", "[x](https://example.org/a)"),
        ("docs/guides/keys.md", "[deploy/a.yml](../../deploy/a.yml)", "`deploy/a.yml`"),
        ("docs/guides/keys.md", "[the table](../../api/app.py)", "the table"),
        ("README.md", "```sh\n[x](docs/adr)\n```", "```sh\n[x](docs/adr)\n```"),
    ],
)
def test_a_link_leads_where_it_did(source: str, link: str, expected: str) -> None:
    """To the page in the site; what is none is named. What stands in an example is no link."""
    assert expected == build.relink(link, source)


def test_a_link_to_a_page_that_is_not_there_is_told() -> None:
    """With the page that has it."""
    with pytest.raises(build.SiteError, match=r"docs/guides/keys\.md links to \.\./gone\.md"):
        build.relink("[x](../gone.md)", "docs/guides/keys.md")


def test_every_page_has_a_place_in_the_menu(tmp_path: Path) -> None:
    """Exactly one; the decisions follow from their folder."""
    build.put_together(tmp_path)
    menu = yaml.safe_load((tmp_path / "mkdocs.yml").read_text())["nav"]
    named = [
        page
        for part in menu
        for one in part.values()
        for page in ([one] if isinstance(one, str) else one)
    ]
    pages = [name for name in build.places().values() if name.endswith(".md")]
    assert sorted([*pages, "adr/index.md"]) == sorted(named)


def test_a_script_of_a_page_is_taken_out_of_it(tmp_path: Path) -> None:
    """The same one into one file, which pages name from where they are."""
    (tmp_path / "assets" / "javascripts").mkdir(parents=True)
    (tmp_path / "guides").mkdir()
    others = '<script src="x.js"></script><script type="application/json">{}</script>'
    names = []
    for path in (tmp_path / "index.html", tmp_path / "guides" / "a.html"):
        path.write_text(f"<script>first()</script>{others}")
        build.take_scripts_out(path, tmp_path)
        name, _, rest = path.read_text().removeprefix('<script src="').partition('"></script>')
        assert others == rest
        names.append((path.parent / name).resolve())
    assert ["first()"] == [path.read_text() for path in {*names}]


def test_without_what_builds_it_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what was there stays."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("before")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert 1 == build.main(["--into", str(tmp_path / "site")])
    assert "Use `make docs`" in capsys.readouterr().err
    assert "before" == (tmp_path / "site" / "index.html").read_text()


def test_an_image_is_given_all_that_the_site_is_made_of() -> None:
    """Each document is copied into the stage that makes it, and lets through by .dockerignore."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    stage = dockerfile.partition("AS documents\n")[2].partition("\nFROM ")[0]
    copied = {
        name
        for line in stage.splitlines()
        if line.startswith("COPY")
        for name in line.split()[1:-1]
    }
    let_through = (ROOT / ".dockerignore").read_text().splitlines()
    assert {*build.TOP, "docs"} == copied
    assert set() == {f"!{name}" for name in copied} - {*let_through}


def test_styles_that_scripts_make_are_named(tmp_path: Path) -> None:
    """By the digest that a browser compares."""
    script = (
        """var a='.x{top:0}',b='other';function f(){n.appendChild(C("style",{},a.toString()))}"""
    )
    (tmp_path / "bundle.js").write_text(script)
    digest = base64.b64encode(hashlib.sha256(b".x{top:0}").digest()).decode()
    assert {f"sha256-{digest}"} == build.styles_of(tmp_path)
