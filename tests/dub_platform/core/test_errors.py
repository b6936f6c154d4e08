"""The errors: the tree that is drawn is the tree there is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest

from dub_platform.core import errors
from dub_platform.core.errors import DubError, StorageFullError, VideoNotFoundError

_DRAWN = re.compile(r"^ {4}(?P<depth>[\u2502 \u251c\u2514\u2500]*)(?P<name>[A-Z]\w+)(?P<rest>.*)$")


def drawn() -> list[tuple[int, str, str]]:
    """Depth, name and what stands beside it, for each line of the tree in the docstring."""
    lines = (_DRAWN.match(line) for line in str(errors.__doc__).splitlines())
    return [(len(m["depth"]) // 4, m["name"], m["rest"].strip()) for m in lines if m]


def defined(
    root: type[DubError] = DubError, depth: int = 0
) -> Iterator[tuple[int, type[DubError]]]:
    """Depth and class, in the order of definition."""
    yield depth, root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from defined(child, depth + 1)


def leaves() -> list[type[DubError]]:
    return [kind for depth, kind in defined() if depth == 2]


def test_the_drawn_tree_is_the_tree() -> None:
    """Every class stands where it is drawn, in the same order."""
    assert [(depth, name) for depth, name, _ in drawn()] == [
        (depth, kind.__name__) for depth, kind in defined()
    ]


def test_each_code_and_each_retry_is_drawn() -> None:
    """Beside a leaf stands its code, and whether a retry can help."""
    beside = {name: re.split(r"\s{2,}", rest) for depth, name, rest in drawn() if depth == 2}
    expected = {
        kind.__name__: [kind.code, *["a retry can help"] * kind.retryable] for kind in leaves()
    }
    assert expected == beside


def test_no_two_failures_share_a_code() -> None:
    """A code says which failure it was."""
    codes = [kind.code for kind in leaves()]
    assert sorted(set(codes)) == sorted(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", code) for code in codes)


def test_no_class_of_the_module_is_outside_the_tree() -> None:
    """Everything raised is a DubError."""
    classes = {kind for _, kind in inspect.getmembers(errors, inspect.isclass)}
    assert classes == {kind for _, kind in defined()}


def test_the_details_are_what_the_registry_keeps() -> None:
    """Code, sentence, retry, and the tool's words when there are any."""
    error = StorageFullError("The disk is full.", detail="ENOSPC")
    assert error.as_details() == {
        "code": "storage_full",
        "message": "The disk is full.",
        "retryable": True,
        "detail": "ENOSPC",
    }
    assert "detail" not in VideoNotFoundError("There is no such video.").as_details()


def test_an_error_reads_as_its_sentence() -> None:
    """In a log line as in an answer."""
    with pytest.raises(DubError, match=r"^There is no such video\.$"):
        raise VideoNotFoundError("There is no such video.", detail="SELECT 1")
