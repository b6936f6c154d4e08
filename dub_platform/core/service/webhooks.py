"""What a webhook is, when it is tried again, and how a message to it is signed.

    headers(secret, "msg_0193...", body, now)       # Standard Webhooks: id, timestamp, signature
    next_try(attempts=3, now=now, until=until)      # some minutes later; None when it is over

A receiver is any address on the public internet, under https; `Receivers` also lets through those
that the operator names.
"""

from __future__ import annotations

import base64
import binascii
import random
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from urllib.parse import urlsplit

from standardwebhooks import Webhook as Signer

from dub_platform.core.errors import InvalidRequestError, WebhookUrlError

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# How long a message is tried.
LASTS = timedelta(hours=24)
# 10 s, 40 s, 160 s, ... 5 h: a receiver that restarts is told soon, and one that is down for a
# night is not asked hundreds of times.
FIRST_PAUSE, GROWS, LONGEST_PAUSE = timedelta(seconds=10), 4, timedelta(hours=5)
# How far from its pause a try may be, as a share of it.
SPREAD = 0.2
# Pauses after this many tries are the longest.
GROWN = 9
# As Standard Webhooks has it.
_PREFIX, _SECRET_BYTES = "whsec_", range(24, 65)
_PORTS = {"https": 443, "http": 80}


class DeliveryState(str, Enum):
    """A message is tried until it is taken, or until its time is over."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True)
class Webhook:
    """Who wants to be told of which types of events; no types are all of them."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True)
class Delivery:
    """One message to one webhook, its `body` as it is signed and sent."""

    id: str
    webhook_id: str
    type: str
    body: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    expires_at: datetime
    created_at: datetime
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None


@dataclass(frozen=True)
class Receivers:
    """Who may be sent to: everybody public under https, and `internal` hosts with their ports."""

    internal: Collection[tuple[str, int]] = ()

    @classmethod
    def parse(cls, text: str) -> Receivers:
        """From HOST:PORT with commas. Raises ValueError."""
        return cls(frozenset(_place(each) for each in text.split(",") if each.strip()))

    def check(self, url: str) -> str:
        """Return the URL if it can be sent to, as far as can be seen in it. Raises WebhookUrlError.

        Where its host leads is seen when it is connected to.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError) as error:
            raise _make_url_error("it is no address that begins with https://") from error
        if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
            raise _make_url_error("its host is missing, or it has characters that are not in URLs")
        if parts.username is not None or parts.fragment:
            raise _make_url_error("it has a user, a password or a fragment")
        if parts.scheme != "https" and (parts.hostname, port) not in self.internal:
            raise _make_url_error(
                "it is not under https, and DUB_WEBHOOK_RECEIVERS does not name it"
            )
        return url


def new_secret() -> str:
    """Return a secret of 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(given: str) -> str:
    """Return the secret, if it is one. Raises InvalidRequestError, which does not repeat it."""
    try:
        key = base64.b64decode(given.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not given.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        raise InvalidRequestError(
            "The secret is not one: send whsec_ and 24 to 64 bytes in Base64, or leave it out to "
            "be given one."
        )
    return given


def headers(secret: str, message_id: str, body: str, now: datetime) -> Mapping[str, str]:
    """Return the headers that make a request one of Standard Webhooks."""
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message_id, now, body),
    }


def next_try(*, attempts: int, now: datetime, until: datetime) -> datetime | None:
    """Return when to try a message again that failed so many times; None when it is dead.

    The last try is at the end of its time.
    """
    if now >= until:
        return None
    # So that messages that failed together do not come back together.
    spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - not a secret
    return min(until, now + _pause(attempts) * spread)


def longest_wait(attempts: int) -> timedelta:
    """Return the longest that a message waits after so many failed tries."""
    return _pause(attempts) * (1 + SPREAD)


def new_id(kind: str, now: datetime) -> str:
    """Return an id that sorts by the time it was made at, to the microsecond.

    What happens to a video in one transaction is told by several messages within a millisecond.
    """
    milliseconds, rest = divmod((now - _EPOCH) // timedelta(microseconds=1), 1000)
    return f"{kind}_{milliseconds:012x}{rest:03x}{secrets.token_hex(7)[:13]}"


def _pause(attempts: int) -> timedelta:
    return min(LONGEST_PAUSE, FIRST_PAUSE * float(GROWS ** (min(attempts, GROWN) - 1)))


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{text.strip()!r} is not HOST:PORT")
    return host.strip("[]").lower(), int(port)


def _make_url_error(why: str) -> WebhookUrlError:
    return WebhookUrlError(
        f"This address cannot be a webhook: {why}. Send an https address on the public internet."
    )
