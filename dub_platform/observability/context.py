"""The id of the request that is being served, or that requested this run.

    with bound_contextvars(request_id="7f3a"):
        request_id()                    # "7f3a", here and in the threads that were started here

The id goes from the request into the registry's row, from there into the run's tags, and from those
into every log line, provider call and error report of the run.
"""

from __future__ import annotations

from structlog.contextvars import get_contextvars


def request_id() -> str | None:
    """Return the id, or None."""
    found: str | None = get_contextvars().get("request_id")
    return found
