"""The ledger: records a paid call before it is made, and its cost after its result is stored.

    call_id = ledger.open(PaidCall(...))            # raises CostCapError before anything is paid
    ledger.settle(call_id, units=42, cost_usd=0.0042, request_id="req_1")

An entry that stays open is a call whose answer was lost. It counts as spent, because it may have
been charged. Engines without cost make no entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.registry.ledger import PaidCalls


class Ledger(Protocol):
    """Records what is paid."""

    def open(self, call: PaidCall) -> int:
        """Record that this call is about to be made. Raises CostCapError; then do not make it."""
        ...

    def settle(self, call_id: int, *, units: int, cost_usd: float, request_id: str | None) -> None:
        """Record the cost: `units` (characters, tokens or seconds) for `cost_usd`.

        The result is stored.
        """
        ...

    def close(self, call_id: int, why: str) -> None:
        """Record that the call failed and the provider charged nothing for it."""
        ...

    def use(self, role: str, key: str, video_id: str) -> None:
        """Record that a video uses the answer stored under this key, so that it is kept as long."""
        ...


@dataclass(frozen=True)
class CappedLedger:
    """The registry's `paid_calls`, with the cost caps of this deployment."""

    calls: PaidCalls
    caps: Caps

    def open(self, call: PaidCall) -> int:
        return self.calls.open(call, self.caps)

    def settle(self, call_id: int, *, units: int, cost_usd: float, request_id: str | None) -> None:
        self.calls.settle(call_id, units=units, cost_usd=cost_usd, request_id=request_id)

    def close(self, call_id: int, why: str) -> None:
        self.calls.close(call_id, why)

    def use(self, role: str, key: str, video_id: str) -> None:
        self.calls.use(role, key, video_id)
