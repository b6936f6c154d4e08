"""A Redis that has so many seconds for everything that one request asks of it.

    storage = hurried_storage(url, key_prefix="dub-limits", connect_seconds=0.05)
    with within(0.08):
        ...                     # redis.exceptions.TimeoutError when Redis takes longer

The client's own time-outs are for one answer each: four slow answers take four times as long, and
a new connection shakes hands before that. Here each waits for what is left of the whole.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from limits.storage import RedisStorage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.retry import Retry

# An answer that has come is read on a busy machine too, however late it is for the whole.
LEAST_SECONDS = 0.005
_of_thread = threading.local()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread asks of Redis in the block takes so long in all."""
    _of_thread.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        del _of_thread.ends


def hurried_storage(url: str, *, key_prefix: str, connect_seconds: float) -> RedisStorage:
    """Counters in the Redis at `url`, every use of which stands in a `within`."""
    pool: ConnectionPool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=connect_seconds,
        # The client's own default tries three times.
        retry=Retry(NoBackoff(), 0),
        # Neither a greeting nor a name: each would be an answer more to wait for.
        protocol=2,
        driver_info=None,
    )
    kind = pool.connection_class
    pool.connection_class = type(f"Hurried{kind.__name__}", (_Hurried, kind), {})
    return RedisStorage(url, connection_pool=pool, key_prefix=key_prefix)


class _Hurried(Connection):
    """A connection whose every answer is waited for until the thread's time is over."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        left = max(_of_thread.ends - time.monotonic(), LEAST_SECONDS)
        return super().read_response(*args, **{**options, "timeout": left})
