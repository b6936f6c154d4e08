"""The API as uvicorn runs it.

uvicorn --factory api.asgi:create --host 127.0.0.1 --port 5001
"""

from __future__ import annotations

import argparse
import gc
import os
from dataclasses import replace

import structlog
from starlette.applications import Starlette

from api.app import create_app
from api.background.dagster_daemon import Daemon
from api.background.partition_keys import Announcer
from api.drafting import Drafting
from api.middleware.room import open_more_files, places
from api.rate_limiting import Limits
from api.services import Services
from dub_platform import wiring
from dub_platform.core.service.addresses import Networks, is_loopback
from dub_platform.core.service.links import Links
from dub_platform.core.service.webhooks import Receivers
from dub_platform.engines.provisions import paid_calls, secret
from dub_platform.observability import configure_logging
from dub_platform.settings import Settings, WrongSettingError
from resources.system.memory import give_back_regularly

# Enough for a thousand streams of events and as many viewers.
ENOUGH_FILES = 4096
_log = structlog.get_logger(__name__)


def create() -> Starlette:
    """Make the app from the environment, for `uvicorn --factory`. Raises WrongSettingError."""
    settings = Settings.from_environment()
    configure_logging(settings.log_format, settings.log_level)
    for remark in Settings.remarks():
        _log.warning(remark)
    refuse_strangers(settings, _told_to_listen_on())
    announcer = Announcer()
    announcer.open()
    files = open_more_files()
    if files < ENOUGH_FILES:
        _log.warning("few files may be open", files=files, viewers_at_once=places(files))
    app = create_app(replace(services_from(settings, announcer), most_files=files))
    # Everything loaded so far stays for ever. Without the freeze each full collection walks through
    # all of it, and no request is answered for a tenth of a second.
    gc.collect()
    gc.freeze()
    give_back_regularly()
    return app


def refuse_strangers(settings: Settings, host: str) -> None:
    """Refuse to start where others could reach the API and nobody said whether they need a key.

    `host` is the address that the server was told to listen on, or empty. Raises WrongSettingError.
    """
    if settings.auth is None and not (settings.is_local and is_loopback(host or settings.host)):
        raise WrongSettingError(
            f"The API would be reached by others, at {host or settings.host} or "
            f"{settings.base_url}, and nobody has said whether they need a key. Set DUB_AUTH=keys "
            "and make one with `dub-admin keys create`, or set DUB_AUTH=off where "
            "what is in front of it asks who they are."
        )


def _told_to_listen_on() -> str:
    """Return the host that uvicorn listens on: uvicorn tells it to no application."""
    told = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    told.add_argument("--host", default=os.environ.get("UVICORN_HOST", ""))
    host: str = told.parse_known_args()[0].host
    return host


def services_from(settings: Settings, announcer: Announcer) -> Services:
    """Make the services that the settings describe."""
    registry, store = wiring.registry(settings), wiring.store(settings)
    daemon = Daemon(lambda: announcer.instance)
    redis = {"redis": wiring.redis_check(settings)} if settings.redis_url else {}
    return Services(
        registry=registry,
        tenants=registry.of,
        first_answers=wiring.first_answers(settings),
        events=wiring.events(settings),
        webhooks=wiring.webhooks(settings),
        receivers=Receivers.parse(settings.webhook_receivers),
        store=store,
        announce=announcer,
        probe=wiring.probe(settings),
        targets=wiring.targets(settings),
        makers=wiring.makers(settings),
        checks={"registry": registry.ping, "store": store.check},
        # Videos can be accepted without these, so their failure is `degraded` and not 503.
        helpful={**redis, "daemon": daemon.check},
        heartbeats=daemon.heartbeats,
        tallies=wiring.tallies(settings),
        drafting=Drafting(lambda: wiring.draft_takes(settings, store)),
        reporter=wiring.reporter(settings),
        base_url=settings.base_url,
        dagster_url=settings.dagster_link,
        spool_dir=settings.spool_dir,
        max_upload_bytes=settings.max_upload_mb * 1_000_000,
        max_video_length=settings.max_video_length,
        source_language=wiring.source_language(settings),
        youtube_enabled=settings.downloader == "youtube",
        drain_seconds=settings.drain_seconds,
        version=settings.version,
        environment=settings.environment,
        cors_origins=[each.strip() for each in settings.cors_origins.split(",") if each],
        prices=wiring.prices(settings),
        spent=paid_calls(settings).spent_on,
        heeds_wording=wiring.heeds_wording(settings),
        detects_languages=wiring.detects_languages(settings),
        commit=settings.git_commit or None,
        built_at=settings.build_time or None,
        keys=wiring.api_keys(settings) if settings.auth == "keys" else None,
        is_local=settings.auth is None,
        proxies=Networks.parse(settings.trusted_proxies),
        limits=_limits(settings),
        metrics_token=secret(settings.metrics_token) if settings.metrics_token else None,
        links=Links(secret(settings.link_secret)) if settings.link_secret else None,
    )


def _limits(settings: Settings) -> Limits | None:
    """Return the limits of DUB_RATE_LIMITS; None for `off`. Raises WrongSettingError."""
    if settings.rate_limits == "off":
        return None
    try:
        return Limits.parse(settings.rate_limits, settings.redis_url)
    except ValueError as error:
        raise WrongSettingError(
            f"DUB_RATE_LIMITS cannot be used: {error}. It is ROUTE=LIMIT;LIMIT, with commas, such "
            "as *=120/minute;3000/hour,/watch=60/minute,/media=none, or off."
        ) from error
