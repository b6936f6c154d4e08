"""A thread pool whose work keeps the request's id in logs and calls.

    with ContextPool(4, thread_name_prefix="take") as pool:
        pool.submit(speak, line)        # logs and calls providers with the request's id

The id is bound to the context (`dub_platform/observability/context.py`), and a plain thread begins
with an empty context.
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
    """Runs work in the context of the code that submitted it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        work: Any = contextvars.copy_context().run
        return super().submit(work, fn, *args, **kwargs)
