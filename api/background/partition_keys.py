"""Telling Dagster which partitions exist now.

    announce = Announcer()
    announce("dQw4w9WgXcQ", ["es", "ca"])

The registry's row is the acceptance. Here it only becomes visible at once: the requesting
sensor adds the same keys again, so a failure is logged and nothing is lost.
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

# For which a language that was added is taken to be there.
KNOWN_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class Announcer:
    """Adds keys to the instance that DAGSTER_HOME names, which it opens once and keeps."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, video_id: str, languages: Sequence[str]) -> None:
        """Add the keys of a video and its languages. Never raises."""
        try:
            self._add([video_id], languages)
        except Exception as error:  # noqa: BLE001 - Dagster being away must not refuse a video
            _log.warning("partition keys left to the sensor", video=video_id, error=repr(error))

    def open(self) -> None:
        """Open the instance now: it takes seconds, which the first request should not wait for.

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
        # A video is new each time, and a language hardly ever.
        now = time.monotonic()
        new = [code for code in codes if now - self._told.get(code, -math.inf) > KNOWN_SECONDS]
        add_keys(self.instance, languages, new)
        self._told.update(dict.fromkeys(new, now))
