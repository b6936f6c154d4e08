"""Who asked: the id of the request that is being served, or that a run was requested by.

    with bound_contextvars(request_id="7f3a"):
        request_id()                    # "7f3a", here and in the threads that were started here

It goes from the request into the registry's row, from there into the run's tags, and from those
into every log line, provider call and error report of the run.
"""

from __future__ import annotations

from structlog.contextvars import get_contextvars


def request_id() -> str | None:
    """The id, where there is one."""
    found: str | None = get_contextvars().get("request_id")
    return found
