"""The assets' values in the store: their keys, and reading them outside of Dagster.

    value_key("transcript", "dQw4w9WgXcQ")           # videos/dQw4w9WgXcQ/transcript.json
    value_in(store, Translation, "translation", "dQw4w9WgXcQ", "es")

They are written by `assets/step/io_manager.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from dub_platform.core.errors import ArtifactMissingError
from resources.store.port import Store

T = TypeVar("T")

# Cached, because building an adapter takes longer than using it.
adapter: Callable[[Any], TypeAdapter[Any]] = functools.cache(TypeAdapter)


def value_key(asset: str, video_id: str, language: str | None = None) -> str:
    """Return the key of an asset's value, for a video or for its dub in a language."""
    place = video_id if language is None else f"{video_id}/dubs/{language}"
    return f"videos/{place}/{asset}.json"


def value_in(
    store: Store, shape: type[T], asset: str, video_id: str, language: str | None = None
) -> T | None:
    """Return the latest value of the asset; None if it was never made."""
    written = find_bytes(store, value_key(asset, video_id, language))
    return None if written is None else adapter(shape).validate_json(written)


def find_bytes(store: Store, key: str) -> bytes | None:
    """Return all bytes under the key, in one request; None if there is no object."""
    try:
        return store.get_bytes(key)
    except ArtifactMissingError:
        return None
