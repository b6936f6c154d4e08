"""The environment, read once: what is wrong in it is said by name, and no value is repeated."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from dub_platform.settings import Settings, WrongSettingError

OWN_URL = "DUB_OPENAI_TRANSCRIPTION_BASE_URL"
OWN_KEY = "DUB_OPENAI_TRANSCRIPTION_API_KEY"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env of the checkout is read."""
    monkeypatch.chdir(tmp_path)


def test_the_defaults_need_no_environment(tmp_path: Path) -> None:
    """Everything lies below one folder, and the API is where a browser here finds it."""
    settings = Settings.from_environment()
    assert tmp_path / ".dub" == settings.home
    assert f"sqlite:///{tmp_path}/.dub/registry.sqlite" == settings.registry_url
    assert "http://127.0.0.1:5001" == settings.base_url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "many"),
        ("DUB_VOICE", "parrot"),
        ("MAX_VIDEO_LENGTH", "-1"),
        ("DUB_STORE", "r3"),
        ("DUB_SOURCE_LANGUAGE", "english"),
        ("DUB_AUTH", "password"),
        ("DUB_LINK_SECRET", "guessable"),
        ("DUB_TRUSTED_PROXIES", "everywhere"),
        ("DUB_POOLS", "speach=4"),
        ("DUB_POOLS", "speech=none"),
        ("DUB_POOLS", "speech=0"),
        ("DUB_POOLS", "speech=1001"),
        ("DUB_POOLS", "speech=4,speech=5"),
        ("DUB_R2_ENDPOINT", "account.r2.cloudflarestorage.com"),
        ("DUB_R2_PUBLIC_URL", "https://:443"),
        ("DUB_PUBLIC_URL", "dub.example.org"),
        ("OPENAI_BASE_URL", "http://[::1"),
        ("ELEVENLABS_BASE_URL", "ftp://api.elevenlabs.io"),
        ("DUB_YOUTUBE_PO_TOKEN_URL", "http://tokens:port"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """By the variable that a person set, without the value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSettingError) as raised:
        Settings.from_environment()
    assert f"{variable}: " in str(raised.value)
    assert "Value error" not in str(raised.value)
    assert value not in str(raised.value).replace("DUB_STORE", "")


@pytest.mark.parametrize(("given", "kept"), [("auto", "auto"), ("EN", "en"), ("spa", "es")])
def test_the_spoken_language_has_one_spelling(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str
) -> None:
    """That of the videos' rows."""
    monkeypatch.setenv("DUB_SOURCE_LANGUAGE", given)
    assert kept == Settings.from_environment().source_language


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({}, "OPENAI_API_KEY"),
        ({"OPENAI_API_KEY": "sk-1", OWN_URL: "https://eu.api.openai.com/v1"}, OWN_KEY),
        ({OWN_URL: "http://gpu/v1"}, None),
        ({"OPENAI_BASE_URL": "http://gpu/v1"}, None),
        ({"OPENAI_API_KEY": "sk-1", OWN_KEY: "any"}, OWN_URL),
        ({OWN_URL: "http://gpu/v1", OWN_KEY: "any"}, None),
        ({"OPENAI_API_KEY": "sk-1"}, None),
    ],
    ids=[
        "no key",
        "no own key",
        "an own server without keys",
        "a server for all without keys",
        "no own server",
        "an own server",
        "OpenAI",
    ],
)
def test_a_server_for_transcription_has_a_key_of_its_own(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], lacks: str | None
) -> None:
    """OpenAI's key is not taken for another server's, nor wanted where nothing goes to OpenAI."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for variable, value in {"DUB_TRANSCRIBER": "openai", **given}.items():
        monkeypatch.setenv(variable, value)
    wrong = pytest.raises(WrongSettingError, match=f"needs {lacks}\\b")
    with wrong if lacks else nullcontext():
        Settings.from_environment()


def test_a_database_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a password."""
    monkeypatch.setenv("DUB_DATABASE_URL", "postgresql://dub:hunter2@db/dub")
    assert "hunter2" not in repr(Settings.from_environment())


def test_the_settings_make_themselves_again_in_another_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the stack hands to its servers is what it was told."""
    told = Settings(home=tmp_path, PORT=6001, MAX_VIDEO_LENGTH=77, max_upload_mb=3)
    for variable, value in told.as_environment().items():
        monkeypatch.setenv(variable, value)
    assert told == Settings.from_environment()


def test_what_another_project_has_one_folder_up_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the .env beside the platform is its own."""
    (tmp_path / ".env").write_text("PORT=1\nDUB_VOICE=parrot\n")
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "checkout")
    assert "espeak" == Settings.from_environment().voice
