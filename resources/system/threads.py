"""Threads that know for whom they work.

    with ContextPool(4, thread_name_prefix="take") as pool:
        pool.submit(speak, line)        # logs and calls providers with the request's id

The request's id is bound to the context (`dub_platform/observability/context.py`), of which a
thread would otherwise have one of its own, with nothing in it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from typing_extensions import ParamSpec

P = ParamSpec("P")
T = TypeVar("T")


class ContextPool(ThreadPoolExecutor):
    """Does work in the context of whoever handed it in."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        work: Any = contextvars.copy_context().run
        return super().submit(work, fn, *args, **kwargs)
