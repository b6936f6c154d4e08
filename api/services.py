"""The services that handlers work with, given once when the app is made.

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
from api.drafting import Drafting
from api.rate_limiting import Limits
from api.together import Together
from dub_platform.core.service.access import DEFAULT_TENANT
from dub_platform.core.service.addresses import Networks
from dub_platform.core.service.cost import Prices
from dub_platform.core.service.links import Links
from dub_platform.core.service.webhooks import Receivers
from dub_platform.observability.reports import Reporter
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.first_answers import FirstAnswers
from dub_platform.registry.ledger import Spent
from dub_platform.registry.port import Catalogue
from dub_platform.registry.records import Whole, no_video
from dub_platform.registry.tallies import Tallies
from dub_platform.registry.transactions.events import EventLog
from dub_platform.registry.webhooks import Webhooks
from resources.media.probe import MediaFacts
from resources.store.port import PUBLIC, Store

_ANY_KEY = f"{PUBLIC}origin"


@dataclass(frozen=True)
class Services:
    """Everything that handlers use. Lengths are seconds, sizes bytes; URLs end without a slash.

    `registry` has the videos of all tenants, `tenants(name)` those of one. `first_answers` are the
    stored answers to requests with an Idempotency-Key. `announce(video_id, languages)` adds
    Dagster's partition keys and never raises. `probe(path)` raises a MediaError for a file that
    cannot be dubbed. `targets(source)` returns the codes of the languages that `source`, or `auto`,
    can be dubbed into; `makers(source, language)` who translates it, and who speaks it.
    `spent(video_ids)` returns what was paid for each video. `heeds_wording`
    tells whether the translator heeds glossary and formality, `detects_languages` whether the
    recogniser can detect the language. `drafting` speaks drafts of lines.

    `checks` are functions that return while a part works and raise if it does not; those in
    `helpful` leave the API able to serve. `heartbeats()` returns the last heartbeat of each part of
    Dagster's daemon. `drain_seconds` is how long the process still answers after SIGTERM. `keys` is
    None where no keys are asked for. `tenant` is the tenant these services are for. `is_local`
    means that only this machine is answered. `proxies` are the trusted proxies. `limits` are the
    rate limits. `links` signs the links of videos that are not public. `cors_origins` are other
    sites whose pages may use the API. `metrics_token` must be sent for /metrics. `most_files` is
    the process's limit of open files. `youtube_player` is the origin of YouTube's player.
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
    makers: Callable[[str, str], tuple[Sequence[str], str]]
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
    drafting: Drafting
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
    youtube_player: str = "https://www.youtube-nocookie.com"
    _tenants: dict[str, Services] = field(default_factory=dict, init=False, repr=False)

    def of(self, tenant: str) -> Services:
        """Return the services of one tenant: they show nothing of other tenants."""
        if tenant not in self._tenants:
            registry, webhooks = self.tenants(tenant), self.webhooks.of(tenant)
            self._tenants[tenant] = replace(
                self, registry=registry, webhooks=webhooks, tenant=tenant
            )
        return self._tenants[tenant]

    def whole(self, video_id: str) -> tuple[Whole, Spent]:
        """Return a video with its dubs, and what was paid for it. Raises VideoNotFoundError."""
        return self.registry.whole(video_id), self.spent([video_id])[video_id]

    async def whole_together(self, video_id: str) -> tuple[Whole, Spent]:
        """Return the same as `whole`, in one query with the look-ups of other requests.

        Raises VideoNotFoundError.
        """
        found = await self._wholes.one(video_id)
        if found is None:
            raise no_video(video_id)
        return found

    # Services exist once for each tenant, so no batch mixes the videos of two.
    @cached_property
    def _wholes(self) -> Together[str, tuple[Whole, Spent]]:
        return Together(self._find_wholes)

    def _find_wholes(self, video_ids: Collection[str]) -> Mapping[str, tuple[Whole, Spent]]:
        wholes, spent = self.registry.wholes(video_ids), self.spent(video_ids)
        return {video_id: (whole, spent[video_id]) for video_id, whole in wholes.items()}

    def address(self, key: str) -> str:
        """Return the address of a released file for a page: a path of ours, or the public
        bucket's URL."""
        return self.store.url(key) if self.store.is_public else f"/media/{key}"

    @property
    def media_origin(self) -> str:
        """The origin of `address`, for a page's Content-Security-Policy; empty if it is our own."""
        return _origin(self.store.url(_ANY_KEY)) if self.store.is_public else ""

    @property
    def presigned_origin(self) -> str:
        """The origin that /media redirects to, for a page's Content-Security-Policy; empty if
        none."""
        lent = None if self.store.is_public else self.store.presigned_url(_ANY_KEY)
        return _origin(lent) if lent else ""


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def services_of(request: Request) -> Services:
    """Return the services of the tenant that the request is from."""
    return unscoped_services_of(request).of(caller_of(request.scope).tenant)


def unscoped_services_of(request: Request) -> Services:
    """Return the services with all tenants' videos, for addresses that everybody may open."""
    return cast(Services, request.app.state.services)
