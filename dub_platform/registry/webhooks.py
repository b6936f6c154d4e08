"""Webhooks and the messages to them, which are rows until they are taken or given up.

    webhooks = Webhooks.at("sqlite:///registry.sqlite").of("acme")
    webhooks.add("https://example.com/hook", ("dub.released",), new_secret())
    for webhook, delivery in webhooks.claim(busy=(), now=now): ...
    webhooks.note_delivered(delivery, 200, now=now)

`post` makes the messages about an event in the transaction that writes the event, so whatever dies
after it, they are sent. A claim lasts a minute: a message whose sender died is sent again, and so a
receiver may get one twice. Only sending is for all tenants at once. Tested by
`tests/contracts/test_webhooks.py` on both databases.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from dub_platform.core.errors import (
    DeliveryNotFoundError,
    InvalidRequestError,
    WebhookNotFoundError,
)
from dub_platform.core.service.access import DEFAULT_TENANT
from dub_platform.core.service.events import Event, message
from dub_platform.core.service.webhooks import (
    GROWN,
    LASTS,
    Delivery,
    DeliveryState,
    Webhook,
    longest_wait,
    new_id,
    next_try,
)
from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.tables import deliveries, utc_now, webhooks

# Every event makes a message to each.
MOST_WEBHOOKS = 50
# Messages to the same webhook; one that is slow holds up no other.
AT_ONCE = 4
CLAIM_LASTS = timedelta(seconds=60)
TEST = "webhook.test"
_GONE = 410

_WEBHOOK = tuple(webhooks.c[field.name] for field in fields(Webhook))
# Made once: a statement that is made anew is looked through each time.
_WANTED = select(webhooks.c.id, webhooks.c.events).where(webhooks.c.tenant == bindparam("of"))
_DELIVERY = tuple(deliveries.c[field.name] for field in fields(Delivery))


def post(connection: Connection, events: Sequence[Event], tenant: str) -> None:
    """Make a message about each event to each of its tenant's webhooks that wants its type."""
    webhooks_of = connection.execute(_WANTED, {"of": tenant}).all()
    for event in events:
        for webhook_id, types in webhooks_of:
            if not types or event.type in types:
                _add(connection, webhook_id, event.type, event.as_json())


def drop(connection: Connection, before: datetime, dry_run: bool) -> int:
    """Delete the messages from before that are no longer tried; how many there are."""
    ended = deliveries.c.state != DeliveryState.PENDING
    past = and_(deliveries.c.created_at < before, ended)
    if dry_run:
        return connection.execute(select(func.count()).where(past)).scalar_one()
    return connection.execute(delete(deliveries).where(past)).rowcount


class Webhooks:
    """Keeps one tenant's webhooks in an SQL database. Safe to share between threads."""

    def __init__(
        self, engine: Engine, tenant: str = DEFAULT_TENANT, reading: Engine | None = None
    ) -> None:
        self.tenant = tenant
        self._engine = engine
        self._reading = reading or for_reading(engine)

    @classmethod
    def at(cls, url: str) -> Webhooks:
        """The webhooks at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def of(self, tenant: str) -> Webhooks:
        """Return the webhooks of another tenant; they show nobody else's."""
        return Webhooks(self._engine, tenant, self._reading)

    def add(self, url: str, events: Sequence[str], secret: str) -> Webhook:
        """Tell this address of these types of events from now on; of all if there are none.

        Raises InvalidRequestError when there are too many.
        """
        webhook_id = new_id("wh", utc_now())
        row = {"id": webhook_id, "url": url, "events": list(events), "secret": secret}
        with self._engine.begin() as connection:
            count = select(func.count()).where(webhooks.c.tenant == self.tenant)
            if connection.execute(count).scalar_one() >= MOST_WEBHOOKS:
                raise InvalidRequestError(
                    f"There are {MOST_WEBHOOKS} webhooks, which is the most there can be: delete "
                    "one that is not needed any more."
                )
            connection.execute(insert(webhooks).values({**row, "tenant": self.tenant}))
            return self._own(connection, webhook_id)

    def webhooks(self, *, after: str = "", limit: int = MOST_WEBHOOKS) -> Sequence[Webhook]:
        """Return the webhooks with an id after `after`, the oldest first."""
        mine = select(*_WEBHOOK).filter_by(tenant=self.tenant).where(webhooks.c.id > after)
        with self._reading.connect() as connection:
            rows = connection.execute(mine.order_by(webhooks.c.id).limit(limit))
            return [_webhook_of(row) for row in rows]

    def webhook(self, webhook_id: str) -> Webhook:
        """Return one webhook of this tenant. Raises WebhookNotFoundError."""
        with self._reading.connect() as connection:
            return self._own(connection, webhook_id)

    def remove(self, webhook_id: str) -> None:
        """Delete a webhook and the messages to it. Raises WebhookNotFoundError."""
        with self._engine.begin() as connection:
            self._own(connection, webhook_id)
            connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))

    def deliveries(
        self,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> Sequence[Delivery]:
        """Return messages to a webhook that are older than the one with the id `before`, newest
        first. Raises WebhookNotFoundError."""
        query = select(*_DELIVERY).where(deliveries.c.webhook_id == webhook_id)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        if before is not None:
            query = query.where(deliveries.c.id < before)
        with self._reading.connect() as connection:
            self._own(connection, webhook_id)
            rows = connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))
            return [Delivery(**row._asdict()) for row in rows]

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Return one message. Raises WebhookNotFoundError or DeliveryNotFoundError."""
        with self._reading.connect() as connection:
            self._own(connection, webhook_id)
            return _delivery(connection, webhook_id, delivery_id)

    def test(self, webhook_id: str) -> Delivery:
        """Queue a message that tells nothing, to try the webhook. Raises WebhookNotFoundError."""
        with self._engine.begin() as connection:
            self._own(connection, webhook_id)
            told = message(TEST, utc_now(), {"webhook_id": webhook_id})
            return _delivery(connection, webhook_id, _add(connection, webhook_id, TEST, told))

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Queue a message anew, whatever became of it. Raises as `delivery` does."""
        now = utc_now()
        anew = (
            update(deliveries)
            .where(_one(webhook_id, delivery_id))
            .values(state=DeliveryState.PENDING, attempts=0, due_at=now, expires_at=now + LASTS)
        )
        with self._engine.begin() as connection:
            self._own(connection, webhook_id)
            connection.execute(anew)
            return _delivery(connection, webhook_id, delivery_id)

    def _own(self, connection: Connection, webhook_id: str) -> Webhook:
        """Return a webhook of this tenant. Raises WebhookNotFoundError."""
        return _webhook(connection, webhook_id, webhooks.c.tenant == self.tenant)

    def claim(self, *, busy: Collection[str], now: datetime) -> Sequence[tuple[Webhook, Delivery]]:
        """Return messages to send now, of all tenants, a few for each webhook that is not in
        `busy`.

        Nobody else is given them for a minute.
        """
        # Mostly nothing is due, and finding that out must not take SQLite's one write lock.
        with self._reading.connect() as connection:
            asked = {"busy": list(busy), **_moments(now)}
            ready = connection.execute(_READY, asked).scalars().all()
        return [each for webhook_id in ready for each in self._claim_due(webhook_id, now)]

    def _claim_due(self, webhook_id: str, now: datetime) -> Sequence[tuple[Webhook, Delivery]]:
        with self._engine.begin() as connection:
            ids = connection.execute(_DUE, {"of": webhook_id, **_moments(now)}).scalars().all()
            claims = update(deliveries).where(deliveries.c.id.in_(ids))
            connection.execute(claims.values(due_at=now + CLAIM_LASTS))
            mine = select(*_DELIVERY).where(deliveries.c.id.in_(ids)).order_by(deliveries.c.id)
            rows = connection.execute(mine).all()
            webhook = _webhook(connection, webhook_id) if rows else None
        return [(webhook, Delivery(**row._asdict())) for row in rows if webhook]

    def note_delivered(self, delivery: Delivery, status: int, *, now: datetime) -> None:
        """Note that the receiver has taken the message, with the HTTP status that it answered."""
        self._note_try(delivery, now, state=DeliveryState.DELIVERED, status=status, error=None)

    def note_failure(
        self, delivery: Delivery, error: str, *, status: int | None, now: datetime
    ) -> None:
        """Note that the receiver did not take the message: it is tried again later, unless its time
        is over.

        A receiver that answers 410 (gone) wants no more of it, so the message is dead at once.
        """
        # Counted with this try, which is not in the row yet.
        again = next_try(attempts=delivery.attempts + 1, now=now, until=delivery.expires_at)
        if again is None or status == _GONE:
            self._note_try(delivery, now, state=DeliveryState.DEAD, status=status, error=error)
        else:
            self._note_try(delivery, now, due_at=again, status=status, error=error)

    def _note_try(
        self,
        delivery: Delivery,
        now: datetime,
        *,
        status: int | None,
        error: str | None,
        **then: Any,
    ) -> None:
        of_it = _one(delivery.webhook_id, delivery.id)
        tried = update(deliveries).where(of_it, deliveries.c.state == DeliveryState.PENDING)
        with self._engine.begin() as connection:
            connection.execute(
                tried.values(
                    attempts=delivery.attempts + 1,
                    last_attempt_at=now,
                    last_status=status,
                    last_error=error,
                    **then,
                )
            )


# How long a message waits at most, by how often it was tried; and however often that was.
_WAITS = {0: CLAIM_LASTS} | {
    tries: max(CLAIM_LASTS, longest_wait(tries)) for tries in range(1, GROWN)
}
_LONGEST = longest_wait(GROWN)


def _is_due() -> ColumnElement[bool]:
    """Whether a message's time has come, or lies further ahead than any wait is long: so it was
    told by a clock that was ahead, and was set right. It is asked at the `_moments` of now."""
    due_at, attempts = deliveries.c.due_at, deliveries.c.attempts
    beyond = [and_(attempts == tries, due_at > bindparam(f"beyond_{tries}")) for tries in _WAITS]
    return or_(due_at <= bindparam("now"), due_at > bindparam("beyond"), *beyond)


def _moments(now: datetime) -> Mapping[str, datetime]:
    after = {f"beyond_{tries}": now + wait for tries, wait in _WAITS.items()}
    return {"now": now, "beyond": now + _LONGEST, **after}


_PENDING = and_(deliveries.c.state == DeliveryState.PENDING, _is_due())
_READY = (
    select(deliveries.c.webhook_id)
    .where(_PENDING, deliveries.c.webhook_id.not_in(bindparam("busy", expanding=True)))
    .distinct()
)
_DUE = (
    select(deliveries.c.id)
    .where(_PENDING, deliveries.c.webhook_id == bindparam("of"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)


def _add(connection: Connection, webhook_id: str, type_: str, told: Mapping[str, Any]) -> str:
    now = utc_now()
    row = {
        "id": new_id("msg", now),
        "webhook_id": webhook_id,
        "type": type_,
        "body": json.dumps(told),
        "due_at": now,
        "expires_at": now + LASTS,
        "created_at": now,
    }
    connection.execute(insert(deliveries).values(row))
    return str(row["id"])


def _one(webhook_id: str, delivery_id: str) -> Any:
    return and_(deliveries.c.webhook_id == webhook_id, deliveries.c.id == delivery_id)


def _webhook(connection: Connection, webhook_id: str, *among: ColumnElement[bool]) -> Webhook:
    query = select(*_WEBHOOK).where(webhooks.c.id == webhook_id, *among)
    row = connection.execute(query).first()
    if row is None:
        raise WebhookNotFoundError(
            f"There is no webhook {webhook_id!r}: GET /webhooks lists those there are."
        )
    return _webhook_of(row)


def _webhook_of(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._asdict(), "events": tuple(row.events)})


def _delivery(connection: Connection, webhook_id: str, delivery_id: str) -> Delivery:
    row = connection.execute(select(*_DELIVERY).where(_one(webhook_id, delivery_id))).first()
    if row is None:
        raise DeliveryNotFoundError(
            f"There is no message {delivery_id!r} to this webhook: its deliveries list those there "
            "are, and old ones are forgotten."
        )
    return Delivery(**row._asdict())
