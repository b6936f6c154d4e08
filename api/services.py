"""The services that the handlers work with, given once when the app is made.

app = create_app(Services(registry=..., store=..., ...))
services_of(request).registry.video("dQw4w9WgXcQ")
await services_of(request).whole_together("dQw4w9WgXcQ")
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from starlette.requests import Request

from api.caller import caller_of
from api.rate_limiting import Limits
from api.together import Together
from dub_platform.core.access import DEFAULT_TENANT
from dub_platform.core.addresses import Networks
from dub_platform.core.cost import Prices
from dub_platform.core.links import Links
from dub_platform.core.webhooks import Receivers
from dub_platform.observability.reports import Reporter
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.events import EventLog
from dub_platform.registry.first_answers import FirstAnswers
from dub_platform.registry.ledger import Spent
from dub_platform.registry.port import Catalogue
from dub_platform.registry.records import Whole, no_video
from dub_platform.registry.tallies import Tallies
from dub_platform.registry.webhooks import Webhooks
from resources.media.probe import MediaFacts
from resources.store.port import PUBLIC, Store

_ANY_KEY = f"{PUBLIC}origin"


@dataclass(frozen=True)
class Services:
    """What the intake needs to know and to call.

    `registry` has everybody's videos, and `tenants(name)` is what a tenant sees of it;
    `first_answers` are those to requests with an Idempotency-Key;
    `announce(video_id, languages)` adds the partition keys and never raises; `probe(path)`
    raises a MediaError for what cannot be dubbed; `targets(source)` are the language codes a
    video can be dubbed into, also from `auto`; `spent(video_ids)` is what was paid for each of
    them; `heeds_wording` is whether the translator
    heeds a glossary and a formality, `detects_languages` whether the recogniser can tell which
    language is spoken; a check returns when its part is well and raises when it is
    not, and what fails one of `helpful` leaves the API able to work; `heartbeats()` says when each
    part of Dagster's daemon was last heard of; `drain_seconds` is how long the process goes on
    answering after SIGTERM; `keys` is None where no keys are asked for, `tenant` is who is served,
    `is_local` whether only this machine is answered, `proxies` are those whose word on a client's
    address counts, `limits` how much each client may ask, and `links` signs what is not for
    everybody; `cors_origins` are other sites whose pages may ask, `metrics_token` is what
    /metrics asks for, and `most_files` is how many files the process may have open. Lengths are
    seconds, sizes bytes, URLs without a trailing slash.
    """

    registry: Catalogue
    tenants: Callable[[str], Catalogue]
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
    spent: Callable[[Collection[str]], Mapping[str, Spent]]
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
    _tenants: dict[str, Services] = field(default_factory=dict, init=False, repr=False)

    def of(self, tenant: str) -> Services:
        """Return the services as one tenant sees them: they show nothing of another's."""
        if tenant not in self._tenants:
            registry, webhooks = self.tenants(tenant), self.webhooks.of(tenant)
            self._tenants[tenant] = replace(
                self, registry=registry, webhooks=webhooks, tenant=tenant
            )
        return self._tenants[tenant]

    def whole(self, video_id: str) -> tuple[Whole, Spent]:
        """A video with its dubs, and what was paid for it. Raises VideoNotFoundError."""
        return self.registry.whole(video_id), self.spent([video_id])[video_id]

    async def whole_together(self, video_id: str) -> tuple[Whole, Spent]:
        """Look a video up as `whole` does, together with those that others ask for meanwhile.

        Raises VideoNotFoundError.
        """
        found = await self._wholes.one(video_id)
        if found is None:
            raise no_video(video_id)
        return found

    # One for each tenant, so that no question is about two of them.
    @cached_property
    def _wholes(self) -> Together[str, tuple[Whole, Spent]]:
        return Together(self._found)

    def _found(self, video_ids: Collection[str]) -> Mapping[str, tuple[Whole, Spent]]:
        wholes, spent = self.registry.wholes(video_ids), self.spent(video_ids)
        return {video_id: (whole, spent[video_id]) for video_id, whole in wholes.items()}

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


def services_of(request: Request) -> Services:
    """Return the services of the tenant who asks."""
    return unscoped_services_of(request).of(caller_of(request.scope).tenant)


def unscoped_services_of(request: Request) -> Services:
    """Return the services with everybody's videos, to show one to whoever may watch it."""
    return cast(Services, request.app.state.services)
