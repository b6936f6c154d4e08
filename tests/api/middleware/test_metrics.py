"""GET /metrics, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from api.app import create_app
from api.rate_limiting import Limits
from dub_platform.core.errors import EngineFailedError
from dub_platform.core.service.metrics import LINES_SPOKEN, STAGE_SECONDS
from dub_platform.registry import NewVideo, Source, Work
from tests.api.conftest import Log
from tests.support.rig.services import YOUTUBE, Services, release

Samples = Mapping[tuple[str, ...], float]


def scraped(client: TestClient) -> Samples:
    """Every sample by its name and its labels' values, in the order of the labels' names."""
    answer = client.get("/metrics")
    assert (200, "text/plain; version=0.0.4; charset=utf-8") == (
        answer.status_code,
        answer.headers["content-type"],
    )
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    """Two videos that are not there are the same to the count."""
    for path in ("/videos/aaaaaaaaaaa", "/videos/bbbbbbbbbbb", "/health", "/nothing"):
        client.get(path)
    client.request("PROPFIND", "/nothing")
    samples = scraped(client)
    assert {
        ("GET", "/videos/{id}", "404"): 2,
        ("GET", "/health", "200"): 1,
        ("GET", "none", "404"): 1,
        ("other", "none", "404"): 1,
    } == {key[1:]: count for key, count in samples.items() if key[0] == "http_requests_total"}
    assert 1 == samples["http_requests_in_progress",]


def test_what_was_too_much_is_counted_too(services: Services) -> None:
    """Where it was asked for, though it came no further; Prometheus itself may ask without end."""
    limits = Limits.parse("*=1/hour,/metrics=none", redis_url=None)
    with TestClient(create_app(replace(services, limits=limits))) as client:
        for _ in "123":
            client.get("/videos")
        samples = scraped(client)
    assert (1, 2) == (
        samples["http_requests_total", "GET", "/videos", "200"],
        samples["http_requests_total", "GET", "/videos", "429"],
    )


def test_an_answer_that_is_repeated_is_counted_where_it_was_asked_for(client: TestClient) -> None:
    """It does not come as far as its route."""
    order = {"source": "dQw4w9WgXcQ", "languages": ["es"]}
    for _ in "123":
        client.post("/videos", json=order, headers={"idempotency-key": "the-same"})
    assert 3 == scraped(client)["http_requests_total", "POST", "/videos", "202"]


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-proto"]
)
def test_nobody_reads_them_through_a_proxy(client: TestClient, header: str) -> None:
    """Prometheus asks each process by itself; who else comes is the public."""
    answer = client.get("/metrics", headers={header: "203.0.113.7"})
    assert (404, "not_found") == (answer.status_code, answer.json()["code"])


def test_a_token_is_asked_for_where_one_is_set(services: Services) -> None:
    """Some proxies leave no sign of themselves; who has the token may come through any."""
    services = replace(services, metrics_token="a-token-of-prometheus")
    with TestClient(create_app(services)) as client:
        asked = [
            client.get("/metrics", headers={**sent, "x-real-ip": "203.0.113.7"}).status_code
            for sent in (
                {},
                {"authorization": "Bearer a-token-of-somebody"},
                {"authorization": "Bearer a-token-of-prometheus"},
            )
        ]
    assert [404, 404, 200] == asked


def test_two_processes_count_their_own_requests_and_share_the_rest(services: Services) -> None:
    """What is in the database is the same, whichever of them is asked."""
    services.registry.count(LINES_SPOKEN.tally(3, "paid"))
    with TestClient(create_app(services)) as one, TestClient(create_app(services)) as other:
        one.get("/health")
        mine, its = scraped(one), scraped(other)
    health = ("http_requests_total", "GET", "/health", "200")
    assert (1, None) == (mine.get(health), its.get(health))
    assert 3 == mine["lines_spoken_total", "paid"] == its["lines_spoken_total", "paid"]


def test_what_became_of_videos_is_counted(services: Services, client: TestClient) -> None:
    """Released, failed, under way, waiting; nothing of it by the process that is asked."""
    release(services, YOUTUBE, "es")
    services.registry.accept(NewVideo("aaaaaaaaaaa", Source.YOUTUBE), ["es"])
    services.registry.accept(NewVideo("bbbbbbbbbbb", Source.YOUTUBE), ["es"])
    services.registry.begin_work(Work("bbbbbbbbbbb", None, 1), "run-1")
    services.registry.accept(NewVideo("ccccccccccc", Source.YOUTUBE), ["es"])
    failure = EngineFailedError("It ended.").as_details()
    services.registry.fail(Work("ccccccccccc", None, 1), failure, now=datetime.now(timezone.utc))
    samples = scraped(client)
    assert 1 == samples["videos_processed_total", "prepare"]
    assert 1 == samples["videos_processed_total", "dub"]
    assert 1 == samples["videos_failed_total", "engine_failed", "prepare"]
    assert 1 == samples["active_processing_jobs", "prepare"]
    assert (1, 2) == (samples["queue_depth", "prepare"], samples["queue_depth", "dub"])
    assert 0 <= samples["queue_oldest_age_seconds", "prepare"] < 3600


def test_a_histogram_of_the_registry_adds_up(services: Services, client: TestClient) -> None:
    """Each bucket holds what those below it hold, as Prometheus wants it."""
    for seconds in (0.5, 7.0, 7.5, 4000.0):
        services.registry.count(STAGE_SECONDS.tally(seconds, "speech", "made"))
    samples = scraped(client)
    buckets = {
        key[1]: value for key, value in samples.items() if key[0] == "stage_duration_seconds_bucket"
    }
    assert (1, 1, 3, 3, 4) == tuple(buckets[le] for le in ("1.0", "5.0", "10.0", "1800.0", "+Inf"))
    assert 4 == samples["stage_duration_seconds_count", "made", "speech"]
    assert 4015 == samples["stage_duration_seconds_sum", "made", "speech"]


def test_the_daemons_heartbeat_has_an_age(services: Services) -> None:
    """For each part of it that was ever heard of."""
    heard = {"SENSOR": datetime.now(timezone.utc) - timedelta(seconds=40)}
    with TestClient(create_app(replace(services, heartbeats=lambda: heard))) as client:
        age = scraped(client)["daemon_heartbeat_age_seconds", "SENSOR"]
    assert 40 <= age < 3600


def test_a_source_that_is_away_costs_only_its_own_metrics(services: Services, log: Log) -> None:
    """Requests are still counted, and that it is away is a metric too."""

    def away() -> Mapping[str, datetime]:
        raise OperationalError("SELECT 1", {}, OSError("no route to the host"))

    with TestClient(create_app(replace(services, heartbeats=away))) as client:
        client.get("/health")
        samples = scraped(client)
    assert (1, 0) == (samples["source_up", "registry"], samples["source_up", "dagster"])
    assert 1 == samples["http_requests_total", "GET", "/health", "200"]
    assert ["metrics not read"] == [line["event"] for line in log if line.get("source")]


def test_a_process_says_how_much_memory_it_has(client: TestClient) -> None:
    """Beside what it counts itself."""
    samples = scraped(client)
    assert samples["process_resident_memory_bytes",] > 1e6
    assert samples["process_start_time_seconds",] < time.time()
