"""Clients, up to a thousand, that want the same at the same moment."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from dagster import DagsterInstance, build_sensor_context

from dub_platform.registry import SqlRegistry
from sensors.requesting import on_video_registered
from tests.api.conftest import Log
from tests.sensors.conftest import instance
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services, serving

__all__ = ["instance"]

ORDER = {"source": YOUTUBE, "languages": ["es", "ca"]}


@pytest.fixture(autouse=True)
def many_connections() -> Iterator[None]:
    """Both ends of each are in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def all_post(clients: int, *urls: str) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(limits=limits, timeout=HANG_SECONDS) as client:
        return await asyncio.gather(
            *[taken(client, urls[number % len(urls)]) for number in range(clients)]
        )


async def taken(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """The answer to one client, which asks again where it is put off."""
    answer = await client.post(f"{url}/videos", json=ORDER)
    return await taken(client, url) if answer.status_code == 503 else answer


@pytest.mark.parametrize("clients", [100, pytest.param(1_000, marks=pytest.mark.long)])
def test_identical_posts_make_one_video_and_one_run(
    services: Services, instance: DagsterInstance, log: Log, clients: int
) -> None:
    """Over two servers: each client is told that it was taken, and one that it was new."""
    with serving(services) as one, serving(services) as two:
        answers = asyncio.run(all_post(clients, one, two))
    # On a busy machine some wait too long for SQLite.
    log[:] = [line for line in log if line.get("code") != "storage_unavailable"]
    assert {202: clients} == Counter(answer.status_code for answer in answers)
    assert {True: 1, False: clients - 1} == Counter(each.json()["created"] for each in answers)
    assert isinstance(services.registry, SqlRegistry)
    assert [YOUTUBE] == [video.id for video in services.registry.videos().videos]
    with build_sensor_context(instance, resources={"registry": services.registry}) as context:
        asked = on_video_registered(context)
    assert [f"prepare:{YOUTUBE}:1"] == [request.run_key for request in asked.run_requests]  # type: ignore[union-attr]
