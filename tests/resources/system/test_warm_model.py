"""A model that is kept while it is wanted."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.system.warm_model import WarmModel
from tests.support.patience import wait_until

AN_INSTANT = 0.01


class Weights:
    """What takes the memory; `name` tells which they are."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_all_who_ask_together_get_the_same() -> None:
    """Loaded once, though eight threads find nothing there."""
    loaded: list[str] = []
    barrier = threading.Barrier(8)

    def load(name: str) -> Weights:
        loaded.append(name)
        return Weights(name)

    models = WarmModel(load)

    def ask(_: int) -> int:
        barrier.wait()
        with models.lend("base") as model:
            return id(model)

    with ThreadPoolExecutor(8) as threads:
        assert 1 == len(set(threads.map(ask, range(8))))
    assert ["base"] == loaded


def test_one_is_kept_at_a_time() -> None:
    """The last; the one before is gone when the next is loaded, unless somebody holds it."""
    before: list[weakref.ref[Weights]] = []
    gone: list[bool] = []

    def load(name: str) -> Weights:
        gone.extend(each() is None for each in before)
        return Weights(name)

    models = WarmModel(load)
    with models.lend("base") as base:
        before.append(weakref.ref(base))
    del base
    with models.lend("small") as small:
        assert ("small", [True]) == (small.name, gone)
        with models.lend("base") as base:
            assert ("small", "base") == (small.name, base.name)


def test_what_nobody_asks_is_let_go_of_and_loaded_again() -> None:
    """Its memory is free, without anybody doing anything."""
    models = WarmModel(Weights)
    with models.lend("base", idle_seconds=AN_INSTANT) as model:
        held = weakref.ref(model)
    del model
    wait_until(lambda: not models.is_loaded)
    gc.collect()
    assert held() is None
    with models.lend("base") as again:
        assert "base" == again.name


def test_what_somebody_works_with_stays() -> None:
    """Also where another one who asked is long done."""
    models = WarmModel(Weights)
    with models.lend("base", idle_seconds=AN_INSTANT) as model:
        with models.lend("base", idle_seconds=AN_INSTANT) as same:
            assert model is same
        # No timer was set that could take it away.
        assert (None, True) == (models._idle, models.is_loaded)
    wait_until(lambda: not models.is_loaded)


def test_a_model_that_cannot_be_loaded_is_tried_again() -> None:
    """The error is told each time, and nothing is kept of it."""

    def load(name: str) -> Weights:
        raise OSError(name)

    models = WarmModel(load)
    for _ in range(2):
        with pytest.raises(OSError, match="base"), models.lend("base"):
            pass
    assert not models.is_loaded
