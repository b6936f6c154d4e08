"""Sets the limits of Dagster's pools to those of DUB_POOLS.

    PoolLimits({"speech": 5}).apply(instance)       # once in each process; then it does nothing

Dagster stores these limits in its database, not in dagster.yaml; a pool without a limit has the
default. The first tick after a start applies them, so a change made in the UI lasts until the next
start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagster import DagsterInstance


@dataclass
class PoolLimits:
    """The number of steps that each pool lets run at once."""

    limits: Mapping[str, int]
    _are_applied: bool = field(default=False, init=False)

    def apply(self, instance: DagsterInstance) -> None:
        """Set the limits, unless this process has done so before; other pools are left alone."""
        if not self._are_applied:
            for pool, limit in self.limits.items():
                instance.event_log_storage.set_concurrency_slots(pool, limit)
            self._are_applied = True
