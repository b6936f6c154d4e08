"""Buys an answer once: record the call, make it, store the answer, record the cost.

    paid = PaidOnce(store, ledger, "translator")
    written = paid.find(path, key, video_id) or paid.buy(call, lambda bill: ask_and_keep(bill))

All paid engines buy through it. Its promises are tested in `tests/contracts/test_paid_once.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dub_platform.core.errors import DubError
from dub_platform.core.service.cost import PaidCall
from resources.providers.ledger import Ledger
from resources.store.port import Store
from resources.store.values import find_bytes

T = TypeVar("T")


@dataclass
class Bill:
    """The cost of a call so far, over all tries, whether their answers were usable or not.

    `units` are charged characters, tokens or seconds; `request_id` is the provider's, of the last
    answer. `is_unsure` means that a try without a complete answer may have cost more or nothing.
    """

    units: int = 0
    cost_usd: float = 0.0
    request_id: str | None = None
    is_unsure: bool = False

    def charge(self, units: int, cost_usd: float, request_id: str | None = None) -> None:
        """Add the cost of one try."""
        self.units += units
        self.cost_usd += cost_usd
        self.request_id = request_id or self.request_id

    def guess(self, units: int, cost_usd: float) -> None:
        """Add the possible cost of a try that nobody can be sure of."""
        self.charge(units, cost_usd)
        self.is_unsure = True


@dataclass(frozen=True)
class PaidOnce:
    """Buys answers for one role, and finds answers that were bought before."""

    store: Store
    ledger: Ledger
    role: str

    def find(self, path: str, key: str, video_id: str) -> bytes | None:
        """Return the stored answer; None if it must be bought.

        Records that the video uses it, so that it is kept as long as the video.
        """
        self.ledger.use(self.role, key, video_id)
        return find_bytes(self.store, path)

    def buy(self, call: PaidCall, make: Callable[[Bill], T]) -> T:
        """Return what `make` returns. `make` calls the provider, adds its cost to the bill, and
        stores it.

        Raises CostCapError before anything is called. A call without cost has no entry in the
        ledger.
        """
        bill = Bill()
        if call.estimated_usd == 0:
            return make(bill)
        call_id = self.ledger.open(call)
        try:
            answer = make(bill)
        except Exception as error:
            self._book_failure(call_id, bill, error)
            raise
        # Settled last: if this process dies before, the open entry still counts as spent.
        self._settle(call_id, bill)
        return answer

    def _book_failure(self, call_id: int, bill: Bill, error: Exception) -> None:
        """Record what was charged although the call failed; leave the entry open if that is
        unknown."""
        if bill.is_unsure:
            return
        if bill.units or bill.cost_usd:
            self._settle(call_id, bill)
        elif isinstance(error, DubError):
            self.ledger.close(call_id, error.sentence)

    def _settle(self, call_id: int, bill: Bill) -> None:
        self.ledger.settle(
            call_id, units=bill.units, cost_usd=bill.cost_usd, request_id=bill.request_id
        )
