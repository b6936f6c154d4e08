"""The desk: everything the handlers work with, given once when the app is made.

app = create_app(Desk(registry=..., store=..., ...))
desk_of(request).registry.video("dQw4w9WgXcQ")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from starlette.requests import Request

from api.callers import caller_of
from dub_platform.core.access import DEFAULT_TENANT
from dub_platform.core.addresses import Networks
from dub_platform.core.cost import Prices
from dub_platform.core.links import Links
from dub_platform.core.webhooks import Receivers
from dub_platform.observability.reports import Reporter
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.events import EventLog
from dub_platform.registry.first_answers import FirstAnswers
from dub_platform.registry.port import Registry
from dub_platform.registry.tallies import Tallies
from dub_platform.registry.webhooks import Webhooks
from resources.media.probe import MediaFacts
from resources.store.port import PUBLIC, Store

if TYPE_CHECKING:
    from api.limits import Limits

_ANY_KEY = f"{PUBLIC}origin"


@dataclass(frozen=True)
class Desk:
    """What the intake needs to know and to call.

    `first_answers` are those to requests with an Idempotency-Key;
    `announce(video_id, languages)` adds the partition keys and never raises; `probe(path)`
    raises a MediaError for what cannot be dubbed; `targets(source)` are the language codes a
    video can be dubbed into, also from `auto`; `spent(video_id)` is what was paid in dollars by
    language, under None what was paid for all of them; `heeds_wording` is whether the translator
    heeds a glossary and a formality, `detects_languages` whether the recogniser can tell which
    language is spoken; a check returns when its part is well and raises when it is
    not, and what fails one of `helpful` leaves the API able to work; `heartbeats()` says when each
    part of Dagster's daemon was last heard of; `drain_seconds` is how long the process goes on
    answering after SIGTERM; `keys` is None where no keys are asked for, `tenant` whose desk it is,
    `is_local` whether only this machine is answered, `proxies` are those whose word on a client's
    address counts, `limits` how much each client may ask, and `links` signs what is not for
    everybody; `cors_origins` are other sites whose pages may ask, `metrics_token` is what
    /metrics asks for, and `most_files` is how many files the process may have open. Lengths are
    seconds, sizes bytes, URLs without a trailing slash.
    """

    registry: Registry
    first_answers: FirstAnswers
    events: EventLog
    webhooks: Webhooks
    receivers: Receivers
    store: Store
    announce: Callable[[str, Sequence[str]], None]
    probe: Callable[[Path], MediaFacts]
    targets: Callable[[str], Sequence[str]]
    base_url: str
    dagster_url: str | None
    spool_dir: Path
    max_upload_bytes: int
    max_video_length: int
    source_language: str
    youtube_enabled: bool
    prices: Prices
    spent: Callable[[str], Mapping[str | None, float]]
    heeds_wording: bool
    detects_languages: bool
    tallies: Tallies
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    helpful: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    heartbeats: Callable[[], Mapping[str, datetime]] = dict
    reporter: Reporter = field(default_factory=Reporter)
    drain_seconds: float = 0.0
    version: str = "unknown"
    commit: str | None = None
    built_at: str | None = None
    environment: str = "production"
    cors_origins: Sequence[str] = ()
    keys: ApiKeys | None = None
    tenant: str = DEFAULT_TENANT
    is_local: bool = False
    proxies: Networks = field(default_factory=Networks)
    limits: Limits | None = None
    links: Links | None = None
    metrics_token: str | None = field(default=None, repr=False)
    most_files: int = 1024

    def address(self, key: str) -> str:
        """Where a page finds a released file: a path on its own host, or the bucket's address."""
        return self.store.url(key) if self.store.is_open else f"/media/{key}"

    @property
    def media_origin(self) -> str:
        """The origin of `address`, as a page's policy names it; none for our own."""
        return _origin(self.store.url(_ANY_KEY)) if self.store.is_open else ""

    @property
    def lending_origin(self) -> str:
        """Where `/media` leads on to, as a page's policy names it; none where it does not."""
        lent = None if self.store.is_open else self.store.lend(_ANY_KEY)
        return _origin(lent) if lent else ""


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def desk_of(request: Request) -> Desk:
    """The desk as the tenant sees it who asks: on it lies nothing of another's."""
    desk, tenant = open_desk_of(request), caller_of(request.scope).tenant
    registry, webhooks = desk.registry.of(tenant), desk.webhooks.of(tenant)
    return replace(desk, registry=registry, webhooks=webhooks, tenant=tenant)


def open_desk_of(request: Request) -> Desk:
    """The desk with everybody's videos, for what shows one to whoever may watch it."""
    return cast(Desk, request.app.state.desk)
