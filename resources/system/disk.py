"""A disk that is full: told from other failures, and said in one way.

    with full_disk_named("track.m4a"):
        path.write_bytes(sound)         # raises StorageFullError, and any other OSError as it is

Some tools only say it in words: `says_full` reads them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from dub_platform.core.errors import StorageFullError

# No space, a quota of the user, a limit of the process.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS = re.compile("|".join(re.escape(os.strerror(number)) for number in _FULL))


@contextlib.contextmanager
def full_disk_named(what: str) -> Iterator[None]:
    """Raises StorageFullError where `what` cannot be written for lack of space."""
    try:
        yield
    except OSError as error:
        if not is_full(error.errno):
            raise
        raise full_disk(what, str(error)) from error


def is_full(number: int | None) -> bool:
    """Whether this is the system's number for a full disk."""
    return number in _FULL


def says_full(words: str) -> bool:
    """Whether a tool's words name a full disk."""
    return bool(_WORDS.search(words))


def full_disk(what: str, words: str) -> StorageFullError:
    """The error, with the system's or the tool's own words as its detail."""
    return StorageFullError(
        f"The disk is full, so {what} could not be written. Free some space; the work goes on from "
        "what was kept before.",
        detail=words[-2000:],
    )
