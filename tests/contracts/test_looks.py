"""What is asked again and again while nothing happens, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone

import pytest
from sqlalchemy import Engine, Select

from dub_platform.registry import SqlRegistry
from dub_platform.registry.transactions.events import EventLog
from dub_platform.registry.webhooks import Webhooks

NOW = datetime(2026, 7, 1, tzinfo=timezone.utc)
Looks = Mapping[str, Callable[[], object]]


@pytest.fixture
def looks(engine: Engine) -> Looks:
    registry, log, webhooks = SqlRegistry(engine), EventLog(engine), Webhooks(engine)
    return {
        "videos to prepare": lambda: registry.claim_videos(limit=50, now=NOW),
        "dubs to make": lambda: registry.claim_dubs(limit=50, now=NOW),
        "removed videos": lambda: registry.removals(limit=10),
        "removed dubs": lambda: registry.dub_removals(limit=10),
        "events": lambda: log.since(0, limit=100),
        "messages to send": lambda: webhooks.claim(busy=["wh_1"], now=NOW),
    }


@pytest.mark.parametrize(
    "name",
    [
        "videos to prepare",
        "dubs to make",
        "removed videos",
        "removed dubs",
        "events",
        "messages to send",
    ],
)
def test_a_look_asks_what_was_put_together_once(
    looks: Looks, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To put a statement together costs more than to ask it, and it is asked every second."""
    looks[name]()
    monkeypatch.setattr(Select, "__init__", lambda *_: pytest.fail("it made a statement"))
    assert [] == looks[name]()
