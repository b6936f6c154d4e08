"""The assets' values in the store: where each lies, and how it is read outside of Dagster.

    value_key("transcript", "dQw4w9WgXcQ")           # videos/dQw4w9WgXcQ/transcript.json
    value_in(store, Translation, "translation", "dQw4w9WgXcQ", "es")

`assets/step/io_manager.py` is what writes them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from dub_platform.core.errors import ArtifactMissingError
from resources.store.port import Store

T = TypeVar("T")

# What reads and writes values of a type. Building one takes longer than using it.
adapter: Callable[[Any], TypeAdapter[Any]] = functools.cache(TypeAdapter)


def value_key(asset: str, video_id: str, language: str | None = None) -> str:
    """Where the value of an asset of a video, or of its dub in a language, is kept."""
    place = video_id if language is None else f"{video_id}/dubs/{language}"
    return f"videos/{place}/{asset}.json"


def value_in(
    store: Store, shape: type[T], asset: str, video_id: str, language: str | None = None
) -> T | None:
    """The value as it was made last; None where it was not made yet."""
    written = find_bytes(store, value_key(asset, video_id, language))
    return None if written is None else adapter(shape).validate_json(written)


def find_bytes(store: Store, key: str) -> bytes | None:
    """All bytes under a key, asked for once; None where there is nothing."""
    try:
        return store.get_bytes(key)
    except ArtifactMissingError:
        return None
