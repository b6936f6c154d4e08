"""Tallies: what is counted in the registry, because the process that saw it does not last.

    add(connection, [STAGE_SECONDS.tally(12.5, "transcript", "made")])
    tallies = Tallies.at("postgresql://dub@db/registry")
    tallies.totals()[("stage_duration_seconds", ("transcript", "made"), "30.0")].count

One row for each value of a metric's labels, and each bucket of a histogram: reading them costs the
same with a hundred thousand videos as with one. They are written last in a transaction, so that
nobody waits for long behind a row that everybody writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from dub_platform.core.service.metrics import DUB, PREPARE, Tally
from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import UtcDateTime, dubs, tallies, videos
from dub_platform.registry.records import DubStatus

_BETWEEN = "|"
_TABLES = {PREPARE: videos, DUB: dubs}
# The same words in both tables.
_QUEUED, _RUNNING = DubStatus.QUEUED.value, DubStatus.RUNNING.value


@dataclass(frozen=True)
class Total:
    """How often something was seen, and the sum of what was seen."""

    count: int
    sum: float


@dataclass(frozen=True)
class Line:
    """What is under way and what waits: how many, and since when the first of them does."""

    running: int
    waiting: int
    oldest: datetime | None


Totals = Mapping[tuple[str, tuple[str, ...], str], Total]


class Tallies:
    """What the metrics are made of. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._reading = for_reading(engine)

    @classmethod
    def at(cls, url: str) -> Tallies:
        """The tallies at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def totals(self) -> Totals:
        """Return all totals: (metric, values of its labels, bucket) -> count and sum."""
        with self._reading.connect() as connection:
            return {
                (metric, tuple(labels.split(_BETWEEN)) if labels else (), le): Total(*seen)
                for metric, labels, le, *seen in connection.execute(select(tallies))
            }

    def lines(self) -> Mapping[str, Line]:
        """Return what runs and what waits, by the kind of work.

        Found by the status alone: finished work, which is most of it, is not looked at.
        """
        with self._reading.connect() as connection:
            return {work: _line(connection, work) for work in _TABLES}


def add(connection: Connection, seen: Iterable[Tally]) -> None:
    """Add each tally to its row, in one order, so that two transactions cannot lock each
    other out."""
    rows = ((tally.metric, _BETWEEN.join(tally.labels), tally.le, tally.value) for tally in seen)
    for metric, labels, le, value in sorted(rows):
        row = {"metric": metric, "labels": labels, "le": le, "count": 1, "sum": value}
        more = {"count": tallies.c.count + 1, "sum": tallies.c.sum + value}
        connection.execute(
            insert(connection, tallies)
            .values(row)
            .on_conflict_do_update(index_elements=list(tallies.primary_key), set_=more)
        )


def _line(connection: Connection, work: str) -> Line:
    table = _TABLES[work]
    # A row of the release before does not say since when it waits.
    since = func.coalesce(table.c.queued_at, table.c.created_at)
    waits = select(func.count(), func.min(since, type_=UtcDateTime))
    waiting, oldest = connection.execute(waits.where(table.c.status == _QUEUED)).one()
    runs = select(func.count()).where(table.c.status == _RUNNING)
    return Line(connection.execute(runs).scalar_one(), waiting, oldest)
