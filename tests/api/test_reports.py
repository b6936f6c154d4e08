"""A request that fails for our reasons is reported, once; one that was wrong is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from dub_platform.core.errors import StorageUnavailableError
from dub_platform.observability.reports import Reporter
from tests.api.conftest import Log
from tests.support.rig.services import YOUTUBE, Services
from tests.support.servers.sentry import SentryServer


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZeroDivisionError("division by zero"), "internal_error"),
        (StorageUnavailableError("The bucket does not answer."), "storage_unavailable"),
    ],
)
def test_a_failure_of_ours_is_one_event_with_its_request(
    services: Services, log: Log, error: Exception, code: str
) -> None:
    """The one that the client was told the id of."""

    def broken(_: str) -> tuple[str, ...]:
        raise error

    with SentryServer() as sentry:
        watched = replace(services, targets=broken, reporter=Reporter(sentry.dsn))
        with TestClient(create_app(watched)) as client:
            asked = {"source": YOUTUBE, "languages": ["es"]}
            client.post("/videos", json=asked, headers={"x-request-id": "req-7"})
        [event] = sentry.events(1)
    log[:] = [line for line in log if line["log_level"] != "error"]
    assert {"code": code, "request_id": "req-7", "stage": "/videos"} == event["tags"]
    assert type(error).__name__ == event["exception"]["values"][-1]["type"]


def test_a_request_that_is_wrong_is_no_failure(services: Services) -> None:
    """Its answer says what to do."""
    reporter = Reporter("http://public-key@127.0.0.1:9/1")
    with TestClient(create_app(replace(services, reporter=reporter))) as client:
        assert 404 == client.get("/videos/aaaaaaaaaaa").status_code
        assert 422 == client.post("/videos", json={"source": "nonsense"}).status_code
    assert "_client" not in vars(reporter)


@pytest.mark.parametrize(("rate", "count"), [(1.0, 1), (0.0, 0)])
def test_the_times_of_a_share_of_requests_are_reported(
    services: Services, rate: float, count: int
) -> None:
    """By method and route: what a client wrote stays here."""
    with SentryServer() as sentry:
        reporter = Reporter(sentry.dsn, environment="staging", traces_sample_rate=rate)
        with TestClient(create_app(replace(services, reporter=reporter))) as client:
            client.get("/videos/dQw4w9WgXcQ?secret=word")
        found = sentry.items("transaction", count)
    assert count == len(found)
    for transaction in found:
        assert "GET /videos/{id}" == transaction["transaction"]
        assert ("staging", "ok") == (
            transaction["environment"],
            transaction["contexts"]["trace"]["status"],
        )
        assert "word" not in str(transaction)
