"""Reports failures to Sentry: one event each, grouped by the error's code.

    reporter = Reporter("https://KEY@sentry.example.com/1", release="0.1.0+abc123", secrets=[...])
    reporter.report(error, video="dQw4w9WgXcQ", language="es", stage="speech")
    reporter.flush()

Only failures passed to `report` are sent: the SDK's integrations would send several events for one
failure, from the lines that Dagster and uvicorn log about it. An event contains no local variables,
and its texts contain neither addresses nor secrets, because a media URL can itself give access.
"""

from __future__ import annotations

import importlib
import random
import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

import structlog

from dub_platform.core.errors import DubError, InternalError
from dub_platform.observability.context import request_id

if TYPE_CHECKING:
    from sentry_sdk import Client
    from sentry_sdk.types import Event

FLUSH_SECONDS = 2.0
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>]+")
_CREDENTIAL = re.compile(
    r"(?i)\b((?:bearer|basic)\s+|[\w-]*(?:key|token|secret|password|signature)[\"']?\s*[=:]\s*[\"']?)"
    r"[^\s\"',;&)]+"
)
_log = structlog.get_logger(__name__)


class Reporter:
    """Sends failures to Sentry; without a DSN it does nothing. May be shared between threads.

    `secrets` are texts to remove wherever they occur; `traces_sample_rate` is the share of
    requests, 0 to 1, whose duration is sent.
    """

    def __init__(
        self,
        dsn: str = "",
        *,
        release: str = "",
        environment: str = "production",
        traces_sample_rate: float = 0.0,
        secrets: Sequence[str] = (),
    ) -> None:
        self._dsn = dsn
        self._release = release
        self._environment = environment
        self._traces_sample_rate = traces_sample_rate
        # The longest first, because one secret may be a part of another.
        self._secrets = sorted({each for each in secrets if each}, key=len, reverse=True)
        if dsn:
            # Import it now: at the first failure the import would block an event loop.
            importlib.import_module("sentry_sdk")

    def report(self, error: BaseException, **tags: str | None) -> None:
        """Send one event in the background, with the request's id if there is one. Never raises."""
        if not self._dsn:
            return
        try:
            self._send(error, {"request_id": request_id(), **tags})
        except Exception as trouble:  # noqa: BLE001 - the failure itself must not be lost by it
            _log.warning("failure not reported", error=repr(trouble))

    def trace(self, name: str, seconds: float, status: str) -> None:
        """Send the duration of a request that has just ended, for a share of all. Never raises.

        `name` is its method and route, without anything that a client wrote.
        """
        # A sample needs no cryptographic randomness.
        if not self._dsn or random.random() >= self._traces_sample_rate:  # noqa: S311
            return
        try:
            self._client.capture_event(_transaction(name, seconds, status))
        except Exception as trouble:  # noqa: BLE001 - the request itself went well
            _log.warning("times not reported", error=repr(trouble))

    def flush(self) -> None:
        """Wait until everything is sent, at most FLUSH_SECONDS."""
        if "_client" in vars(self):
            self._client.flush(timeout=FLUSH_SECONDS)

    def scrub(self, text: str) -> str:
        """Return the text without addresses, credentials and secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _CREDENTIAL.sub(r"\1[secret]", _URL.sub("[url]", text))

    def _send(self, error: BaseException, tags: dict[str, str | None]) -> None:
        from sentry_sdk.utils import event_from_exception

        code = error.code if isinstance(error, DubError) else InternalError.code
        event, hint = event_from_exception(error, client_options=self._client.options)
        # The SDK would use the error's `detail` as message, which holds a tool's own words.
        event["exception"]["values"][-1]["value"] = str(error)
        event["fingerprint"] = [code]
        event["tags"] = {name: tag for name, tag in {**tags, "code": code}.items() if tag}
        self._client.capture_event(event, hint)

    # Made at the first failure, because its background thread would not survive a fork.
    @cached_property
    def _client(self) -> Client:
        from sentry_sdk import Client

        return Client(
            self._dsn,
            release=self._release or None,
            environment=self._environment,
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            send_client_reports=False,
            auto_session_tracking=False,
            before_send=self._without_secrets,
        )

    def _without_secrets(self, event: Event, _: dict[str, Any]) -> Event:
        found: Event = self._scrub_all(event)
        return found

    def _scrub_all(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, dict):
            return {name: self._scrub_all(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._scrub_all(item) for item in value]
        return value


def _transaction(name: str, seconds: float, status: str) -> Event:
    """Return a trace with one span, in Sentry's format."""
    now = datetime.now(timezone.utc)
    trace: dict[str, object] = {
        "trace_id": uuid.uuid4().hex,
        "span_id": uuid.uuid4().hex[:16],
        "op": "http.server",
        "status": "internal_error" if status.startswith("5") else "ok",
        "data": {"http.response.status_code": status},
    }
    return {
        "type": "transaction",
        "transaction": name,
        "transaction_info": {"source": "route"},
        "start_timestamp": now - timedelta(seconds=seconds),
        "timestamp": now,
        "contexts": {"trace": trace},
        "tags": {"request_id": request_id() or ""},
        "spans": [],
    }
