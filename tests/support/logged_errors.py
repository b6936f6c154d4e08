"""Errors that are logged in this process: by structlog, as the platform logs, and by others.

    with collect_errors() as errors:
        structlog.get_logger("api").error("request not served", code="storage_full")
    assert ["request not served"] == errors

A run of Dagster that fails says so in a dozen lines, whose number depends on how it was loaded.
They are left out: that it failed is the run's outcome, which tests look at.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.typing import EventDict, WrappedLogger

_OF_RUNS = "dub_platform.run"
_ERRORS = ("critical", "error", "exception", "fatal")


@contextmanager
def collect_errors() -> Iterator[list[str]]:
    """Collect what is logged as an error, or worse, until the block ends."""
    errors = list[str]()
    handler, root = _Collecting(errors), logging.getLogger()

    def note(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if method in _ERRORS:
            errors.append(str(event.get("event")))
        return event

    # In place: loggers that are at work keep the list that they began with.
    processors = structlog.get_config()["processors"]
    processors.insert(0, note)
    root.addHandler(handler)
    try:
        yield errors
    finally:
        root.removeHandler(handler)
        if note in processors:
            processors.remove(note)


class _Collecting(logging.Handler):
    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != _OF_RUNS:
            self._errors.append(record.getMessage().partition("\n")[0])
