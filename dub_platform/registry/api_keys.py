"""The table of API keys.

    keys = ApiKeys.at("sqlite:///registry.sqlite")
    key, token = keys.make(tenant="acme", scopes={Scope.READ}, name="nightly import")
    keys.holder(token, now)                     # the key, while it is good

The token is handed out once and not kept: a copy of the table opens nothing. Tested by
`tests/dub_platform/registry/test_api_keys.py` on both databases.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from dub_platform.core.errors import InvalidRequestError, KeyNotFoundError
from dub_platform.core.service.access import Scope, Token
from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.tables import UtcDateTime, api_keys, utc_now

# A key may be used hundreds of times a second, and a write for each would be the database's work.
USE_IS_NOTED_EVERY = timedelta(minutes=1)
# Of a tenant, that are good at once and that its own keys can make.
MOST_KEYS = 100
_NOBODYS = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """One row of `api_keys`, without its hash. `id` is the part of the token that is no secret.

    `counts_as` is the key that it was made with, as whose its requests count.
    """

    id: str
    tenant: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    counts_as: str | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return _is_good(self.revoked_at, self.expires_at, now)

    def is_use_due(self, now: datetime) -> bool:
        """Whether it is to be noted that it is used."""
        return self.last_used_at is None or self.last_used_at <= now - USE_IS_NOTED_EVERY


_KEY = tuple(api_keys.c[field.name] for field in fields(ApiKey))
# Made once: a statement that is made anew is looked through each time.
_OF_IDS = select(*_KEY, api_keys.c.sha256).where(
    api_keys.c.id.in_(bindparam("ids", expanding=True))
)


class ApiKeys:
    """Keeps keys in an SQL database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = for_reading(engine)

    @classmethod
    def at(cls, url: str) -> ApiKeys:
        """The keys at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def make(
        self,
        *,
        tenant: str,
        scopes: Collection[Scope],
        name: str = "",
        expires_at: datetime | None = None,
        maker: str | None = None,
    ) -> tuple[ApiKey, Token]:
        """Make a key; return it and its token, which nobody can ask for again.

        `maker` is the id of the key that it is made with. Raises InvalidRequestError where such
        keys have made as many as there can be.
        """
        token = Token.new()
        row = {
            "id": token.id,
            "sha256": token.sha256,
            "tenant": tenant,
            "scopes": frozenset(scopes),
            "name": name,
            "expires_at": expires_at,
        }
        with self._engine.begin() as connection:
            if maker is not None:
                _require_room(connection, tenant)
                # The root of a line of keys: limits are per key, and making more of them must not
                # raise them.
                row["counts_as"] = _root(connection, maker)
            made = insert(api_keys).values(row).returning(*_KEY)
            return ApiKey(**connection.execute(made).one()._asdict()), token

    def of(self, tenant: str, *, after: str = "", limit: int | None = None) -> Sequence[ApiKey]:
        """Return a tenant's keys, the newest first, also revoked and expired ones; or those that
        follow the key with the id `after`. Raises InvalidRequestError where the tenant has no
        such key."""
        query = select(*_KEY).where(api_keys.c.tenant == tenant).limit(limit)
        newest = query.order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
        with self._reading.connect() as connection:
            if after:
                newest = newest.where(_follows(connection, tenant, after))
            return [ApiKey(**row._asdict()) for row in connection.execute(newest)]

    def names(self, tenant: str, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of the tenant's keys with these ids; keys without a name are left
        out."""
        his = and_(api_keys.c.tenant == tenant, api_keys.c.id.in_(ids), api_keys.c.name != "")
        with self._reading.connect() as connection:
            found = connection.execute(select(api_keys.c.id, api_keys.c.name).where(his))
            return {row.id: row.name for row in found}

    def revoke(self, tenant: str, key_id: str) -> None:
        """Revoke a tenant's key: it opens nothing from the next request on. Raises
        KeyNotFoundError."""
        his = and_(api_keys.c.id == key_id, api_keys.c.tenant == tenant)
        still_good = api_keys.c.revoked_at.is_(None)
        with self._engine.begin() as connection:
            if connection.execute(select(api_keys.c.id).where(his)).first() is None:
                raise KeyNotFoundError(
                    f"There is no key {key_id[:16]!r}: GET /keys lists those that there are."
                )
            revoked = update(api_keys).where(his, still_good).values(revoked_at=utc_now())
            connection.execute(revoked)

    def holder(self, token: Token, now: datetime) -> ApiKey | None:
        """Return the key that this token proves, if it is good, and note its use."""
        key = self.holders([token], now).get(token)
        if key is not None and key.is_use_due(now):
            self.note_use(key, now)
        return key

    def holders(self, tokens: Collection[Token], now: datetime) -> Mapping[Token, ApiKey]:
        """Return the keys that these tokens prove, of those that are good; no use of them is
        noted."""
        with self._reading.connect() as connection:
            found = connection.execute(_OF_IDS, {"ids": [token.id for token in tokens]})
            rows = {row.id: row for row in found}
        proven = {token: _prove(token, rows.get(token.id)) for token in tokens}
        return {token: key for token, key in proven.items() if key and key.is_good(now)}

    def opens(self, key_id: str, now: datetime) -> bool:
        """Tell whether a key that was proven before is still good."""
        query = select(api_keys.c.revoked_at, api_keys.c.expires_at).where(api_keys.c.id == key_id)
        with self._reading.connect() as connection:
            row = connection.execute(query).first()
        return row is not None and _is_good(row.revoked_at, row.expires_at, now)

    def note_use(self, key: ApiKey, now: datetime) -> None:
        """Note that a key was used, unless somebody else has just noted it."""
        due = now - USE_IS_NOTED_EVERY
        last = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= due)
        used = update(api_keys).where(api_keys.c.id == key.id, last).values(last_used_at=now)
        with self._engine.begin() as connection:
            connection.execute(used)


def _prove(token: Token, row: Row[Any] | None) -> ApiKey | None:
    """Return the key of this row, if the token proves it."""
    # An id that is not there takes as long as a wrong secret.
    is_proven = hmac.compare_digest(row.sha256 if row else _NOBODYS, token.sha256)
    return ApiKey(*row[: len(_KEY)]) if row and is_proven else None


def _require_room(connection: Connection, tenant: str) -> None:
    now = utc_now()
    is_good = and_(
        api_keys.c.tenant == tenant,
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
    )
    if connection.execute(select(func.count()).where(is_good)).scalar_one() >= MOST_KEYS:
        raise InvalidRequestError(
            f"There are {MOST_KEYS} keys that are good, which is the most there can be: revoke one "
            "that is not needed any more, or ask the operator to make one."
        )


def _root(connection: Connection, key_id: str) -> str:
    """Return the id of the key by which the operator began this line of keys; its own if it is
    that."""
    query = select(api_keys.c.counts_as).where(api_keys.c.id == key_id)
    return connection.execute(query).scalar() or key_id


def _is_good(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> bool:
    return revoked_at is None and (expires_at is None or now < expires_at)


def _follows(connection: Connection, tenant: str, key_id: str) -> ColumnElement[bool]:
    made = select(api_keys.c.created_at).filter_by(tenant=tenant, id=key_id)
    created_at = connection.execute(made).scalar()
    if created_at is None:
        raise InvalidRequestError(
            "This cursor is not one that a listing gave: start without a cursor, and go on with "
            "the one that each page names."
        )
    last = tuple_(literal(created_at, UtcDateTime), literal(key_id))
    return tuple_(api_keys.c.created_at, api_keys.c.id) < last
