"""Makes a site of the documents, which the API shows under /help where it was built.

    python -m docs.build                   # into api/pages/site
    python -m docs.build --into FOLDER

Pages of this repository link to each other and to its files. In the site a link to another page
leads to that page, and a file that is none is named without a link. No page of it asks another
host for anything or holds a script of its own, so it is shown under a policy that lets neither;
`styles.txt` names the styles that its scripts put into pages.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import posixpath
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "api" / "pages" / "site"
CONFIGURATION = ROOT / "docs" / "mkdocs.yml"
# The documents at the top, by what they are called in the site.
TOP = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
DECISIONS, INDEX = "docs/adr", "adr/index.md"
# The digests of styles, one a line, for the policy that pages are shown under.
STYLES = "styles.txt"
KEPT = (".svg", ".png", ".mp4")
_FENCED = re.compile(r"(?ms)(^```.*?^```$)")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
# As Zensical's search makes its own: the name of what holds the text.
_STYLED = re.compile(r"""\("style",\{\},([\w$]+)\.toString\(\)\)""")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class SiteError(Exception):
    """The site cannot be made; the message says of which page, and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the site; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.build")
    parser.add_argument("--into", type=Path, default=TARGET, help="where the site is kept")
    into: Path = parser.parse_args(arguments).into
    try:
        build(into)
    except SiteError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def build(into: Path) -> None:
    """The site in this folder, in place of what was there. Raises SiteError."""
    with tempfile.TemporaryDirectory(prefix="dub-docs-") as name:
        folder = Path(name)
        put_together(folder)
        _run(folder)
        site = folder / "site"
        for page in site.rglob("*.html"):
            take_scripts_out(page, site)
        (site / STYLES).write_text("".join(f"{each}\n" for each in sorted(styles_of(site))))
        _leave_out(site, ("404.html", "sitemap.xml", "sitemap.xml.gz", "objects.inv"))
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(site, into)


def put_together(folder: Path) -> None:
    """The pages as the site has them, with what it is configured by."""
    pages = folder / "pages"
    for source, name in places().items():
        target = pages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".md":
            target.write_text(relink((ROOT / source).read_text(), source))
        else:
            shutil.copyfile(ROOT / source, target)
    (pages / INDEX).write_text(_decisions())
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    configuration["nav"].append({"Decisions": [INDEX, *(name for _, name in _records())]})
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(configuration, sort_keys=False))


def places() -> Mapping[str, str]:
    """Where each document and picture of the repository is in the site."""
    below = [path for path in sorted((ROOT / "docs").rglob("*")) if path.suffix in (".md", *KEPT)]
    named = {str(path.relative_to(ROOT)): str(path.relative_to(ROOT / "docs")) for path in below}
    return {**TOP, **named}


def relink(text: str, source: str) -> str:
    """A page's text with its links as they are in the site. Raises SiteError."""
    parts = _FENCED.split(text)
    # What stands in a fence is an example, and no link.
    return "".join(
        part if part.startswith("```") else _LINK.sub(lambda link: _relinked(link, source), part)
        for part in parts
    )


def _relinked(link: re.Match[str], source: str) -> str:
    picture, text, target = link.groups()
    if re.match(r"[a-z]+:|#", target):
        return link[0]
    path, _, heading = target.partition("#")
    named = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    found = INDEX if named == DECISIONS else places().get(named)
    if found is None and named.endswith(".md"):
        raise SiteError(f"{source} links to {path}, which is not there.")
    if found is None:
        return text if text.startswith("`") or " " in text else f"`{text}`"
    here = posixpath.dirname(places()[source])
    address = posixpath.relpath(found, here or ".") + (f"#{heading}" if heading else "")
    return f"{picture}[{text}]({address})"


def _records() -> list[tuple[str, str]]:
    """The title and the place in the site of every decision, the newest last."""
    paths = sorted((ROOT / DECISIONS).glob("[0-9]*.md"))
    return [
        (path.read_text().partition("\n")[0].removeprefix("# "), f"adr/{path.name}")
        for path in paths
    ]


def _decisions() -> str:
    lines = [f"- [{title}]({posixpath.basename(name)})" for title, name in reversed(_records())]
    return "\n".join(
        ["# Decisions", "", "Why things are as they are, the newest first.", "", *lines, ""]
    )


def _run(folder: Path) -> None:
    program = Path(sysconfig.get_path("scripts")) / "zensical"
    if not program.exists():
        raise SiteError("The site is built by Zensical, which is not installed. Use `make docs`.")
    command = [str(program), "build", "--strict", "--config-file", str(folder / "mkdocs.yml")]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"NO_COLOR": "1"}
    )
    if done.returncode != 0 or not (folder / "site" / "index.html").exists():
        raise SiteError(f"Zensical does not build the site:\n{done.stdout}{done.stderr}")


def take_scripts_out(page: Path, site: Path) -> None:
    """Put each script that stands in the page into a file of its own, which the page names."""

    def named(found: re.Match[str]) -> str:
        digest = hashlib.sha256(found[1].encode()).hexdigest()[:8]
        script = site / "assets" / "javascripts" / f"of-page.{digest}.js"
        script.write_text(found[1])
        address = posixpath.relpath(str(script), str(page.parent))
        return f'<script src="{address}"></script>'

    page.write_text(_SCRIPT.sub(named, page.read_text()))


def styles_of(site: Path) -> set[str]:
    """What a policy calls the styles that the site's scripts put into pages: their digests."""
    found = set()
    for script in site.rglob("*.js"):
        text = script.read_text()
        for name in _STYLED.findall(text):
            [style] = re.findall(rf"\b{name}='([^'\\]*)'", text)
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            found.add(f"sha256-{digest}")
    return found


def _leave_out(site: Path, names: Iterable[str]) -> None:
    for name in names:
        (site / name).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
