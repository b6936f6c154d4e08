"""The API as uvicorn runs it.

uvicorn --factory api.asgi:create --host 127.0.0.1 --port 5001
"""

from __future__ import annotations

from importlib.metadata import version

from starlette.applications import Starlette

from api.announce import Announcer
from api.app import create_app
from api.desk import Desk
from dub_platform.core.webhooks import Receivers
from dub_platform.observability import configure_logging
from dub_platform.settings import Settings
from resources import wiring


def create() -> Starlette:
    """The app of this environment. Raises WrongSettingError."""
    settings = Settings.from_environment()
    configure_logging(settings.log_format, settings.log_level)
    announcer = Announcer()
    announcer.open()
    return create_app(desk_from(settings, announcer))


def desk_from(settings: Settings, announcer: Announcer) -> Desk:
    """The desk that the settings describe."""
    registry, store = wiring.registry(settings), wiring.store(settings)
    # Made once: Apertium is a program that is run to learn its version.
    translator = wiring.translator(settings, store)
    return Desk(
        registry=registry,
        first_answers=wiring.first_answers(settings),
        events=wiring.events(settings),
        webhooks=wiring.webhooks(settings),
        receivers=Receivers.parse(settings.webhook_receivers),
        store=store,
        announce=announcer,
        probe=wiring.probe(settings),
        targets=wiring.targets(settings, translator),
        # Dagster is not among the checks: a video can be accepted while it is away.
        checks={"registry": registry.ping, "store": store.check},
        base_url=settings.base_url,
        dagster_url=settings.dagster_url,
        spool_dir=settings.spool_dir,
        max_upload_bytes=settings.max_upload_mb * 1_000_000,
        max_video_length=settings.max_video_length,
        source_language=wiring.source_language(settings, store),
        youtube_enabled=settings.downloader == "youtube",
        drain_seconds=settings.drain_seconds,
        version=version("dub-platform"),
        prices=wiring.prices(settings),
        spent=wiring.paid_calls(settings).spent_usd,
        heeds_wording=translator.heeds_wording,
        detects_languages=wiring.detects_languages(settings, store),
        commit=settings.git_commit or None,
    )
