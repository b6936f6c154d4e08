"""The lease of a run at work: kept while it works, and the end of a process that loses it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from assets.partitions import Target
from assets.step import lease
from assets.step.lease import hold_lease
from dub_platform.core.errors import RunSupersededError
from dub_platform.registry import SqlRegistry
from dub_platform.registry.transactions.leases import LEASE_LASTS
from tests.support.patience import HANG_SECONDS

ENDS = "the lease is lost, so this process ends"
TARGET = Target("dQw4w9WgXcQ", "es")


@pytest.fixture(autouse=True)
def _renewed_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(lease, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def registry(workshop: Any) -> SqlRegistry:
    found: SqlRegistry = workshop.registry
    return found


def test_nobody_else_gets_it_while_a_step_works(registry: SqlRegistry) -> None:
    """And whoever waits has it when the step is done."""
    with hold_lease(registry, TARGET, "run-1"):
        assert not _taken_by(registry, "run-2")
    assert _taken_by(registry, "run-2")


def test_it_is_renewed_for_as_long_as_the_step_takes(registry: SqlRegistry) -> None:
    """A step may take hours."""
    renewals = _Counting(registry)
    with hold_lease(renewals, TARGET, "run-1"):
        assert renewals.times(3)


def test_who_comes_too_early_waits_for_the_turn(registry: SqlRegistry) -> None:
    """The run before may have ended a moment ago."""
    _taken_by(registry, "run-1")
    threading.Timer(0.05, lambda: registry.let_go(*TARGET, "run-1")).start()
    with hold_lease(registry, TARGET, "run-2"):
        assert not _taken_by(registry, "run-1")


def test_who_waits_in_vain_is_told(registry: SqlRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says that another run is at it."""
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.05)
    _taken_by(registry, "run-1")
    with (
        pytest.raises(RunSupersededError, match="Another run works on"),
        hold_lease(registry, TARGET, "run-2"),
    ):
        pytest.fail("the step must not begin")


def test_a_run_that_another_took_over_from_is_ended(
    registry: SqlRegistry, logged_errors: list[str]
) -> None:
    """It was cut off for longer than the lease lasts, and is back."""
    lost = threading.Event()
    with hold_lease(registry, TARGET, "run-1", on_lost=lost.set):
        # It renews its lease all the time, so its lease has to end first.
        while not registry.hold(*TARGET, "run-2", now=datetime.now(timezone.utc)):
            registry.let_go(*TARGET, "run-1")
        assert lost.wait(HANG_SECONDS)
    logged_errors.remove(ENDS)


def test_a_run_without_a_registry_is_ended_before_its_lease_is(
    registry: SqlRegistry, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    """It cannot know whether it was taken for dead, so it does not wait for that."""
    monkeypatch.setattr(lease, "MARGIN_SECONDS", LEASE_LASTS.total_seconds() - 0.05)
    lost, away = threading.Event(), _Away(registry)
    with hold_lease(away, TARGET, "run-1", on_lost=lost.set):
        assert not lost.is_set()
        away.since_now = True
        assert lost.wait(HANG_SECONDS)
    logged_errors.remove(ENDS)


def test_a_short_absence_of_the_registry_ends_nothing(registry: SqlRegistry) -> None:
    """A database that restarts is back within the lease."""
    lost, away = threading.Event(), _Away(registry)
    with hold_lease(away, TARGET, "run-1", on_lost=lost.set):
        away.since_now = True
        assert away.asked.wait(HANG_SECONDS)
        away.since_now = False
        away.asked.clear()
        assert away.asked.wait(HANG_SECONDS)
    assert not lost.is_set()


def test_the_process_is_ended_at_once() -> None:
    """No handler and no finally block gets to write anything more."""
    program = (
        "from assets.step.lease import end_process\n"
        "try: end_process()\nfinally: print('still here')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (-9, b"") == (ended.returncode, ended.stdout)


def _taken_by(registry: SqlRegistry, run_id: str) -> bool:
    return registry.hold(*TARGET, run_id, now=datetime.now(timezone.utc))


class _Counting:
    """A registry that tells how often a lease was asked for."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry
        self._asked = threading.Semaphore(0)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        called: Callable[..., Any] = getattr(self._registry, name)
        return called

    def hold(self, *args: Any, **options: Any) -> bool:
        self._asked.release()
        return self._registry.hold(*args, **options)

    def times(self, count: int) -> bool:
        return all(self._asked.acquire(timeout=HANG_SECONDS) for _ in range(count))


class _Away(_Counting):
    """A registry that can be out of reach."""

    def __init__(self, registry: SqlRegistry) -> None:
        super().__init__(registry)
        self.since_now = False
        self.asked = threading.Event()

    def hold(self, *args: Any, **options: Any) -> bool:
        away = self.since_now
        self.asked.set()
        if away:
            raise ConnectionError("no route to host")
        return super().hold(*args, **options)
