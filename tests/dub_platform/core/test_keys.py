"""Keys: the same for the same, other for other, and the same for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.keys import content_key, file_sha256, is_content_key, key_of, take_key

SHAPE: Mapping[str, str | int | float] = {"voice": "es+m3", "rate": 165}


def test_a_key_is_the_same_for_ever() -> None:
    """Stored takes are found by it: were it to change, all would be spoken and paid again."""
    expected = "743c5c4774633224cc6b3eef71a4f9f316f112399c7e2cf86a03bcceb9e08992"
    assert expected == take_key(text="Hola, ni\u00f1o.", engine="espeak 1.52", shape=SHAPE)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers() | st.floats(0, 1)))
def test_the_order_of_keys_does_not_matter(value: dict[str, float]) -> None:
    """A mapping is what it holds."""
    assert key_of(value) == key_of(dict(reversed(value.items())))


@pytest.mark.parametrize(
    "other",
    [
        take_key(text="Hola!", engine="espeak", shape=SHAPE),
        take_key(text="Hola.", engine="espeak 2", shape=SHAPE),
        take_key(text="Hola.", engine="espeak", shape={**SHAPE, "rate": 166}),
        take_key(text="Hola.", engine="espeak", shape={**SHAPE, "rate": "165"}),
        take_key(text="Hola.", engine="espeak", shape={**SHAPE, "style": ""}),
        take_key(text="Hola.", engine="espeak", shape={}),
    ],
    ids=["text", "engine", "value", "type", "one more", "none"],
)
def test_everything_that_shapes_a_take_is_in_its_key(other: str) -> None:
    """Text, engine, and each setting with its name and type."""
    assert other != take_key(text="Hola.", engine="espeak", shape=SHAPE)


def test_parts_of_a_key_do_not_run_together() -> None:
    """What ends one part cannot begin the next."""
    assert take_key(text="ab", engine="c", shape={}) != take_key(text="a", engine="bc", shape={})


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 7])
def test_a_file_is_hashed_whole(tmp_path: Path, size: int) -> None:
    """Whatever its size, across the blocks it is read in."""
    content = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    assert hashlib.sha256(content[:size]).hexdigest() == file_sha256(tmp_path / "file")


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (content_key("videos/ID/audio/sound", "1f" * 32, ".flac"), True),
        ("videos/-1f2e1f2e1f2e1f2e.json/audio.json", False),
        ("videos/ID/transcript.json", False),
        ("videos/ID/upload.media", False),
        ("videos/ID/sound-1f2e.flac", False),
    ],
)
def test_a_key_made_of_content_is_known_by_its_look(key: str, is_one: bool) -> None:
    """What is not one is never taken for something that was superseded."""
    assert is_one == is_content_key(key)
