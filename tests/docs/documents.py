"""The documents as the tests read them, and what they are compared with.

    rows("README.md", "Settings")        # [["DUB_HOME", ".dub", "Where ..."], ...]
    settings()["DUB_HOME"].default

Nothing here asks git: a checkout without its history is tested the same.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from dub_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_IGNORED = {".git", *(ROOT / ".gitignore").read_text().replace("/", "").split()}


def settings() -> Mapping[str, FieldInfo]:
    """Every setting by the name of its variable."""
    prefix = Settings.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name.upper()}"): field
        for name, field in Settings.model_fields.items()
    }


def default(setting: FieldInfo) -> str:
    """A setting's default as its variable would have it."""
    value = setting.default
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


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
