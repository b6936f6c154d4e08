"""A machine that has a tenth of a core left: slow, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from dub_platform.local.stack import Stack
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.platform import Platform, running_platform
from tests.support.throttle import hold_to

pytestmark = pytest.mark.long

SHARE = 0.1
VIDEOS = 3
CAPTIONS = """1
00:00:01,300 --> 00:00:03,900
My mother works in a small house.
"""


def test_what_is_handed_in_on_a_busy_machine_is_released(tmp_path: Path) -> None:
    """All videos, each at its first try: no run is thrown away or taken for dead."""
    clip = make_golden_clip(tmp_path, [(1.3, "My mother works in a small house.")], 5.0).path
    content = clip.read_bytes()
    with running_platform(tmp_path / "home") as platform:
        stack = platform.stack
        assert isinstance(stack, Stack)
        with hold_to(SHARE, psutil.Process(stack.parent_pid)):
            ids = [_hand_in(platform, content + bytes([number])) for number in range(VIDEOS)]
            for video_id in ids:
                platform.await_release(video_id, "es")
        dubs = [platform.dub(video_id, "es") for video_id in ids]
    assert [("released", 1)] * VIDEOS == [(dub["status"], dub["generation"]) for dub in dubs]


def _hand_in(platform: Platform, content: bytes) -> str:
    answer = platform.api.post(
        "/videos",
        files={"file": ("clip.mkv", content), "captions": ("clip.srt", CAPTIONS)},
        data={"languages": "es"},
        timeout=HANG_SECONDS,
    )
    video_id: str = answer.raise_for_status().json()["id"]
    return video_id
