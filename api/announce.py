"""Telling Dagster which partitions exist now.

    announce = Announcer()
    announce("dQw4w9WgXcQ", ["es", "ca"])

The registry's row is the acceptance. Here it only becomes visible at once: the requesting
sensor adds the same keys again, so a failure is logged and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from dagster import DagsterInstance

_log = structlog.get_logger(__name__)


class Announcer:
    """Adds keys to the instance that DAGSTER_HOME names, which it opens once and keeps."""

    def __call__(self, video_id: str, languages: Sequence[str]) -> None:
        """Add the keys of a video and its languages. Never raises."""
        try:
            self._add("videos", [video_id])
            self._add("languages", languages)
        except Exception as error:  # noqa: BLE001 - Dagster being away must not refuse a video
            _log.warning("partition keys left to the sensor", video=video_id, error=repr(error))

    def open(self) -> None:
        """Open the instance now: it takes seconds, which the first request should not wait for.

        Never raises.
        """
        try:
            self._add("videos", [])
        except Exception as error:  # noqa: BLE001 - it is tried again with the first video
            _log.warning("Dagster's instance cannot be opened yet", error=repr(error))

    @cached_property
    def instance(self) -> DagsterInstance:
        from dagster import DagsterInstance

        return DagsterInstance.get()

    def _add(self, partitions: str, keys: Sequence[str]) -> None:
        """Add the keys that are not there yet; on SQLite a key twice in one call raises."""
        instance = self.instance
        new = [
            key
            for key in dict.fromkeys(keys)
            if not instance.has_dynamic_partition(partitions, key)
        ]
        if new:
            instance.add_dynamic_partitions(partitions, new)
