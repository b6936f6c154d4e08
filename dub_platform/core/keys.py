"""Content keys: the same content has the same key, on every machine and for ever.

take_key(text="Hola.", shape={"language": "es", "rate": 165}, engine="espeak 1.52")
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CONTENT_KEY = re.compile(r".*-[0-9a-f]{16}\.\w+")


def key_of(value: Any) -> str:
    """Return the sha256 (64 hex digits) of a value of plain JSON types, whatever its order
    of keys."""
    # Sorted and without spaces: equal values must give equal bytes, in every release.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def take_key(*, text: str, engine: str, shape: Mapping[str, str | int | float]) -> str:
    """Return the key of a take, which is made of everything that shapes the sound and of nothing
    else."""
    return key_of({"text": text, "engine": engine, "shape": dict(shape)})


def file_sha256(path: Path) -> str:
    """Return the sha256 (64 hex digits) of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_key(prefix: str, sha256: str, suffix: str) -> str:
    """Return a store's key that is never written over with other content: `PREFIX-1f2e….mp4`."""
    return f"{prefix}-{sha256[:16]}{suffix}"


def is_content_key(key: str) -> bool:
    """Tell whether `content_key` made the key."""
    return bool(_CONTENT_KEY.fullmatch(key))
