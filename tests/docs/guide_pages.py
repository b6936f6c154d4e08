"""The blocks of README, guides and operators' pages, and which of them a shell is given.

    for block in blocks():
        block.page, block.kind, block.text      # "docs/guides/keys.md", "sh", "dub-admin keys ..."

A block of a shell that cannot be run by a test says why in a comment before it, by one of REASONS:

    <!-- not run: docker -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.docs.documents import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/guides/*.md")),
    *sorted(ROOT.glob("docs/operation/*.md")),
]
# Why a block is not run, and what must be in each of its commands or before it for that to be so.
REASONS: Mapping[str, str] = {
    # tests/deploy reads what docker and Kubernetes are given; `make images` and `make cluster` do
    # what they would.
    "docker": r"\bdocker\b",
    "kubernetes": r"\bkubectl\b",
    "the internet": r"youtu\.be|models get|make \.venv/local|make demo-neural",
    # The engine that is an example: tests/dub_platform/test_contracts.py and
    # tests/assets/test_other_engines.py use it, and leave this environment as it is.
    "an environment of its own": r"pip install \./examples/engine",
    # tests/integration runs these: test_commands.py, test_backup.py; tests/lanes.py is the tests.
    "a platform of its own": r"^(DUB_FFMPEG=\S+ )?make (demo|up|test|restore)\b",
}
_BLOCK = re.compile(r"(?ms)^(?:<!-- not run: ([^\n]*?) -->\n)?```(\w*)\n(.*?)^```$")


@dataclass(frozen=True)
class Block:
    """A block of a page; `reason` is why it is not run, if it is not."""

    page: str
    kind: str
    text: str
    reason: str | None


def blocks(*kinds: str) -> Iterator[Block]:
    """All blocks of these kinds, page by page in their order."""
    for page in PAGES:
        for reason, kind, text in _BLOCK.findall(page.read_text()):
            if kind in kinds:
                yield Block(str(page.relative_to(ROOT)), kind, text, reason or None)


def split_commands(text: str) -> Iterator[str]:
    """The commands of a block as they stand there. A text in quotes may go on over lines."""
    begun = ""
    for line in text.splitlines(keepends=True):
        begun += line
        if begun.endswith("\\\n"):
            continue
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            continue
        if words:
            yield begun
        begun = ""
