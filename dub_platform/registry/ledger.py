"""The table of paid calls: a row before the call, settled after its result is kept.

    calls = PaidCalls.at("sqlite:///registry.sqlite")
    call_id = calls.open(PaidCall(...), Caps(per_video_usd=5.0))

Money counts as spent from the moment a call is opened: an answer that was lost may have been
charged. Tested by `tests/contracts/test_ledger.py` on both databases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone

from sqlalchemy import Connection, Engine, bindparam, delete, exists, func, select, update

from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.core.service.metrics import PROVIDER_CALLS, PROVIDER_DOLLARS
from dub_platform.registry import tallies
from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import CallStatus, answer_uses, paid_calls, utc_now

# Dollars by language; under None is what was spent on the video itself, for all of its languages.
Spent = Mapping["str | None", float]
_LOCK = 0x64756264  # "dubd"; any number that no other advisory lock in the database uses
_IS_CHARGED = paid_calls.c.status.in_((CallStatus.OPEN, CallStatus.SETTLED))
# Made once: a statement that is made anew is looked through each time.
_SPENT = (
    select(paid_calls.c.video_id, paid_calls.c.language, func.sum(paid_calls.c.cost_usd))
    .where(_IS_CHARGED, paid_calls.c.video_id.in_(bindparam("ids", expanding=True)))
    .group_by(paid_calls.c.video_id, paid_calls.c.language)
)


class PaidCalls:
    """Keeps account in an SQL database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = for_reading(engine)

    @classmethod
    def at(cls, url: str) -> PaidCalls:
        """Return the ledger at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def open(self, call: PaidCall, caps: Caps) -> int:
        """Note a call that is about to be made. Raises CostCapError, and then notes nothing."""
        with self._engine.begin() as connection:
            # Before the sums are read, or two processes would each find room for one more.
            _one_at_a_time(connection)
            midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
            caps.refuse(
                call,
                video_usd=_sum_spent(connection, video_id=call.video_id),
                day_usd=_sum_spent(connection, since=midnight),
            )
            row = {**asdict(call), "cost_usd": call.estimated_usd}
            opened = insert(connection, paid_calls).values(row).returning(paid_calls.c.id)
            call_id = int(connection.execute(opened).scalar_one())
            tallies.add(connection, [PROVIDER_CALLS.tally(1, call.role, "opened")])
            return call_id

    def settle(self, call_id: int, *, units: int, cost_usd: float, request_id: str | None) -> None:
        """Note that the call's result is kept, and what it cost."""
        self._end(
            call_id,
            status=CallStatus.SETTLED,
            units=units,
            cost_usd=cost_usd,
            request_id=request_id,
        )

    def close(self, call_id: int, why: str) -> None:
        """Settle a call that failed and cost nothing."""
        self._end(call_id, status=CallStatus.FAILED, cost_usd=0.0, reason=why)

    def spent_usd(self, video_id: str) -> Spent:
        """Return what was spent on a video, in US dollars by language, calls that are still open
        included."""
        return self.spent_on([video_id])[video_id]

    def spent_on(self, video_ids: Collection[str]) -> Mapping[str, Spent]:
        """Return what was spent on each of these videos, as `spent_usd` does for one."""
        spent: dict[str, dict[str | None, float]] = {video_id: {} for video_id in video_ids}
        with self._reading.connect() as connection:
            for video_id, language, usd in connection.execute(_SPENT, {"ids": list(video_ids)}):
                spent[video_id][language] = float(usd)
        return spent

    def use(self, role: str, key: str, video_id: str) -> None:
        """Note, before it is looked for, that a video is made with the answer under this key."""
        with self._engine.begin() as connection:
            noted = insert(connection, answer_uses).values(role=role, key=key, video_id=video_id)
            connection.execute(noted.on_conflict_do_nothing())

    def list_sole_uses(self, video_id: str) -> Sequence[tuple[str, str]]:
        """Return role and key of every answer that this video is made with, and no other
        video is."""
        other = answer_uses.alias()
        shared = exists().where(
            other.c.key == answer_uses.c.key,
            other.c.role == answer_uses.c.role,
            other.c.video_id != video_id,
        )
        alone = select(answer_uses.c.role, answer_uses.c.key).where(
            answer_uses.c.video_id == video_id, ~shared
        )
        with self._reading.connect() as connection:
            return [(row.role, row.key) for row in connection.execute(alone)]

    def forget_uses(self, video_id: str) -> None:
        """Note that the video is made with no answer any more. What it paid stays in the
        account."""
        with self._engine.begin() as connection:
            connection.execute(delete(answer_uses).filter_by(video_id=video_id))

    def _end(self, call_id: int, *, status: CallStatus, cost_usd: float, **values: object) -> None:
        ended = (
            update(paid_calls)
            .where(paid_calls.c.id == call_id)
            .values(settled_at=utc_now(), status=status, cost_usd=cost_usd, **values)
            .returning(paid_calls.c.role)
        )
        with self._engine.begin() as connection:
            role = connection.execute(ended).scalar_one()
            calls = PROVIDER_CALLS.tally(1, role, status.value)
            tallies.add(connection, [calls, PROVIDER_DOLLARS.tally(cost_usd, role)])


def _sum_spent(
    connection: Connection,
    *,
    video_id: str | None = None,
    since: datetime | None = None,
) -> float:
    charged = select(func.coalesce(func.sum(paid_calls.c.cost_usd), 0.0)).where(_IS_CHARGED)
    if video_id is not None:
        charged = charged.where(paid_calls.c.video_id == video_id)
    if since is not None:
        charged = charged.where(paid_calls.c.created_at >= since)
    return float(connection.execute(charged).scalar_one())


def _one_at_a_time(connection: Connection) -> None:
    """Let one transaction at a time look at the caps: two calls that each fit must not go over a
    cap together. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
