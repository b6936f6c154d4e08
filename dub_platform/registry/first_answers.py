"""The table of first answers: what a request with an Idempotency-Key was answered, kept for a day.

    answers = FirstAnswers.at("sqlite:///registry.sqlite")
    claim = answers.claim("9f86d0...", "one-request", now=now)
    if claim.is_mine:
        answers.keep("9f86d0...", "one-request", digest, FirstAnswer(202, [...], body))

Whoever inserts the row answers the request. It renews its claim while it is at it, so a process
that died is followed by whoever asks again. Tested by `tests/contracts/test_first_answers.py` on
both databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, or_, select, update

from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import first_answers

KEPT = timedelta(hours=24)
CLAIM_LASTS = timedelta(seconds=30)


@dataclass(frozen=True)
class FirstAnswer:
    """An answer as it was sent; `headers` are pairs of name and value."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Claim:
    """What is known of a key: who asks may answer it, or somebody is at it, or has answered."""

    is_mine: bool
    digest: str | None = None
    answer: FirstAnswer | None = None


class FirstAnswers:
    """Keeps answers in an SQL database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = for_reading(engine)

    @classmethod
    def at(cls, url: str) -> FirstAnswers:
        """The answers at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def claim(self, key: str, holder: str, *, now: datetime) -> Claim:
        """Take the key for this request, unless it is answered or another request is at it."""
        with self._engine.begin() as connection:
            if _take(connection, key, holder, now):
                return Claim(is_mine=True)
            return _claim(connection, key)

    def renew(self, key: str, holder: str, *, now: datetime) -> None:
        """Note that the request is still being answered."""
        with self._engine.begin() as connection:
            connection.execute(update(first_answers).where(_of(key, holder)).values(claimed_at=now))

    def keep(self, key: str, holder: str, digest: str, answer: FirstAnswer) -> None:
        """Keep what was answered to the request with this digest."""
        answered = update(first_answers).where(_of(key, holder))
        headers = [list(pair) for pair in answer.headers]
        with self._engine.begin() as connection:
            connection.execute(
                answered.values(
                    digest=digest, status=answer.status, headers=headers, body=answer.body
                )
            )

    def give_back(self, key: str, holder: str) -> None:
        """Free the key of a request that came to nothing: the next one with it is the first."""
        with self._engine.begin() as connection:
            connection.execute(delete(first_answers).where(_of(key, holder)))

    def drop(self, *, before: datetime, dry_run: bool = False) -> int:
        """Delete what was claimed before `before`; return how many rows. A dry run only counts
        them."""
        past = first_answers.c.claimed_at < before
        with self._engine.begin() as connection:
            if dry_run:
                return connection.execute(select(func.count()).where(past)).scalar_one()
            return connection.execute(delete(first_answers).where(past)).rowcount


def _take(connection: Connection, key: str, holder: str, now: datetime) -> bool:
    """Insert the row, or take over one that is forgotten or whose request has died."""
    mine: dict[str, Any] = {"holder": holder, "claimed_at": now}
    nothing = {"digest": None, "status": None, "headers": None, "body": None}
    claimed = first_answers.c.claimed_at
    free = or_(
        claimed < now - KEPT,
        and_(
            first_answers.c.status.is_(None),
            # A claim from the future is of a clock that was set right since.
            ~claimed.between(now - CLAIM_LASTS, now + CLAIM_LASTS),
        ),
    )
    taking = insert(connection, first_answers).values(key=key, **mine)
    upserted = taking.on_conflict_do_update(
        index_elements=list(first_answers.primary_key), set_={**mine, **nothing}, where=free
    )
    return bool(connection.execute(upserted).rowcount)


def _claim(connection: Connection, key: str) -> Claim:
    row = connection.execute(select(first_answers).filter_by(key=key)).one()
    if row.status is None:
        return Claim(is_mine=False)
    headers = [(name, value) for name, value in row.headers]
    return Claim(False, row.digest, FirstAnswer(row.status, headers, row.body))


def _of(key: str, holder: str) -> ColumnElement[bool]:
    """Return the condition for the key's row, while it is this request's and has no answer."""
    return and_(
        first_answers.c.key == key,
        first_answers.c.holder == holder,
        first_answers.c.status.is_(None),
    )
