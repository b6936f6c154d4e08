"""Leases: which run works on a video, or on a dub, right now.

    if take(connection, "dQw4w9WgXcQ", "es", run_id, now):
        ...                                         # for LEASE_LASTS from now, nobody else does
    require(connection, "dQw4w9WgXcQ", "es", run_id)      # or RunSupersededError

A run renews its lease while it works. One that died stops renewing, so its work can be given to
another; one that was only cut off finds that its lease is another's, and writes nothing more.
Machines' clocks must agree to a few seconds. Where one was ahead and is set right, a lease from the
future is believed for no longer than any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select

from dub_platform.core.errors import RunSupersededError
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import leases

LEASE_LASTS = timedelta(seconds=20)


def take(
    connection: Connection, video_id: str, language: str | None, run_id: str, now: datetime
) -> bool:
    """Take the lease, or renew it; False while another run holds it."""
    mine = {"run_id": run_id, "renewed_at": now}
    free = or_(leases.c.run_id == run_id, ~_is_fresh(now))
    taking = insert(connection, leases).values(**_place(video_id, language), **mine)
    upserted = taking.on_conflict_do_update(
        index_elements=list(leases.primary_key), set_=mine, where=free
    )
    return bool(connection.execute(upserted).rowcount)


def end(
    connection: Connection, video_id: str, language: str | None, run_id: str | None = None
) -> None:
    """End the lease, whoever holds it, or only if it is this run's."""
    ended = delete(leases).filter_by(**_place(video_id, language))
    connection.execute(ended if run_id is None else ended.filter_by(run_id=run_id))


def end_all(connection: Connection, video_id: str, run_id: str) -> None:
    """End this run's leases of the video and its dubs."""
    connection.execute(delete(leases).filter_by(video_id=video_id, run_id=run_id))


def drop(connection: Connection, before: datetime, dry_run: bool) -> int:
    """Delete the leases that were last renewed before; how many there are."""
    past = leases.c.renewed_at < before
    if dry_run:
        return connection.execute(select(func.count()).where(past)).scalar_one()
    return connection.execute(delete(leases).where(past)).rowcount


def require(connection: Connection, video_id: str, language: str | None, run_id: str) -> None:
    """Raise RunSupersededError if another run has taken over.

    The lease stays as it is until the transaction ends.
    """
    query = select(leases.c.run_id).filter_by(**_place(video_id, language))
    holder = connection.execute(query.with_for_update()).scalar()
    if holder not in (None, run_id):
        raise make_superseded_error(video_id, language)


def is_held(
    video_id: ColumnElement[str], language: ColumnElement[str], now: datetime
) -> ColumnElement[bool]:
    """Return the condition that some run holds the lease of a row with these columns."""
    return exists().where(
        leases.c.video_id == video_id,
        leases.c.language == func.coalesce(language, ""),
        _is_fresh(now),
    )


def holders(connection: Connection, now: datetime) -> set[str]:
    """Return the ids of the runs that hold a lease."""
    return set(connection.execute(select(leases.c.run_id).where(_is_fresh(now))).scalars())


def make_superseded_error(video_id: str, language: str | None) -> RunSupersededError:
    """Make the error of a run that works on what another run has taken over."""
    what = " in ".join(filter(None, (video_id, language)))
    return RunSupersededError(
        f"Another run works on {what}, so this one stopped before it wrote anything more. "
        "Wait for the other to end, and start this one again only if something is still missing."
    )


def _is_fresh(now: datetime) -> ColumnElement[bool]:
    return leases.c.renewed_at.between(now - LEASE_LASTS, now + LEASE_LASTS)


def _place(video_id: str, language: str | None) -> dict[str, str]:
    # A primary key has no NULL: the video itself is the one without a language.
    return {"video_id": video_id, "language": language or ""}
