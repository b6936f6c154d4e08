"""What many ask for at the same time is looked up in one go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from api.together import AT_ONCE, MOST_OF_ROUND, Together
from dub_platform.core.errors import StorageError, VideoNotFoundError
from dub_platform.registry.records import NewVideo, Source
from tests.api.routes.test_videos import questions
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import Services

ACMES, GLOBEXS = "yt-" + "a" * 32, "yt-" + "b" * 32

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Shelf:
    """Something that is looked up, as slowly as a test wants it."""

    def __init__(self) -> None:
        self.holds: dict[str, int] = {}
        self.rounds: list[set[str]] = []
        self.begun = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)

    def find(self, keys: Collection[str]) -> Mapping[str, int]:
        """What is there when it begins, handed out when it may go on."""
        found = {key: self.holds[key] for key in keys if key in self.holds}
        self.rounds.append(set(keys))
        self.begun.release()
        assert self.goes_on.acquire(timeout=HANG_SECONDS)
        return found

    async def await_begun(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            assert await asyncio.to_thread(self.begun.acquire, timeout=HANG_SECONDS)

    def let_go_on(self) -> None:
        self.goes_on.release(1000)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def busy(shelf: Shelf, together: Together[str, int]) -> list[asyncio.Task[int | None]]:
    """As many rounds under way as there may be."""
    tasks = []
    for number in range(AT_ONCE):
        tasks.append(asyncio.create_task(together.one(f"early-{number}")))
        await shelf.await_begun()
    return tasks


def asking(together: Together[str, Any], *keys: str) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(together.one(key)) for key in keys]


async def test_who_comes_while_others_are_answered_waits_for_one_round(shelf: Shelf) -> None:
    """However many they are; one that asks alone waits for nobody."""
    together, keys = Together(shelf.find), [f"late-{number}" for number in range(20)]
    shelf.holds = {key: place for place, key in enumerate(keys)}
    early, late = await busy(shelf, together), asking(together, *keys, *keys)
    await asyncio.sleep(0)
    shelf.let_go_on()
    assert [*range(20), *range(20)] == await asyncio.gather(*late)
    assert [None] * AT_ONCE == await asyncio.gather(*early)
    assert [*({f"early-{number}"} for number in range(AT_ONCE)), set(keys)] == shelf.rounds


async def test_nobody_is_told_what_was_there_before_they_asked(shelf: Shelf) -> None:
    """What was written while others looked is seen by who asks then, by the same name too."""
    together, shelf.holds = Together(shelf.find), {"early-0": 1}
    [early] = asking(together, "early-0")
    await shelf.await_begun()
    shelf.holds["early-0"] = 2
    [late] = asking(together, "early-0")
    await asyncio.sleep(0)
    shelf.let_go_on()
    assert (1, 2) == (await early, await late)


async def test_a_round_has_an_end(shelf: Shelf) -> None:
    """Of very many, the first are not kept waiting for what the last ask for."""
    together, keys = Together(shelf.find), [str(number) for number in range(2 * MOST_OF_ROUND)]
    shelf.let_go_on()
    await asyncio.gather(*asking(together, *keys))
    assert [MOST_OF_ROUND] * 2 == [len(each) for each in shelf.rounds]


async def test_a_row_that_cannot_be_read_is_nobody_elses_failure(shelf: Shelf) -> None:
    """Who asks for another one at the same time is answered."""

    def find(keys: Collection[str]) -> Mapping[str, str]:
        if "broken" in keys:
            raise ValueError("no such status")
        return {key: key.upper() for key in keys}

    answers = asking(Together(find), "one", "broken", "other")
    one, broken, other = await asyncio.gather(*answers, return_exceptions=True)
    assert ("ONE", "OTHER") == (one, other)
    assert isinstance(broken, ValueError)


async def test_a_database_that_is_away_is_asked_once_for_all() -> None:
    """Each is told, and nobody waits for it again."""
    asked: list[Collection[str]] = []

    def find(keys: Collection[str]) -> Mapping[str, str]:
        asked.append(keys)
        raise StorageError("It does not answer.")

    told = await asyncio.gather(*asking(Together(find), "one", "other"), return_exceptions=True)
    assert [StorageError, StorageError] == [type(each) for each in told]
    assert 1 == len(asked)


async def test_a_client_that_goes_takes_nobody_elses_answer_along(shelf: Shelf) -> None:
    """Also the one for whom the round was begun."""
    together, shelf.holds = Together(shelf.find), {"one": 1}
    first, second = asking(together, "one", "one")
    await shelf.await_begun()
    first.cancel()
    shelf.let_go_on()
    assert 1 == await second
    assert first.cancelled()


async def test_many_videos_take_two_questions(services: Services) -> None:
    """For them with their dubs and their channels, and for what was paid."""
    ids = [f"video-{number:05}" for number in range(MOST_OF_ROUND)]
    for video_id in ids:
        services.registry.accept(NewVideo(video_id, Source.YOUTUBE), ["es", "ca"])
    with questions() as asked:
        found = await asyncio.gather(*(services.whole_together(video_id) for video_id in ids))
    assert ids == [whole.video.id for whole, _ in found]
    assert 2 == len([each for each in asked if each.startswith("SELECT")])


async def test_two_tenants_at_the_same_time_see_their_own(services: Services) -> None:
    """Whoever of them asks for what is the other's is told that it is not there."""
    acme, globex = services.of("acme"), services.of("globex")
    acme.registry.accept(NewVideo(ACMES, Source.YOUTUBE), ["es"])
    globex.registry.accept(NewVideo(GLOBEXS, Source.YOUTUBE), ["es"])
    asked = [each.whole_together(video) for each in (acme, globex) for video in (ACMES, GLOBEXS)]
    one, other, another, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(other, VideoNotFoundError)
    assert isinstance(another, VideoNotFoundError)
    assert [ACMES, GLOBEXS] == [each[0].video.id for each in (one, last)]  # type: ignore[index]
