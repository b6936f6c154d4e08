"""The hub by itself: who is slow, who leaves, and what happens at the end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from api.background import event_hub as hubs
from api.background.event_hub import MAILBOX_SIZE, Hub, Mailbox
from dub_platform.core.errors import StorageUnavailableError
from dub_platform.registry import NewVideo, Source
from tests.api.conftest import Log
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services

LANGUAGES = ["es"]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "PAUSE_SECONDS", 0.001)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def in_time() -> None:
        with anyio.fail_after(HANG_SECONDS):
            await scenario()

    anyio.run(in_time)


def hand_in(services: Services, video_id: str = YOUTUBE) -> None:
    services.registry.accept(NewVideo(video_id, Source.YOUTUBE), LANGUAGES)


def happen(services: Services, count: int) -> None:
    """So many events of the video."""
    for number in range(count):
        services.registry.note_stage(YOUTUBE, None, f"stage-{number}")


async def rest_of(mailbox: Mailbox) -> list[str | None]:
    """The stages in the mailbox, up to its end."""
    return [event.stage async for event in mailbox]


def test_a_client_that_does_not_read_is_given_up(services: Services) -> None:
    """It gets what is in its mailbox, and the others hear of everything."""

    async def scenario() -> None:
        hand_in(services)
        hub = Hub(services.events, lambda: False)
        async with hub.running(), hub.listening(YOUTUBE) as slow, hub.listening(YOUTUBE) as quick:
            heard = []
            for _ in range(3):
                await anyio.to_thread.run_sync(happen, services, MAILBOX_SIZE // 2)
                heard += [(await quick.receive()).stage for _ in range(MAILBOX_SIZE // 2)]
            assert heard[:MAILBOX_SIZE] == await rest_of(slow)
            assert 1 == hub.clients

    run(scenario)


def test_a_process_that_is_about_to_end_ends_its_streams(services: Services) -> None:
    """Their clients come back to another process, with what they have seen last."""
    ending = False

    async def scenario() -> None:
        nonlocal ending
        hand_in(services)
        hub = Hub(services.events, lambda: ending)
        async with hub.running(), hub.listening(YOUTUBE) as mailbox:
            await anyio.to_thread.run_sync(happen, services, 1)
            assert "stage-0" == (await mailbox.receive()).stage
            ending = True
            assert [] == await rest_of(mailbox)
            assert 0 == hub.clients

    run(scenario)


def test_who_leaves_is_forgotten(services: Services) -> None:
    """Nothing is kept for a client that is gone."""

    async def scenario() -> None:
        hub = Hub(services.events, lambda: False)
        async with hub.running():
            async with hub.listening(YOUTUBE):
                assert 1 == hub.clients
            assert 0 == hub.clients
            assert {} == dict(hub._listeners)

    run(scenario)


def test_a_database_that_does_not_answer_costs_no_event(services: Services, log: Log) -> None:
    """The reader asks again, from where it was."""

    class Failing:
        """A log that fails every other time."""

        asked = 0

        def newest(self) -> int:
            return services.events.newest()

        def since(self, after: int, *, limit: int) -> Any:
            self.asked += 1
            if self.asked % 2:
                raise StorageUnavailableError("It does not answer.")
            return services.events.since(after, limit=limit)

    async def scenario() -> None:
        hand_in(services)
        hub = Hub(Failing(), lambda: False)  # type: ignore[arg-type]
        async with hub.running(), hub.listening(YOUTUBE) as mailbox:
            await anyio.to_thread.run_sync(happen, services, 3)
            heard = [(await mailbox.receive()).stage for _ in range(3)]
            assert ["stage-0", "stage-1", "stage-2"] == heard

    run(scenario)
    assert "warning" in {line["log_level"] for line in log}
