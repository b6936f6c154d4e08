"""Addresses, secrets, and when a message is tried again."""

from __future__ import annotations

import base64
import itertools
from datetime import datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

from dub_platform.core.errors import InvalidRequestError, WebhookUrlError
from dub_platform.core.service.webhooks import (
    LASTS,
    Receivers,
    check_secret,
    headers,
    new_id,
    new_secret,
    next_try,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://user:word@example.com/",
        "https://user@example.com/",
        "https:///hook",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://exämple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nx: y",
        "https://[::1/",
        "gopher://example.com/",
        "example.com",
        "",
    ],
)
def test_an_address_that_cannot_be_a_webhook_is_refused(url: str) -> None:
    """In a sentence that says why."""
    with pytest.raises(WebhookUrlError, match="cannot be a webhook"):
        Receivers().check(url)


def test_an_address_inside_is_let_through_where_it_is_named() -> None:
    """By host and port; the scheme has a port of its own."""
    receivers = Receivers.parse("n8n:5678, hooks.internal:80,[::1]:8080")
    for url in ("http://n8n:5678/x", "http://hooks.internal/x", "http://[::1]:8080/"):
        assert url == receivers.check(url)
    for url in ("http://n8n/x", "http://hooks.internal:81/x"):
        with pytest.raises(WebhookUrlError, match="DUB_WEBHOOK_RECEIVERS"):
            receivers.check(url)


@pytest.mark.parametrize("text", ["n8n", "n8n:", ":80", "n8n:http"])
def test_a_receiver_without_a_port_is_refused(text: str) -> None:
    """A host has many, and not all of them are meant."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        Receivers.parse(text)


def test_a_new_secret_is_one_that_could_have_been_given() -> None:
    """And is another each time."""
    secret = new_secret()
    assert secret == check_secret(secret)
    assert secret != new_secret()


@pytest.mark.parametrize(
    "secret",
    [
        base64.b64encode(b"x" * 32).decode(),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + 32 * "!",
        "whsec_",
    ],
)
def test_a_weak_secret_is_refused_and_not_repeated(secret: str) -> None:
    """The error may be logged."""
    with pytest.raises(InvalidRequestError) as refused:
        check_secret(secret)
    assert secret.removeprefix("whsec_") not in refused.value.sentence or secret == "whsec_"


def test_a_signature_is_of_the_standard() -> None:
    """Its own library takes it."""
    secret, now = new_secret(), datetime.now(timezone.utc)
    signed = headers(secret, "msg_1", '{"a": 1}', now)
    assert {"a": 1} == Webhook(secret).verify('{"a": 1}', dict(signed))


def test_pauses_grow_until_a_day_has_passed() -> None:
    """From seconds to hours; the last try is when the day is over."""
    until, now, tries = NOW + LASTS, NOW, [NOW]
    while later := next_try(attempts=len(tries), now=now, until=until):
        now = later
        tries.append(now)
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(tries)]
    assert 8 <= pauses[0] <= 12
    assert 32 <= pauses[1] <= 48
    assert max(pauses) <= 1.2 * timedelta(hours=5).total_seconds()
    assert until == tries[-1]
    assert 10 <= len(tries) <= 14


def test_ids_sort_by_time() -> None:
    """So listings need no other order, also of messages from one transaction."""
    moments = [NOW + timedelta(microseconds=each * 7) for each in range(500)]
    made = [new_id("msg", each) for each in moments]
    assert sorted(made) == made
