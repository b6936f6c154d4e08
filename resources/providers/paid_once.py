"""What is paid for once: a row in the ledger, the call, the answer kept, the row settled.

    paid = PaidOnce(store, ledger, "translator")
    written = paid.find(path, key, video_id) or paid.buy(call, lambda bill: ask_and_keep(bill))

Every engine that is paid for buys so. It is held to the promises in
`tests/contracts/test_paid_once.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dub_platform.core.cost import PaidCall
from dub_platform.core.errors import DubError
from resources.providers.ledger import Ledger
from resources.store.port import Store
from resources.store.values import find_bytes

T = TypeVar("T")


@dataclass
class Bill:
    """What a call has cost so far, over all its tries, whether their answers are kept or not.

    `units` are those charged (characters, tokens, seconds), `request_id` is the provider's name of
    the last answer. `is_unsure` says that a try is on it that may have cost more or nothing: its
    answer never came whole.
    """

    units: int = 0
    cost_usd: float = 0.0
    request_id: str | None = None
    is_unsure: bool = False

    def charge(self, units: int, cost_usd: float, request_id: str | None = None) -> None:
        """Add what one try cost."""
        self.units += units
        self.cost_usd += cost_usd
        self.request_id = request_id or self.request_id

    def guess(self, units: int, cost_usd: float) -> None:
        """Add what one try may have cost, of which nobody knows."""
        self.charge(units, cost_usd)
        self.is_unsure = True


@dataclass(frozen=True)
class PaidOnce:
    """Buys answers in one role, and finds those that were bought before."""

    store: Store
    ledger: Ledger
    role: str

    def find(self, path: str, key: str, video_id: str) -> bytes | None:
        """What is kept of an answer; None where it is to be bought.

        The video is noted as one that is made with it, so that it stays for as long.
        """
        self.ledger.use(self.role, key, video_id)
        return find_bytes(self.store, path)

    def buy(self, call: PaidCall, make: Callable[[Bill], T]) -> T:
        """What `make` returns, which asks for it, puts what it costs on the bill, and keeps it.

        Raises CostCapError, and then nothing was asked for. A call that costs nothing has no row.
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
        # Settled last: a row that stays open counts as spent, a result that is lost does not.
        self._settle(call_id, bill)
        return answer

    def _book_failure(self, call_id: int, bill: Bill, error: Exception) -> None:
        """What was charged is booked though nothing came of it; of what nobody knows, the row
        stays open."""
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
