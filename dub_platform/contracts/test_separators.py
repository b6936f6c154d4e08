"""The separators of other packages, or the one that DUB_SEPARATOR names."""

from __future__ import annotations

import pytest

from dub_platform import wiring
from dub_platform.contracts.separators import SeparatorContract
from dub_platform.settings import Settings
from resources.separator.port import Separator


@pytest.fixture(scope="module")
def separator(separator_settings: Settings) -> Separator:
    return wiring.separator(separator_settings)


class TestSeparator(SeparatorContract):
    """What every separator promises, and that this one is worth to be named."""

    def test_it_takes_the_voice_out(self, separator: Separator) -> None:
        """To leave it, DUB_ORIGINAL=duck is there."""
        assert separator.removes_voice
