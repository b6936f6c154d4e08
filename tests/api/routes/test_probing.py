"""Many uploads at once, each of which takes long to look into."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from api.routes.probing import MOST_OF_A_TENANT
from dub_platform.core.service.access import Scope
from dub_platform.registry.api_keys import ApiKeys
from resources.media.probe import MediaFacts
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.services import Services, make_services, serving

FACTS = MediaFacts(
    bytes=9,
    seconds=8.0,
    container="mp4",
    video_codec="h264",
    audio_codec="aac",
    width=64,
    height=48,
)
MANY = 60  # more than there are threads for handlers


@dataclass
class SlowProbe:
    """Looks into files for as long as `end` is not set."""

    end: threading.Event = field(default_factory=threading.Event)
    under_way: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, _: Path) -> MediaFacts:
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.end.wait(HANG_SECONDS)
        with self._lock:
            self.under_way -= 1
        return FACTS


@pytest.fixture
def probe() -> Iterator[SlowProbe]:
    slow = SlowProbe()
    yield slow
    slow.end.set()


def upload(url: str, number: int, token: str | None) -> int:
    """The status of an upload that is no other's."""
    return httpx.post(
        f"{url}/videos",
        files={"file": ("clip.mp4", f"film {number}".encode())},
        data={"languages": "es"},
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=HANG_SECONDS,
    ).status_code


def test_other_requests_are_answered_meanwhile(services: Services, probe: SlowProbe) -> None:
    """They need threads that uploads do not take; each upload is taken in its turn."""
    with (
        serving(replace(services, probe=probe)) as url,
        ThreadPoolExecutor(MANY) as clients,
    ):
        uploads = [clients.submit(upload, url, number, None) for number in range(MANY)]
        wait_until(lambda: probe.under_way == MOST_OF_A_TENANT)
        assert 200 == httpx.get(f"{url}/videos", timeout=HANG_SECONDS).status_code
        assert 200 == httpx.get(f"{url}/ready", timeout=HANG_SECONDS).status_code
        probe.end.set()
        wait(uploads)
    assert [202] * MANY == [each.result() for each in uploads]
    assert MOST_OF_A_TENANT == probe.most


def test_a_tenant_does_not_keep_others_waiting(tmp_path: Path, probe: SlowProbe) -> None:
    """However many files it sends, another's is looked into at once."""
    keys = ApiKeys.at(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    services = make_services(tmp_path, keys=keys, probe=probe)
    acme, globex = (
        keys.make(tenant=tenant, scopes={Scope.READ, Scope.WRITE})[1].text
        for tenant in ("acme", "globex")
    )
    with serving(services) as url, ThreadPoolExecutor(MANY) as clients:
        first = [clients.submit(upload, url, number, acme) for number in range(10)]
        wait_until(lambda: probe.under_way == MOST_OF_A_TENANT)
        other = clients.submit(upload, url, 0, globex)
        wait_until(lambda: probe.under_way == MOST_OF_A_TENANT + 1)
        probe.end.set()
        wait([*first, other])
    assert {202} == {each.result() for each in (*first, other)}
