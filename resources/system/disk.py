"""Full disks: recognised among other errors, and reported in one way.

    with translating_full_disk("track.m4a"):
        path.write_bytes(sound)         # raises StorageFullError, or any other OSError unchanged

Some tools only print it: `says_full` recognises their words.
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
def translating_full_disk(what: str) -> Iterator[None]:
    """Translate an OSError about missing space into a StorageFullError that names `what` was
    written."""
    try:
        yield
    except OSError as error:
        if not is_full(error.errno):
            raise
        raise full_disk(what, str(error)) from error


def is_full(number: int | None) -> bool:
    """Whether this is an error number of a full disk."""
    return number in _FULL


def says_full(words: str) -> bool:
    """Whether a tool's words tell of a full disk."""
    return bool(_WORDS.search(words))


def full_disk(what: str, words: str) -> StorageFullError:
    """Make the error, with the system's or the tool's own words as its detail."""
    return StorageFullError(
        f"The disk is full, so {what} could not be written. Free some space; the work goes on from "
        "what was kept before.",
        detail=words[-2000:],
    )
