"""Column types: what goes in and what comes out."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from sqlalchemy.dialects import sqlite

from dub_platform.registry.database.tables import UtcDateTime, storable, storable_json

MOMENT = datetime(2026, 5, 4, 12, 30, tzinfo=timezone.utc)
NAIVE = MOMENT.replace(tzinfo=None)


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody could say which moment it means."""
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(NAIVE, sqlite.dialect())


def test_a_time_without_a_zone_from_sqlite_is_utc() -> None:
    """SQLite drops the zone that went in as UTC."""
    kept = UtcDateTime().process_result_value(NAIVE, sqlite.dialect())
    assert MOMENT == kept


@pytest.mark.parametrize(
    ("text", "kept"), [("a\x00b", "ab"), ("\ud83d", "?"), ("ça va 🎬", "ça va 🎬"), ("", "")]
)
def test_only_what_cannot_be_kept_is_taken_out_of_a_text(text: str, kept: str) -> None:
    """NUL characters and lone surrogates go; every other character stays."""
    assert kept == storable(text)


def test_values_that_are_not_text_stay_as_they_are() -> None:
    """Numbers, truth values and nothing pass through JSON unchanged."""
    value = {"n": 1, "x": 0.5, "yes": True, "none": None, "list": [1, "a"]}
    assert value == storable_json(value)
