"""Metrics for Prometheus: GET /metrics.

    metrics = Metrics(services.tallies, services.heartbeats)
    metrics.note(exchange)                  # one more request of this process
    metrics.text()

Requests are counted in the memory of the process that answered them: Prometheus scrapes each
process of the API and adds the counts up. All other metrics are read from the registry and from
Dagster's storage at each scrape, so every process answers the same, and no count is lost when a run
ends. If one of the two cannot be read, only its own metrics are missing.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import cast

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import PLAIN, Operation
from api.middleware.trust import came_by_proxy
from api.request_log import Exchange
from api.services import unscoped_services_of
from dub_platform.core.service.metrics import METRICS
from dub_platform.core.service.metrics import Metric as Counted
from dub_platform.registry.tallies import Tallies, Total, Totals

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ROUTE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_NOTHING = Total(0, 0.0)
_log = structlog.get_logger(__name__)

Heartbeats = Callable[[], Mapping[str, datetime]]


class Metrics:
    """All metrics that one process of the API exposes."""

    def __init__(self, tallies: Tallies, heartbeats: Heartbeats) -> None:
        # They would add one gauge to each series, and no dashboard uses them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_StoredMetrics(tallies, heartbeats))
        self._requests = Counter(
            "http_requests",
            "Requests by what was asked and answered; 0 where the client left before an answer.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "From a request's first line to the end of its answer.",
            ("route",),
            buckets=_ROUTE_SECONDS,
            registry=self._registry,
        )
        self.under_way = Gauge(
            "http_requests_in_progress", "Requests being answered.", registry=self._registry
        )

    def note(self, exchange: Exchange) -> None:
        """Count one request that has ended, and its duration."""
        asked = exchange.scope["method"]
        # A client may invent methods; each would become a series that is never dropped.
        method = asked if asked in _METHODS else "other"
        self._requests.labels(method, exchange.route, str(exchange.status)).inc()
        self._seconds.labels(exchange.route).observe(exchange.seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _StoredMetrics(Collector):
    """Metrics that are read from the databases at each scrape, and survive this process."""

    def __init__(self, tallies: Tallies, heartbeats: Heartbeats) -> None:
        self._tallies = tallies
        self._heartbeats = heartbeats

    def collect(self) -> Iterable[Metric]:
        registry, told = _read_source("registry", self._registry_metrics)
        dagster, beats = _read_source("dagster", self._dagster_metrics)
        up = GaugeMetricFamily(
            "source_up", "Whether registry and dagster could be read.", labels=["source"]
        )
        up.add_metric(["registry"], registry)
        up.add_metric(["dagster"], dagster)
        return [up, *told, *beats]

    def describe(self) -> Iterable[Metric]:
        """Return nothing: prometheus_client would call `collect`, and so the databases, on
        registration."""
        return []

    def _registry_metrics(self) -> list[Metric]:
        totals = self._tallies.totals()
        return [*(_family(metric, totals) for metric in METRICS.values()), *self._queue_metrics()]

    def _queue_metrics(self) -> Iterable[Metric]:
        labels, now = ["work"], datetime.now(timezone.utc)
        active = GaugeMetricFamily("active_processing_jobs", "Runs under way.", labels=labels)
        depth = GaugeMetricFamily(
            "queue_depth", "What waits: dubs also for their video.", labels=labels
        )
        age = GaugeMetricFamily(
            "queue_oldest_age_seconds", "How long the first of it waits.", labels=labels
        )
        for work, line in self._tallies.lines().items():
            active.add_metric([work], line.running)
            depth.add_metric([work], line.waiting)
            age.add_metric([work], (now - line.oldest).total_seconds() if line.oldest else 0)
        return active, depth, age

    def _dagster_metrics(self) -> list[Metric]:
        says = "Since Dagster's daemon last said that this part of it turns."
        age = GaugeMetricFamily("daemon_heartbeat_age_seconds", says, labels=["daemon"])
        for daemon, moment in self._heartbeats().items():
            age.add_metric([daemon], time.time() - moment.timestamp())
        return [age]


def metrics(request: Request) -> Response:
    """Answer GET /metrics. Raises HTTPException 404 for a caller that may not read them.

    With a token set, the caller must send it; without one, it must not come through a proxy,
    because metrics are not for the public.
    """
    token = unscoped_services_of(request).metrics_token
    if not (_has_token(request, token) if token else not came_by_proxy(request.headers)):
        raise HTTPException(404)
    found = cast(Metrics, request.app.state.metrics)
    return Response(found.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token(request: Request, token: str) -> bool:
    sent = request.headers.get("authorization", "").encode()
    # In constant time, so that the duration does not tell how much of a guess is right.
    return hmac.compare_digest(sent, f"Bearer {token}".encode())


def _read_source(source: str, read: Callable[[], list[Metric]]) -> tuple[float, list[Metric]]:
    """Return 1.0 and the metrics that `read` gives, or 0.0 and none if it fails."""
    try:
        return 1.0, read()
    except Exception as error:  # noqa: BLE001 - the other metrics are wanted all the more
        _log.warning("metrics not read", source=source, error=repr(error))
        return 0.0, []


def _family(metric: Counted, totals: Totals) -> Metric:
    """Return the series of one metric, with every combination of labels that was counted."""
    mine = {labels: 0 for name, labels, _ in totals if name == metric.name}
    if metric.buckets:
        histogram = HistogramMetricFamily(metric.name, metric.says, labels=metric.labels)
        for labels in mine:
            seen = [totals.get((metric.name, labels, le), _NOTHING) for le in metric.ends]
            histogram.add_metric(labels, _cumulate(metric, seen), sum(each.sum for each in seen))
        return histogram
    counter = CounterMetricFamily(metric.name, metric.says, labels=metric.labels)
    for labels in mine:
        counter.add_metric(labels, totals[metric.name, labels, ""].sum)
    return counter


def _cumulate(metric: Counted, seen: Iterable[Total]) -> list[tuple[str, float]]:
    """Add the buckets up: in Prometheus each bucket includes those with a lower bound."""
    sofar, buckets = 0, []
    for le, total in zip(metric.ends, seen, strict=True):
        sofar += total.count
        buckets.append((le, float(sofar)))
    return buckets


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/metrics",
        metrics,
        "Metrics for Prometheus, which asks each process by itself; 404 through a proxy",
        {200: PLAIN},
        refused=(404,),
    ),
)
