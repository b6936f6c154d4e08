"""The ledger: a paid call is a row before it is made, and settled after its result is kept.

    call_id = ledger.open(PaidCall(...))            # raises CostCapError before anything is paid
    ledger.settle(call_id, units=42, cost_usd=0.0042, request_id="req_1")

A row that stays open is a call whose answer was lost: it counts as spent, because it may have
been. Free engines open no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dub_platform.core.cost import Caps, PaidCall
from dub_platform.registry.ledger import PaidCalls


class Ledger(Protocol):
    """Keeps account of what is paid."""

    def open(self, call: PaidCall) -> int:
        """Note that this call is about to be made. Raises CostCapError, and then it must not be."""
        ...

    def settle(self, call_id: int, *, units: int, cost_usd: float, request_id: str | None) -> None:
        """Its result is kept: so many units (characters, tokens, seconds) for so much."""
        ...

    def close(self, call_id: int, why: str) -> None:
        """It failed and the provider charged nothing for it."""
        ...

    def use(self, role: str, key: str, video_id: str) -> None:
        """A video is made with the answer kept under this key, which stays for as long."""
        ...


@dataclass(frozen=True)
class CappedLedger:
    """The registry's `paid_calls`, with the caps of this deployment."""

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
