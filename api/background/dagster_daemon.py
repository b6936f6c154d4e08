"""The health of Dagster's daemon, by its heartbeats: without the daemon no run starts.

    daemon = Daemon(lambda: announcer.instance)     # opened at the first use
    daemon.heartbeats()         # {"SENSOR": datetime(...), ...}
    daemon.check()              # or DaemonSilentError

Videos can be accepted while the daemon is away, so the API goes on and reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dub_platform.core.errors import DaemonSilentError

if TYPE_CHECKING:
    from dagster import DagsterInstance

# The parts of the daemon that request runs and start them.
NEEDED = ("SENSOR", "QUEUED_RUN_COORDINATOR")
# Each part writes a heartbeat every half a minute.
SILENT_SECONDS = 120.0
_NEVER = datetime.fromtimestamp(0, timezone.utc)


class Daemon:
    """The daemon of a Dagster instance."""

    def __init__(self, instance: Callable[[], DagsterInstance]) -> None:
        self._instance = instance

    def heartbeats(self) -> Mapping[str, datetime]:
        """Return the time of the last heartbeat of each part, without parts that are switched
        off."""
        instance = self._instance()
        parts = instance.get_required_daemon_types()
        return {
            part: datetime.fromtimestamp(heartbeat.timestamp, timezone.utc)
            for part, heartbeat in instance.get_daemon_heartbeats().items()
            if part in parts
        }

    def check(self) -> None:
        """Return if all parts that are needed had a recent heartbeat. Raises DaemonSilentError."""
        heard, now = self.heartbeats(), datetime.now(timezone.utc)
        for part in NEEDED:
            if (now - heard.get(part, _NEVER)).total_seconds() > SILENT_SECONDS:
                raise DaemonSilentError(
                    f"Dagster's daemon ({part}) has said nothing for {SILENT_SECONDS:g} s, so "
                    "nothing new starts. Start it, or look at its log."
                )
