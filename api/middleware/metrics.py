"""Metrics for Prometheus: GET /metrics.

    metrics = Metrics(services.tallies, services.heartbeats)
    metrics.note(exchange)                  # one more request of this process
    metrics.text()

Requests are counted in the memory of the process that answered them, so each process of the API is
asked by itself and Prometheus adds them up. Everything else is read from the registry and from
Dagster's storage at the moment of asking: it is the same whichever process is asked, and no run
takes its counts to the grave. A database that is away costs its metrics and no others.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Mapping
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

from api.middleware.trust import came_by_proxy
from api.request_log import Exchange
from api.services import unscoped_services_of
from dub_platform.core.metrics import METRICS
from dub_platform.core.metrics import Metric as Counted
from dub_platform.registry.tallies import Tallies, Total, Totals

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ROUTE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_NOTHING = Total(0, 0.0)
_log = structlog.get_logger(__name__)

Heartbeats = Callable[[], Mapping[str, datetime]]


class Metrics:
    """Those of one process of the API."""

    def __init__(self, tallies: Tallies, heartbeats: Heartbeats) -> None:
        # A gauge more for each series, of which nobody makes use.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Lasting(tallies, heartbeats))
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
        """Count a request that has ended."""
        asked = exchange.scope["method"]
        # Whoever asks may name a method as they like; each would be a series for ever.
        method = asked if asked in _METHODS else "other"
        self._requests.labels(method, exchange.route, str(exchange.status)).inc()
        self._seconds.labels(exchange.route).observe(exchange.seconds)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)


class _Lasting(Collector):
    """What outlives processes, read anew each time."""

    def __init__(self, tallies: Tallies, heartbeats: Heartbeats) -> None:
        self._tallies = tallies
        self._heartbeats = heartbeats

    def collect(self) -> Iterable[Metric]:
        registry, told = _asked("registry", self._of_registry)
        dagster, beats = _asked("dagster", self._of_dagster)
        up = GaugeMetricFamily(
            "source_up", "Whether registry and dagster could be read.", labels=["source"]
        )
        up.add_metric(["registry"], registry)
        up.add_metric(["dagster"], dagster)
        return [up, *told, *beats]

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that no database is asked when this is registered."""
        return []

    def _of_registry(self) -> list[Metric]:
        totals = self._tallies.totals()
        return [*(_family(metric, totals) for metric in METRICS.values()), *self._lines()]

    def _lines(self) -> Iterable[Metric]:
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

    def _of_dagster(self) -> list[Metric]:
        says = "Since Dagster's daemon last said that this part of it turns."
        age = GaugeMetricFamily("daemon_heartbeat_age_seconds", says, labels=["daemon"])
        for daemon, moment in self._heartbeats().items():
            age.add_metric([daemon], time.time() - moment.timestamp())
        return [age]


def metrics(request: Request) -> Response:
    """Those of the process that answers, and those that all share.

    They do not concern the public, which is who comes through a proxy, or has not the token where
    one is set. Raises HTTPException.
    """
    token = unscoped_services_of(request).metrics_token
    if not (_has(request, token) if token else not came_by_proxy(request.headers)):
        raise HTTPException(404)
    found = cast(Metrics, request.app.state.metrics)
    return Response(found.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has(request: Request, token: str) -> bool:
    sent = request.headers.get("authorization", "").encode()
    return hmac.compare_digest(sent, f"Bearer {token}".encode())


def _asked(source: str, read: Callable[[], list[Metric]]) -> tuple[float, list[Metric]]:
    try:
        return 1.0, read()
    except Exception as error:  # noqa: BLE001 - the other metrics are wanted all the more
        _log.warning("metrics not read", source=source, error=repr(error))
        return 0.0, []


def _family(metric: Counted, totals: Totals) -> Metric:
    mine = {labels: 0 for name, labels, _ in totals if name == metric.name}
    if metric.buckets:
        histogram = HistogramMetricFamily(metric.name, metric.says, labels=metric.labels)
        for labels in mine:
            seen = [totals.get((metric.name, labels, le), _NOTHING) for le in metric.ends]
            histogram.add_metric(labels, _cumulated(metric, seen), sum(each.sum for each in seen))
        return histogram
    counter = CounterMetricFamily(metric.name, metric.says, labels=metric.labels)
    for labels in mine:
        counter.add_metric(labels, totals[metric.name, labels, ""].sum)
    return counter


def _cumulated(metric: Counted, seen: Iterable[Total]) -> list[tuple[str, float]]:
    """Each bucket holds what those below it hold, too."""
    sofar, buckets = 0, []
    for le, total in zip(metric.ends, seen, strict=True):
        sofar += total.count
        buckets.append((le, float(sofar)))
    return buckets
