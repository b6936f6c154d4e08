"""The limits of pools as DUB_POOLS has them, put into Dagster's instance.

    PoolLimits({"speech": 5}).apply(instance)       # once in each process; then it does nothing

Dagster keeps limits with its runs and not in dagster.yaml, where a pool that nobody set has the
default. The first tick after a start applies them, so what is changed in the UI holds until the
next start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagster import DagsterInstance


@dataclass
class PoolLimits:
    """How many steps each pool lets work at once."""

    limits: Mapping[str, int]
    _are_applied: bool = field(default=False, init=False)

    def apply(self, instance: DagsterInstance) -> None:
        """Set the limits, unless this process has done so; other pools stay as they are."""
        if not self._are_applied:
            for pool, limit in self.limits.items():
                instance.event_log_storage.set_concurrency_slots(pool, limit)
            self._are_applied = True
