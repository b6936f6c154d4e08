"""Tells Dagster at once which partitions exist for a new video.

    announce = Announcer()
    announce("dQw4w9WgXcQ", ["es", "ca"])

A video is accepted once its row in the registry is committed. The requesting sensor adds the same
partition keys later, so a failure here is logged only, and nothing is lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from dagster import DagsterInstance

# For so long a language that was added is not added again.
KNOWN_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class Announcer:
    """Adds partition keys to the instance of DAGSTER_HOME, which it opens once."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, video_id: str, languages: Sequence[str]) -> None:
        """Add the partition keys of a video and its languages. Never raises."""
        try:
            self._add([video_id], languages)
        except Exception as error:  # noqa: BLE001 - Dagster being away must not refuse a video
            _log.warning("partition keys left to the sensor", video=video_id, error=repr(error))

    def open(self) -> None:
        """Open the instance now, because it takes seconds, which the first request would wait for.

        Never raises.
        """
        try:
            self._add([], [])
        except Exception as error:  # noqa: BLE001 - it is tried again with the first video
            _log.warning("Dagster's instance cannot be opened yet", error=repr(error))

    @cached_property
    def instance(self) -> DagsterInstance:
        from dagster import DagsterInstance

        return DagsterInstance.get()

    def _add(self, video_ids: Sequence[str], codes: Sequence[str]) -> None:
        from assets.partitions import add_keys, languages, videos

        add_keys(self.instance, videos, video_ids)
        # A video is new each time, a language hardly ever: that saves a query for each video.
        now = time.monotonic()
        new = [code for code in codes if now - self._told.get(code, -math.inf) > KNOWN_SECONDS]
        add_keys(self.instance, languages, new)
        self._told.update(dict.fromkeys(new, now))
