"""The documents as the tests read them, and what they are compared with.

    rows("ARCHITECTURE.md", "The pipeline")        # [["source_media", "video", ...], ...]
    settings()["DUB_HOME"].default

Nothing here asks git: a checkout without its history is tested the same.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from docs.generate import default_of as default
from docs.generate import settings_by_variable as settings

__all__ = ["ROOT", "committed", "default", "rows", "section", "settings"]
ROOT = Path(__file__).resolve().parents[2]
_IGNORED = {".git", *(ROOT / ".gitignore").read_text().replace("/", "").split()}


def committed(*patterns: str) -> Iterator[Path]:
    """The files of the repository that match, without what .gitignore names."""
    for pattern in patterns:
        yield from (path for path in _files() if path.match(pattern))


@functools.cache
def _files() -> list[Path]:
    # Not by `rglob`, which goes through all of what is installed.
    found = list[Path]()
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in _IGNORED]
        found += [Path(folder, name) for name in names if name not in _IGNORED]
    return sorted(found)


def section(document: str, heading: str) -> str:
    """What stands under a heading, up to the next of its level."""
    text = (ROOT / document).read_text()
    found = re.search(rf"(?ms)^(#+) {re.escape(heading)}\n(.*?)(?=^\1 |\Z)", text)
    assert found, f"{document} has no heading {heading!r}"
    return found[2]


def rows(document: str, heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cell by cell, without backquotes."""
    lines = re.findall(r"^\|(.*)\|$", section(document, heading), re.MULTILINE)
    cells = [[cell.strip().strip("`") for cell in line.split("|")] for line in lines]
    # The first is the header, the second what parts it from the rest.
    return cells[2:]
