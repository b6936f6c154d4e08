"""The desk: everything the handlers work with, given once when the app is made.

app = create_app(Desk(registry=..., store=..., ...))
desk_of(request).registry.video("dQw4w9WgXcQ")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from starlette.requests import Request

from dub_platform.core.cost import Prices
from dub_platform.observability.reports import Reporter
from dub_platform.registry.port import Registry
from dub_platform.registry.tallies import Tallies
from resources.media.probe import MediaFacts
from resources.store.local import LocalStore
from resources.store.port import PUBLIC, Store


@dataclass(frozen=True)
class Desk:
    """What the intake needs to know and to call.

    `announce(video_id, languages)` adds the partition keys and never raises; `probe(path)`
    raises a MediaError for what cannot be dubbed; `targets(source)` are the language codes a
    video can be dubbed into, also from `auto`; `spent(video_id)` is what was paid in dollars by
    language, under None what was paid for all of them; `heeds_wording` is whether the translator
    heeds a glossary and a formality, `detects_languages` whether the recogniser can tell which
    language is spoken; a check returns when its part is well and raises when it is
    not, and what fails one of `helpful` leaves the API able to work; `heartbeats()` says when each
    part of Dagster's daemon was last heard of; `drain_seconds` is how long the process goes on
    answering after SIGTERM. Lengths are seconds, sizes bytes, URLs without a trailing slash.
    """

    registry: Registry
    store: Store
    announce: Callable[[str, Sequence[str]], None]
    probe: Callable[[Path], MediaFacts]
    targets: Callable[[str], Sequence[str]]
    base_url: str
    dagster_url: str
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

    def address(self, key: str) -> str:
        """Where a page finds a released file: a path on its own host, or the bucket's address."""
        return f"/media/{key}" if isinstance(self.store, LocalStore) else self.store.url(key)

    @property
    def media_origin(self) -> str:
        """The origin that media come from, as a page's policy names it; none for our own."""
        if isinstance(self.store, LocalStore):
            return ""
        address = urlsplit(self.store.url(PUBLIC + "origin"))
        return f"{address.scheme}://{address.netloc}"


def desk_of(request: Request) -> Desk:
    """The desk of the app that got this request."""
    return cast(Desk, request.app.state.desk)
