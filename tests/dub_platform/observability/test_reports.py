"""What Sentry is told of a failure, and what it is never told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.contextvars import bound_contextvars

from dub_platform.core.errors import ProviderRefusedError
from dub_platform.observability.reports import Reporter
from tests.support.servers.sentry import SentryServer

# Put together here, so that they stand whole in no line of code that an event could quote.
CANARIES = ["-".join(("canary", word)) for word in ("setting", "local", "bearer", "query", "cause")]
SETTING, LOCAL, BEARER, QUERY, CAUSE = CANARIES
MEDIA = "https://media.example.com/videos/up-1/upload.media?signature="


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


def reported(sentry: SentryServer, error: BaseException, **tags: str) -> None:
    reporter = Reporter(sentry.dsn, release="0.1.0+abc123", secrets=[SETTING])
    reporter.report(error, **tags)
    reporter.flush()


def a_failure() -> ProviderRefusedError:
    """An error as the platform has them, raised among secrets."""
    try:
        refused_line(LOCAL)
    except ProviderRefusedError as error:
        return error
    raise AssertionError


def refused_line(key: str) -> None:
    headers = {"xi": key}
    sentence = f"The provider refused line 3 of {MEDIA}{QUERY} with key {SETTING}."
    try:
        refused_request()
    except OSError as error:
        raise ProviderRefusedError(sentence, detail=str(len(headers))) from error


def refused_request() -> None:
    raise OSError(f"{MEDIA}{CAUSE} answered 401 to Authorization: Bearer {BEARER}")


def test_a_failure_is_one_event_that_says_what_it_was(sentry: SentryServer) -> None:
    """The type, what it was about, the request, the release; grouped by the code."""
    with bound_contextvars(request_id="7f3a"):
        reported(sentry, a_failure(), video="dQw4w9WgXcQ", language="es", stage="speech")
    [event] = sentry.events(1)
    assert ["OSError", "ProviderRefusedError"] == [
        each["type"] for each in event["exception"]["values"]
    ]
    assert {
        "code": "provider_refused",
        "video": "dQw4w9WgXcQ",
        "language": "es",
        "stage": "speech",
        "request_id": "7f3a",
    } == event["tags"]
    assert event["exception"]["values"][-1]["value"].startswith("The provider refused line 3")
    assert (["provider_refused"], "0.1.0+abc123") == (event["fingerprint"], event["release"])


def test_what_nobody_expected_is_grouped_with_its_like(sentry: SentryServer) -> None:
    """A mistake of ours has the code that the API answers with."""
    reported(sentry, ZeroDivisionError("division by zero"))
    [event] = sentry.events(1)
    assert ["internal_error"] == event["fingerprint"]


def test_no_canary_arrives(sentry: SentryServer) -> None:
    """No secret of the settings, no local variable, no credential and no media URL."""
    reported(sentry, a_failure(), video="dQw4w9WgXcQ")
    sentry.events(1)
    whole = b"\n".join(sentry.raw).decode()
    assert "provider_refused" in whole
    assert [] == [canary for canary in (*CANARIES, "media.example.com") if canary in whole]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("api_key=abc123, next", "api_key=[secret], next"),
        ('{"token": "abc123"}', '{"token": "[secret]"}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [secret]"),
        ("postgresql://dub:pw@db/dub failed", "[url] failed"),
        ("a monkey in the key of C", "a monkey in the key of C"),
    ],
)
def test_a_text_keeps_what_is_no_secret(text: str, kept: str) -> None:
    """The credential goes, the sentence stays."""
    assert kept == Reporter().scrub(text)


def test_without_a_dsn_nothing_is_loaded() -> None:
    """A process that reports nowhere does not pay for the SDK."""
    reporter = Reporter()
    reporter.report(ValueError("nothing"))
    reporter.flush()
    assert "_client" not in vars(reporter)


def test_a_sentry_that_is_away_changes_nothing() -> None:
    """The failure itself goes on as it was."""
    reporter = Reporter("http://public-key@127.0.0.1:9/1")
    reporter.report(ValueError("nothing"))
    reporter.flush()
