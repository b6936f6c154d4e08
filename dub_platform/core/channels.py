"""Channel ids: YouTube's, which are "UC" and 22 characters.

A channel's id is a part of addresses, so only `[A-Za-z0-9_-]` can be in one.
"""

from __future__ import annotations

import re

from dub_platform.core.errors import InvalidChannelIdError

CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")


def checked_channel_id(text: str) -> str:
    """`text` if it is a channel's id. Raises InvalidChannelIdError."""
    if CHANNEL_ID.fullmatch(text):
        return text
    raise InvalidChannelIdError(
        "This is not a channel's id: it is 'UC' and 22 characters, as the address of the "
        "channel's page has it after /channel/, and as GET /videos/ID answers it."
    )
