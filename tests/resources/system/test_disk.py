"""A full disk: known by the system's number and by tools' words, and nothing else is one."""

from __future__ import annotations

import errno
import os

import pytest

from dub_platform.core.errors import StorageFullError
from resources.system.disk import says_full, translating_full_disk


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named_with_what_was_to_be_written(number: int) -> None:
    """Of the machine, of the user or of the process; the system's words are kept."""
    with pytest.raises(StorageFullError, match=r"The disk is full, so a\.wav could not") as full:  # noqa: SIM117
        with translating_full_disk("a.wav"):
            raise OSError(number, os.strerror(number))
    assert os.strerror(number) in str(full.value.detail)
    assert full.value.retryable


def test_any_other_failure_is_raised_as_it_is() -> None:
    """A folder that is missing is no full disk."""
    with pytest.raises(FileNotFoundError), translating_full_disk("a.wav"):
        raise FileNotFoundError(errno.ENOENT, "No such file")


@pytest.mark.parametrize(
    ("words", "full"),
    [
        ("Error closing file: No space left on device", True),
        ("unable to write data: [Errno 122] Disk quota exceeded", True),
        ("[Errno 27] File too large", True),
        ("Invalid data found when processing input", False),
        ("", False),
    ],
)
def test_a_tool_that_speaks_of_a_full_disk_is_understood(words: str, full: bool) -> None:
    """ffmpeg and yt-dlp quote the system."""
    assert full == says_full(words)
