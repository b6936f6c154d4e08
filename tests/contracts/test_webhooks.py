"""What webhooks and the messages to them promise, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from sqlalchemy import Engine

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import (
    DeliveryNotFoundError,
    InvalidRequestError,
    WebhookNotFoundError,
)
from dub_platform.core.service.webhooks import LASTS, Delivery, DeliveryState, Webhook
from dub_platform.registry import SqlRegistry
from dub_platform.registry.webhooks import AT_ONCE, CLAIM_LASTS, MOST_WEBHOOKS, Webhooks
from tests.contracts.test_events import lived
from tests.contracts.test_registry import accept

URL = "https://example.com/hook"


@pytest.fixture
def registry(engine: Engine) -> SqlRegistry:
    return SqlRegistry(engine)


@pytest.fixture
def webhooks(engine: Engine) -> Webhooks:
    return Webhooks(engine)


def add(webhooks: Webhooks, *events: str) -> Webhook:
    return webhooks.add(URL, events, "whsec_x")


def soon(seconds: float = 1) -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=seconds)


def claimed(webhooks: Webhooks, now: datetime) -> list[Delivery]:
    return [delivery for _, delivery in webhooks.claim(busy=(), now=now)]


def test_an_event_is_a_message_to_each_webhook_that_wants_it(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """All events, or those of some types; and the message says what the event does."""
    everything, some = add(webhooks), add(webhooks, "dub.released", "dub.failed")
    lived(registry)
    assert 8 == len(webhooks.deliveries(everything.id))
    [released] = webhooks.deliveries(some.id)
    assert ("dub.released", DeliveryState.PENDING) == (released.type, released.state)
    told = json.loads(released.body)
    assert ("dub.released", "es") == (told["type"], told["data"]["language"])


def test_a_message_is_given_to_one_sender(registry: SqlRegistry, webhooks: Webhooks) -> None:
    """However many ask at once, until its claim has lapsed."""
    add(webhooks)
    accept(registry, "es")
    now = soon()
    found = at_once([partial(claimed, webhooks, now)] * 4)
    assert 2 == sum(map(len, found))
    assert [] == claimed(webhooks, now + CLAIM_LASTS - timedelta(seconds=1))
    assert 2 == len(claimed(webhooks, now + CLAIM_LASTS))


def test_a_message_of_a_clock_that_was_ahead_is_given_out(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """Once it is set right, a claim lasts as long as any, and the next try comes as soon."""
    add(webhooks)
    accept(registry, "es")
    now, ahead = soon(), soon(3600)
    assert 2 == len(claimed(webhooks, ahead))
    first, second = claimed(webhooks, now)
    webhooks.note_failure(first, "it said 500", status=500, now=ahead)
    webhooks.note_failure(second, "it said 500", status=500, now=now)
    assert [first.id] == [each.id for each in claimed(webhooks, now)]


def test_a_webhook_is_sent_a_few_at_once_and_none_while_it_is_busy(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """So one with much to be told leaves room for the others."""
    slow, quick = add(webhooks), add(webhooks)
    lived(registry)
    now = soon()
    first = [webhook.id for webhook, _ in webhooks.claim(busy=(), now=now)]
    assert sorted([slow.id, quick.id] * AT_ONCE) == sorted(first)
    then = [webhook.id for webhook, _ in webhooks.claim(busy=[slow.id], now=now)]
    assert [quick.id] * AT_ONCE == then


def test_a_message_that_was_taken_is_not_sent_again(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """Its state says so."""
    webhook = add(webhooks, "video.queued")
    accept(registry, "es")
    [mine] = claimed(webhooks, soon())
    webhooks.note_delivered(mine, 204, now=soon())
    assert [] == claimed(webhooks, soon(1e6))
    [kept] = webhooks.deliveries(webhook.id, state=DeliveryState.DELIVERED)
    assert (1, 204, None) == (kept.attempts, kept.last_status, kept.last_error)


def test_a_message_that_was_not_taken_is_tried_for_a_day(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """Then it is on the list of what was given up."""
    webhook = add(webhooks, "video.queued")
    accept(registry, "es")
    now, tries = soon(), 0
    while pending := webhooks.deliveries(webhook.id, state=DeliveryState.PENDING):
        now = max(now, pending[0].due_at)
        [mine] = claimed(webhooks, now)
        webhooks.note_failure(mine, "it answered 500", status=500, now=now)
        tries += 1
    [dead] = webhooks.deliveries(webhook.id, state=DeliveryState.DEAD)
    assert (tries, 500, "it answered 500") == (dead.attempts, dead.last_status, dead.last_error)
    assert now == dead.expires_at == dead.created_at + LASTS


def test_a_receiver_that_is_gone_is_not_tried_again(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """410 says that nobody wants it."""
    webhook = add(webhooks, "video.queued")
    accept(registry, "es")
    [mine] = claimed(webhooks, soon())
    webhooks.note_failure(mine, "it answered 410", status=410, now=soon())
    assert 1 == len(webhooks.deliveries(webhook.id, state=DeliveryState.DEAD))


def test_a_dead_message_can_be_sent_anew(registry: SqlRegistry, webhooks: Webhooks) -> None:
    """The same, with a day of its own."""
    webhook = add(webhooks, "video.queued")
    accept(registry, "es")
    [mine] = claimed(webhooks, soon())
    webhooks.note_failure(mine, "it answered 410", status=410, now=soon())
    anew = webhooks.redeliver(webhook.id, mine.id)
    assert (DeliveryState.PENDING, 0, mine.body) == (anew.state, anew.attempts, anew.body)
    assert mine.expires_at < anew.expires_at
    assert [mine.id] == [each.id for each in claimed(webhooks, soon())]


def test_messages_are_listed_page_by_page(registry: SqlRegistry, webhooks: Webhooks) -> None:
    """The newest first."""
    webhook = add(webhooks)
    lived(registry)
    first = webhooks.deliveries(webhook.id, limit=5)
    rest = webhooks.deliveries(webhook.id, before=first[-1].id, limit=5)
    ids = [each.id for each in (*first, *rest)]
    assert (8, sorted(ids, reverse=True)) == (len(ids), ids)


def test_webhooks_are_listed_from_any_of_them(webhooks: Webhooks) -> None:
    """The oldest first, also from one that is gone, and without another tenant's."""
    ids = sorted(add(webhooks).id for _ in range(4))
    add(webhooks.of("globex"))
    webhooks.remove(ids[1])
    assert ids[:1] == [each.id for each in webhooks.webhooks(limit=1)]
    assert ids[2:] == [each.id for each in webhooks.webhooks(after=ids[1], limit=5)]


def test_a_webhook_that_is_deleted_takes_its_messages_with_it(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """Nobody is told anything more."""
    webhook = add(webhooks)
    accept(registry, "es")
    webhooks.remove(webhook.id)
    assert ([], []) == (list(webhooks.webhooks()), claimed(webhooks, soon()))
    for asks in (webhooks.webhook, webhooks.remove, webhooks.deliveries, webhooks.test):
        with pytest.raises(WebhookNotFoundError):
            asks(webhook.id)


def test_a_message_of_another_webhook_is_not_found(
    registry: SqlRegistry, webhooks: Webhooks
) -> None:
    """An id alone opens nothing."""
    webhook, other = add(webhooks), add(webhooks)
    theirs = webhooks.test(other.id)
    for asks in (webhooks.delivery, webhooks.redeliver):
        with pytest.raises(DeliveryNotFoundError):
            asks(webhook.id, theirs.id)


def test_there_is_a_most_of_webhooks(webhooks: Webhooks) -> None:
    """Every event makes a message to each."""
    for _ in range(MOST_WEBHOOKS):
        add(webhooks)
    with pytest.raises(InvalidRequestError, match=str(MOST_WEBHOOKS)):
        add(webhooks)


def test_old_messages_go_with_old_events(registry: SqlRegistry, webhooks: Webhooks) -> None:
    """But not those that are still tried."""
    webhook = add(webhooks)
    accept(registry, "es")
    done, tried = claimed(webhooks, soon())
    webhooks.note_delivered(done, 200, now=soon())
    assert [3, 3, 0] == [
        registry.drop_events(before=soon(60), dry_run=dry) for dry in (True, False, False)
    ]
    assert [tried.id] == [each.id for each in webhooks.deliveries(webhook.id)]


def test_a_secret_is_not_in_what_is_printed(webhooks: Webhooks) -> None:
    """Rows end up in logs."""
    assert "whsec_x" not in repr(add(webhooks))
