"""Channel ids: YouTube's, which are "UC" and 22 characters.

A channel's id is a part of addresses, so only `[A-Za-z0-9_-]` can be in one.
"""

from __future__ import annotations

import re

from dub_platform.core.errors import InvalidChannelIdError
from dub_platform.core.service.access import DEFAULT_TENANT

CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
# Between a tenant and the id of its channel; neither can have it.
MARK = ":"


def check_channel_id(text: str) -> str:
    """Return `text` if it is a channel's id. Raises InvalidChannelIdError."""
    if CHANNEL_ID.fullmatch(text):
        return text
    raise InvalidChannelIdError(
        "This is not a channel's id: it is 'UC' and 22 characters, as the address of the "
        "channel's page has it after /channel/, and as GET /videos/ID answers it."
    )


def channel_of(tenant: str, channel_id: str) -> str:
    """Return the name that tells a tenant's channel from the same channel of another tenant.

    The default tenant's channels are called what they always were.
    """
    return channel_id if tenant == DEFAULT_TENANT else f"{tenant}{MARK}{channel_id}"


def without_tenant(name: str) -> str:
    """Return the channel's own id in what `channel_of` made."""
    return name.rpartition(MARK)[2]
