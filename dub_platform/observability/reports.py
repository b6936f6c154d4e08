"""Failures as Sentry sees them: one event each, grouped by the error's code.

    reporter = Reporter("https://KEY@sentry.example.com/1", release="0.1.0+abc123", secrets=[...])
    reporter.report(error, video="dQw4w9WgXcQ", language="es", stage="speech")
    reporter.flush()

Nothing is reported but what is handed over here: the SDK's own integrations would make several
events of one failure, from the lines that Dagster and uvicorn log of it. An event has no local
variables, and in its texts neither addresses nor secrets: a media URL can be a key in itself.
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
    """Tells Sentry of failures; without a DSN it tells nobody. Safe to share between threads.

    `secrets` are texts that must not leave, whatever they stand in; `traces_sample_rate` is the
    share of requests, 0 to 1, whose times are told.
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
        # The longest first: one may be a part of another.
        self._secrets = sorted({each for each in secrets if each}, key=len, reverse=True)
        if dsn:
            # Now, and in this thread: at the first failure an event loop would wait for it.
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
        """Send how long a request took that has just ended, for a share of all. Never raises.

        `name` is its method and route, without what a client wrote.
        """
        # For a sample nobody needs a secret's randomness.
        if not self._dsn or random.random() >= self._traces_sample_rate:  # noqa: S311
            return
        try:
            self._client.capture_event(_transaction(name, seconds, status))
        except Exception as trouble:  # noqa: BLE001 - the request itself went well
            _log.warning("times not reported", error=repr(trouble))

    def flush(self) -> None:
        """Wait until what was reported is sent, for FLUSH_SECONDS at most."""
        if "_client" in vars(self):
            self._client.flush(timeout=FLUSH_SECONDS)

    def scrubbed(self, text: str) -> str:
        """The text without addresses, credentials and secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _CREDENTIAL.sub(r"\1[secret]", _URL.sub("[url]", text))

    def _send(self, error: BaseException, tags: dict[str, str | None]) -> None:
        from sentry_sdk.utils import event_from_exception

        code = error.code if isinstance(error, DubError) else InternalError.code
        event, hint = event_from_exception(error, client_options=self._client.options)
        # The SDK takes an error's `detail`, which is a tool's own words, for its message.
        event["exception"]["values"][-1]["value"] = str(error)
        event["fingerprint"] = [code]
        event["tags"] = {name: tag for name, tag in {**tags, "code": code}.items() if tag}
        self._client.capture_event(event, hint)

    # Made at the first failure, in the process that it happened in: its thread survives no fork.
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
        found: Event = self._walked(event)
        return found

    def _walked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.scrubbed(value)
        if isinstance(value, dict):
            return {name: self._walked(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._walked(item) for item in value]
        return value


def _transaction(name: str, seconds: float, status: str) -> Event:
    """A trace of one span in Sentry's format."""
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
