"""A Redis client with one deadline for all that a request asks of it.

    storage = storage_with_deadline(url, key_prefix="dub-limits", connect_seconds=0.05)
    with within(0.08):
        ...                     # redis.exceptions.TimeoutError when Redis takes longer

The client's own time-outs are for one reply each: four slow replies may take four times as long,
and a new connection has several round trips before the first. Here each reply is waited for as long
as the deadline allows.
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

# A reply that has arrived already is still read on a busy machine, even after the deadline.
LEAST_SECONDS = 0.005
_of_thread = threading.local()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set the deadline for everything that this thread asks of Redis within the block."""
    _of_thread.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        del _of_thread.ends


def storage_with_deadline(url: str, *, key_prefix: str, connect_seconds: float) -> RedisStorage:
    """Make counters in the Redis at `url`. Use them within `within` only."""
    pool: ConnectionPool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=connect_seconds,
        # No retries: the client's default is three.
        retry=Retry(NoBackoff(), 0),
        # No HELLO and no CLIENT SETINFO: each would be one more reply to wait for.
        protocol=2,
        driver_info=None,
    )
    kind = pool.connection_class
    pool.connection_class = type(f"WithDeadline{kind.__name__}", (_WithDeadline, kind), {})
    return RedisStorage(url, connection_pool=pool, key_prefix=key_prefix)


class _WithDeadline(Connection):
    """A connection that waits for each reply until the thread's deadline."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        left = max(_of_thread.ends - time.monotonic(), LEAST_SECONDS)
        return super().read_response(*args, **{**options, "timeout": left})
