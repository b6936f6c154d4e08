"""Channel ids: what is one."""

from __future__ import annotations

import pytest

from dub_platform.core.errors import InvalidChannelIdError
from dub_platform.core.service.channels import check_channel_id


def test_an_id_of_youtubes_is_one() -> None:
    """With all the signs that can be in it."""
    assert "UC_x5XG1OV2P6uZZ5FSM9T-w" == check_channel_id("UC_x5XG1OV2P6uZZ5FSM9T-w")


@pytest.mark.parametrize(
    "text",
    ["", "UC", "@TheBakery", "UC012345678901234567890", "UC01234567890123456789012",
     "uc0123456789012345678901", "UC../../0123456789012345", "UC012345678901234567890\n",
     "UC01234567890123456789é1"],
)  # fmt: skip
def test_what_is_no_channels_id_is_refused(text: str) -> None:
    """Handles, other lengths, and everything that could mean something in an address."""
    with pytest.raises(InvalidChannelIdError):
        check_channel_id(text)
