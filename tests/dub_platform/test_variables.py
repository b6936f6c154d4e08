"""The names of variables: ours, former ones, and those that nothing reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.settings import Settings
from dub_platform.variables import FORMER, read_variable, remarks
from tests.docs.documents import settings

# A value that each can have.
VALUES = {
    "DATABASE_URL": "postgresql://dub@db/dub",
    "REDIS_URL": "redis://one/0",
    "CELERY_BROKER_URL": "redis://two/0",
    "CELERY_RESULT_BACKEND": "redis://three/0",
    "R2_ACCESS_KEY_ID": "id",
    "R2_SECRET_ACCESS_KEY": "secret",
    "R2_BUCKET_NAME": "dubs",
    "R2_PUBLIC_URL": "https://media.example.org",
    "WHISPER_MODEL": "small",
    "ENVIRONMENT": "staging",
    "SENTRY_ENVIRONMENT": "canary",
    "DEBUG": "DEBUG",
}


def text_of(ours: str) -> str:
    """What the settings of this environment have for a variable of ours."""
    return Settings.from_environment().as_environment()[ours]


def test_each_former_name_stands_for_a_setting() -> None:
    """Each is one that this module tries."""
    assert {*FORMER} == {*VALUES}
    assert {*FORMER.values()} <= {*settings()}


@pytest.mark.parametrize("former", FORMER)
def test_a_former_name_is_taken_and_ours_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, former: str
) -> None:
    """Wherever each of them is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(former, "1" if former == "DEBUG" else VALUES[former])
    ours = FORMER[former]
    assert VALUES[former] == text_of(ours)
    other = {"DEBUG": "ERROR"}.get(former, VALUES[former].replace("e", "o", 1))
    (tmp_path / ".env").write_text(f"{ours}={other}\n")
    assert other == text_of(ours)


def test_a_former_name_in_env_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As it was there before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("WHISPER_MODEL=small\n")
    assert "small" == text_of("DUB_WHISPER_MODEL")


@pytest.mark.parametrize("said", ["0", "false", "", "app:*"])
def test_what_is_no_yes_to_debug_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """Other programs have other words in it."""
    monkeypatch.setenv("DEBUG", said)
    assert "INFO" == text_of("DUB_LOG_LEVEL")


def test_a_short_name_of_postgresql_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """As platforms write it, and as SQLAlchemy does not know it."""
    monkeypatch.setenv("DATABASE_URL", "postgres://dub:word@db:5432/dub")
    found = Settings.from_environment()
    assert "postgresql://dub:word@db:5432/dub" == found.registry_url
    assert "word" in found.secrets


def test_what_is_set_and_does_nothing_is_said() -> None:
    """A name that nothing reads, with the one that is near; a former one that is overruled."""
    environment = {
        "DUB_WHISPER_MODL": "small",
        "DUB_NOTHING_LIKE_IT": "1",
        "DUB_URL": "http://127.0.0.1:5001",
        "REDIS_URL": "redis://old/0",
        "DUB_REDIS_URL": "redis://new/0",
        "DATABASE_URL": "postgresql://same",
        "DUB_DATABASE_URL": "postgresql://same",
        "PATH": "/usr/bin",
    }
    assert [
        "REDIS_URL is set, and does nothing: DUB_REDIS_URL is set as well, and counts.",
        "DUB_NOTHING_LIKE_IT is set, and nothing reads it.",
        "DUB_WHISPER_MODL is set, and nothing reads it. Did you mean DUB_WHISPER_MODEL?",
    ] == list(remarks(environment, settings()))


def test_of_two_former_names_the_first_counts() -> None:
    """Sentry's own is nearer to what is meant."""
    environment = {"ENVIRONMENT": "staging", "SENTRY_ENVIRONMENT": "canary"}
    assert "canary" == read_variable(environment, "DUB_ENVIRONMENT")
    (said,) = remarks(environment, settings())
    assert said.startswith("ENVIRONMENT is set, and does nothing: another name for DUB_ENVIRONMENT")
