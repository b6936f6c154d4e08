"""An account of paid calls to read in a test: the registry's own table, on SQLite.

accounts = Accounts.below(tmp_path)
OpenAITranslator(chat, price, store, accounts.ledger())
assert ["settled"] == [row["status"] for row in accounts.rows()]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from dub_platform.core.service.cost import Caps
from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.database.tables import metadata, paid_calls
from dub_platform.registry.ledger import PaidCalls
from resources.providers.ledger import CappedLedger

NO_CAPS = Caps()


@dataclass(frozen=True)
class Accounts:
    """A database with an empty account in it."""

    engine: Engine

    @classmethod
    def below(cls, folder: Path) -> Accounts:
        """One in a new file in this folder."""
        engine = engine_at(f"sqlite:///{folder / 'accounts.sqlite'}")
        metadata.create_all(engine)
        return cls(engine)

    def ledger(self, caps: Caps = NO_CAPS) -> CappedLedger:
        """What an engine is given."""
        return CappedLedger(PaidCalls(self.engine), caps)

    def rows(self) -> list[Mapping[str, Any]]:
        """All calls in the order they were opened."""
        with self.engine.connect() as connection:
            found = connection.execute(select(paid_calls).order_by(paid_calls.c.id))
            return [dict(row) for row in found.mappings()]
