"""A machine that has a tenth of a core left: slow, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.integration.golden_clip import make_golden_clip
from tests.integration.platform import running_platform
from tests.throttle import held_to

pytestmark = pytest.mark.long

SHARE = 0.1
VIDEOS = 3
CAPTIONS = """1
00:00:01,300 --> 00:00:03,900
My mother works in a small house by the river.
"""


def test_what_is_handed_in_on_a_busy_machine_is_released(tmp_path: Path) -> None:
    """All videos, each at its first try: no run is thrown away or taken for dead."""
    clip = make_golden_clip(tmp_path, [(1.3, "My mother works in a small house.")], 5.0).path
    with running_platform(tmp_path / "home") as platform:
        parent = platform.stack.parent
        assert parent is not None
        with held_to(SHARE, psutil.Process(parent)):
            ids = [_hand_in(platform.api, clip, number) for number in range(VIDEOS)]
            platform.until(lambda: all(_has_ended(platform.dub(each, "es")) for each in ids))
        dubs = [platform.dub(each, "es") for each in ids]
    assert [("released", 1)] * VIDEOS == [(dub["status"], dub["generation"]) for dub in dubs]
