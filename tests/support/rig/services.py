"""Desks for tests: a real registry on SQLite, a real store, the real probe.

services = make_services(tmp_path)
release(services, "dQw4w9WgXcQ", "es")          # as if its run had ended
with serving(services) as url: ...              # a real server on a free port
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import uvicorn
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from api import services as api_services
from api.app import create_app
from api.drafting import Drafting
from api.rate_limiting import Limits
from dub_platform.core.service.cost import Caps, Prices
from dub_platform.core.service.webhooks import Receivers
from dub_platform.core.speech import Release
from dub_platform.registry.first_answers import FirstAnswers
from dub_platform.registry.ledger import PaidCalls
from dub_platform.registry.records import NewVideo, Source
from dub_platform.registry.sql import SqlRegistry
from dub_platform.registry.tallies import Tallies
from dub_platform.registry.transactions.events import EventLog
from dub_platform.registry.webhooks import Webhooks
from dub_platform.settings import Settings
from resources.media.ffmpeg import find_in_wheel
from resources.media.probe import Prober
from resources.providers.ledger import CappedLedger
from resources.store.local import LocalStore
from resources.store.port import Store
from resources.system.workfolder import WorkFolders
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Voice
from resources.voice.takes import TakeKeeper
from tests.support.made_once import copy_made
from tests.support.new_registries import make_registry

YOUTUBE = "dQw4w9WgXcQ"
TARGETS = {"en": ("ca", "eo", "es", "gl"), "auto": ("ca", "en", "eo", "es", "gl")}
MAX_UPLOAD_BYTES = 3_000_000
MAX_SECONDS = 5
PRICES = Prices(
    taken_on=date(2026, 11, 1),
    translation_per_million_input_tokens=0.4,
    translation_per_million_output_tokens=1.6,
    speech_per_thousand_characters=0.1,
)


@dataclass(frozen=True)
class Told:
    """What was announced, in order."""

    keys: list[tuple[str, tuple[str, ...]]]

    def __call__(self, video_id: str, languages: Sequence[str]) -> None:
        self.keys.append((video_id, tuple(languages)))


@dataclass(frozen=True)
class Services(api_services.Services):
    """Services of which a test also does what the pipeline would, and looks into the store."""

    registry: SqlRegistry
    store: LocalStore


def make_services(home: Path, **changes: Any) -> Services:
    """Services below `home`, like the one of the settings but with small limits."""
    url = f"sqlite:///{home / 'registry.sqlite'}"
    make_registry(url)
    registry = SqlRegistry.at(url)
    store = LocalStore(home / "store", "http://dub.test/media")
    services = Services(
        registry=registry,
        tenants=registry.of,
        first_answers=FirstAnswers.at(url),
        events=EventLog.at(url),
        webhooks=Webhooks.at(url),
        receivers=Receivers(),
        store=store,
        announce=Told([]),
        probe=Prober(MAX_SECONDS),
        targets=lambda source: TARGETS.get(source, ()),
        makers=lambda _source, _language: (("apertium",), "espeak"),
        base_url="http://dub.test",
        dagster_url="http://dagster.test",
        spool_dir=home / "spool",
        max_upload_bytes=MAX_UPLOAD_BYTES,
        max_video_length=MAX_SECONDS,
        source_language="en",
        youtube_enabled=True,
        checks={"registry": registry.ping},
        prices=PRICES,
        spent=PaidCalls.at(url).spent_on,
        heeds_wording=True,
        detects_languages=True,
        tallies=Tallies.at(url),
        drafting=Drafting(lambda: make_keeper(home, store, EspeakVoice())),
        version="0.1.0",
    )
    return replace(services, **changes)


def make_keeper(home: Path, store: Store, voice: Voice, caps: Caps | None = None) -> TakeKeeper:
    """What speaks with this voice, and notes in the registry below `home` what is paid."""
    calls = PaidCalls.at(f"sqlite:///{home / 'registry.sqlite'}")
    ledger = CappedLedger(calls, caps or Caps(100.0, 100.0))
    return TakeKeeper(store, voice, WorkFolders(home / "spool"), ledger, timedelta(days=30))


def default_limits() -> Limits:
    """How much may be asked where nobody has said otherwise."""
    return Limits.parse(Settings.model_fields["rate_limits"].default, None)


def make_clip(path: Path, *, seconds: float = 2, sound: bool = True) -> Path:
    """A small H.264 video with a tone of 440 Hz, or without sound."""
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"] if sound else []
    picture = f"testsrc2=size=320x180:rate=25:duration={seconds}"
    command = [str(find_in_wheel()), "-v", "error", "-y", "-f", "lavfi", "-i", picture, *tone]
    codecs = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-c:a", "aac"]
    command += [*codecs, "-movflags", "+faststart"]
    return copy_made(path, command, lambda made: subprocess.run([*command, made], check=True))


def make_track(path: Path, *, seconds: float = 2) -> Path:
    """A dub's track: an M4A with a tone of 660 Hz."""
    tone = f"sine=frequency=660:duration={seconds}"
    command = [str(find_in_wheel()), "-v", "error", "-y", "-f", "lavfi", "-i", tone, "-c:a", "aac"]
    return copy_made(path, command, lambda made: subprocess.run([*command, made], check=True))


def release(
    services: Services, video_id: str, language: str, *, media: Path | None = None
) -> Release:
    """Ask for a dub and release it. `media` holds film.mp4 and track.m4a; else bytes serve."""
    services.registry.accept(NewVideo(video_id, Source.YOUTUBE, title="A harbor"), [language])
    prepare(services, video_id)
    film_key, made = f"releases/{video_id}/film/1.mp4", a_release(video_id, language)
    _put(services, film_key, media / "film.mp4" if media else None)
    _put(services, made.track_key, media / "track.m4a" if media else None)
    for kind, key in made.captions_keys.items():
        services.store.put_bytes(key, _captions(kind).encode())
    services.store.put_bytes(made.manifest_key, b"{}")
    beside = {dub.language: dub.release for dub in services.registry.dubs(video_id) if dub.release}
    claimed = services.registry.claim_dubs(limit=10, now=datetime.now(timezone.utc))
    for work in claimed:
        services.registry.begin_work(work, "run")
    services.registry.release(
        video_id, language, made, film_key=film_key, beside=beside, run_id="run"
    )
    return made


def prepare(services: Services, video_id: str) -> None:
    """As if the video's transcript had been made."""
    services.registry.note_prepared(
        video_id,
        title="A harbor",
        language="en",
        duration_seconds=2.0,
        file_size_bytes=100,
        run_id="run",
    )


def a_release(video_id: str, language: str) -> Release:
    """A release with numbers that can be told apart."""
    prefix = f"releases/{video_id}/{language}/1"
    return Release(
        language=language,
        track_key=f"{prefix}/track.m4a",
        manifest_key=f"{prefix}/manifest.json",
        captions_keys={
            "vtt": f"{prefix}/{language}.vtt",
            "srt": f"{prefix}/{language}.srt",
            "source_vtt": f"{prefix}/source.vtt",
            "source_srt": f"{prefix}/source.srt",
        },
        seconds=2.0,
        lufs=-16.1,
        true_peak_db=-1.6,
        onset_p95_ms=31.0,
        tempo_p95=1.1,
        bytes=4000,
        sha256="0" * 64,
        cost_usd=0.02,
    )


def local_client(services: api_services.Services) -> TestClient:
    """A client on the same machine: others are not answered where nobody is asked for a key."""
    return TestClient(create_app(services), services.base_url, client=("127.0.0.1", 50_000))


@contextlib.contextmanager
def serving(services: api_services.Services) -> Iterator[str]:
    """The app on a real server; gives its address."""
    with running(create_app(services)) as url:
        yield url


@contextlib.contextmanager
def running(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Any app on a real server, at a free port where none is named; gives its address."""
    # Listening before the server runs: a client that is too early waits in the backlog.
    listening = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _put(services: Services, key: str, path: Path | None) -> None:
    if path:
        services.store.put_file(key, path)
    else:
        services.store.put_bytes(key, b"0123456789")


def _captions(kind: str) -> str:
    if kind.endswith("vtt"):
        return "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nBon dia.\n"
    return "1\n00:00:00,000 --> 00:00:02,000\nBon dia.\n"
