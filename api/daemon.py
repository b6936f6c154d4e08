"""Dagster's daemon, as it is known from its heartbeats: without it nothing new starts.

    daemon = Daemon(lambda: announcer.instance)
    daemon.heartbeats()         # {"SENSOR": datetime(...), ...}
    daemon.check()              # or DaemonSilentError

A video can be accepted while it is away, so the API goes on, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dub_platform.core.errors import DaemonSilentError

if TYPE_CHECKING:
    from dagster import DagsterInstance

# Each part of it writes one every half a minute.
SILENT_SECONDS = 120.0
_NEVER = datetime.fromtimestamp(0, timezone.utc)


class Daemon:
    """The daemon of an instance, which is opened only when somebody asks."""

    def __init__(self, instance: Callable[[], DagsterInstance]) -> None:
        self._instance = instance

    def heartbeats(self) -> Mapping[str, datetime]:
        """When each part that this instance wants was last heard of."""
        instance = self._instance()
        heard = instance.get_daemon_heartbeats()
        return {
            part: datetime.fromtimestamp(heard[part].timestamp, timezone.utc)
            for part in sorted(instance.get_required_daemon_types())
            if part in heard
        }

    def check(self) -> None:
        """Return while all of it is heard of. Raises DaemonSilentError."""
        heard = self.heartbeats()
        for part in self._instance().get_required_daemon_types():
            silent = (datetime.now(timezone.utc) - heard.get(part, _NEVER)).total_seconds()
            if silent > SILENT_SECONDS:
                raise DaemonSilentError(
                    f"Dagster's daemon ({part}) has said nothing for {SILENT_SECONDS:g} s, so "
                    "nothing new starts. Start it, or look at its log."
                )
