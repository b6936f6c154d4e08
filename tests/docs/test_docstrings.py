"""Docstrings can be read alone: they begin with what the thing is or does.

A docstring that begins with "Those" or "The same" continues the name above it, or the docstring
before it. Whoever meets it in a search or an editor's tooltip has neither.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

# Folders whose docstrings were all written with a subject, a verb and an object.
FOLDERS = (
    "api",
    "api/background",
    "api/contract",
    "api/middleware",
    "api/pages",
    "api/routes",
    "dub_platform/client",
    "dub_platform/engines",
    "dub_platform/local",
    "dub_platform/observability",
    "dub_platform/processes",
    "resources/catalogue",
    "resources/downloader",
    "resources/fitting",
    "resources/listening",
    "resources/media",
    "resources/mixer",
    "resources/models",
    "resources/providers",
    "resources/separator",
    "resources/store",
    "resources/system",
    "resources/transcriber",
    "resources/translator",
    "resources/voice",
    "resources/webhooks",
    "sensors",
)
_CONTINUES = re.compile(r"(Those|Of|The same|What of)\b")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def continued(path: Path) -> Iterator[str]:
    """The docstrings in this file that only continue something else, with their lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        text = ast.get_docstring(node) if isinstance(node, _DOCUMENTED) else None
        if text and _CONTINUES.match(text):
            yield f"{path}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_docstring_begins_with_a_subject_or_a_verb(folder: str) -> None:
    """No docstring of these folders needs the name or the docstring before it to be understood."""
    found = [each for path in sorted((ROOT / folder).glob("*.py")) for each in continued(path)]
    assert [] == found


@pytest.mark.parametrize("text", ["Those of one process.", "The same of one line.", "Of it all."])
def test_a_docstring_that_continues_another_is_found(tmp_path: Path, text: str) -> None:
    """A function whose docstring continues its name is told with its line."""
    path = tmp_path / "module.py"
    path.write_text(f'def metrics() -> None:\n    """{text}"""\n')
    assert [f"{path}:1: {text}"] == list(continued(path))
