"""Rate limits: how many requests a client may make, over all processes of the API.

    limits = Limits.parse("*=120/minute;3000/hour,/watch=60/minute,/media=none", redis_url)
    windows = limits.counters.count(limits.rule("GET", "/videos"), "address:192.0.2.1")

The rule with the longest route that fits a request applies, in place of the general one; a method
may stand before it (`POST /videos=20/hour`). Windows slide: a request counts less and less until,
after the window's length, it no longer counts.

The counters are in Redis, shared by all processes. While Redis does not answer, each process counts
by itself; no request waits for Redis longer than ANSWER_SECONDS, or fails because of it.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from api.probes import PROBES
from api.redis_deadline import storage_with_deadline, within

EVERYTHING, NONE = "*", "none"
# The longest that a request waits for Redis. Only the first one that finds it slow or gone waits.
# Connecting and the last replies may add to it; together they stay below 120 ms.
ANSWER_SECONDS = 0.08
RETURN_SECONDS = 0.5
# A rule with two windows takes two replies for each.
_ANSWERS = 4
# More are an attack; in an outage, bounded memory matters more than strict limits.
_MOST_REFUSED = 10_000
MOST_COUNTERS = 20_000
_ROUTE = re.compile(r"\*|(?:[A-Z]+ )?/\S*")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Window:
    """One limit as it stands for one client; `resets_in` is seconds until it has a request left."""

    limit: RateLimitItem
    remaining: int
    resets_in: int
    is_over: bool = False

    @property
    def name(self) -> str:
        multiples = self.limit.multiples
        return f"{multiples if multiples > 1 else ''}{self.limit.GRANULARITY.name}"


@dataclass(frozen=True)
class Rule:
    """The limits of a route; empty if the route is not limited."""

    route: str
    limits: tuple[RateLimitItem, ...]

    def fits(self, method: str, path: str) -> bool:
        """Whether the rule's route is this path, or one above it."""
        wanted, _, prefix = self.route.rpartition(" ")
        if wanted not in ("", method):
            return False
        return prefix == EVERYTHING or f"{path}/".startswith(f"{prefix.rstrip('/')}/")


@dataclass(frozen=True)
class Limits:
    """The rules of a deployment, the most specific first, and the counters."""

    rules: Sequence[Rule]
    counters: Counters

    @classmethod
    def parse(cls, text: str, redis_url: str | None) -> Limits:
        """Parse rules such as `ROUTE=LIMIT;LIMIT,ROUTE=none`. Raises ValueError."""
        rules = [_rule(each) for each in text.split(",") if each.strip()]
        by_length = sorted(rules, key=lambda rule: len(rule.route), reverse=True)
        return cls(by_length, Counters(redis_url))

    def rule(self, method: str, path: str) -> Rule | None:
        """Return the rule for a request; None if nothing limits it."""
        fitting = (rule for rule in self.rules if rule.fits(method, path))
        found = None if path in PROBES else next(fitting, None)
        return found if found and found.limits else None


@dataclass
class RefusedClients:
    """Clients that were refused while counting was shared; they stay refused while Redis is
    away."""

    _until: dict[tuple[str, str], tuple[float, list[Window]]] = field(default_factory=dict)

    def note(self, route: str, who: str, windows: list[Window]) -> None:
        """Note the result of a count, whether it was refused or not."""
        self._until.pop((route, who), None)
        if windows[-1].is_over:
            if len(self._until) >= _MOST_REFUSED:
                self._until.clear()
            ends = time.monotonic() + windows[-1].resets_in
            self._until[route, who] = ends, windows

    def windows(self, route: str, who: str) -> list[Window]:
        """Return the windows that a client was refused with and must still wait for; empty for
        others."""
        ends, windows = self._until.get((route, who), (0.0, []))
        left = math.ceil(ends - time.monotonic())
        return [replace(each, resets_in=left) for each in windows] if left > 0 else []


class _BoundedStorage(MemoryStorage):
    """Counters in memory, at most MOST_COUNTERS: the oldest are dropped for new ones."""

    def __init__(self) -> None:
        super().__init__()
        self._adding = threading.Lock()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count up, in a counter that may be new."""
        with self._adding:
            if key not in self.storage and len(self.storage) >= MOST_COUNTERS:
                for old in list(self.storage)[: MOST_COUNTERS // 10 + 1]:
                    self.clear(old)
            return super().incr(key, expiry, amount)


@dataclass
class Counters:
    """Counts in Redis while it answers, else in this process. May be shared between threads."""

    redis_url: str | None
    _shared: SlidingWindowCounterRateLimiter | None = field(default=None, init=False)
    _is_away: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._local = SlidingWindowCounterRateLimiter(_BoundedStorage())
        self._refused = RefusedClients()
        self._lock = threading.Lock()
        if self.redis_url:
            storage = storage_with_deadline(
                self.redis_url, key_prefix="dub-limits", connect_seconds=ANSWER_SECONDS
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    @property
    def is_shared(self) -> bool:
        """Whether Redis counts now."""
        return self._shared is not None and not self._is_away

    def count(self, rule: Rule, who: str) -> list[Window]:
        """Count one request of this client.

        The last window is over if the request is one too many.
        """
        if self.is_shared:
            assert self._shared
            try:
                with within(ANSWER_SECONDS):
                    windows = _count_in(self._shared, rule, who)
            except (RedisError, OSError) as error:
                self._leave(error)
            else:
                self._refused.note(rule.route, who, windows)
                return windows
        return self._refused.windows(rule.route, who) or _count_in(self._local, rule, who)

    def _leave(self, error: Exception) -> None:
        """Count in this process from now on, until a thread finds Redis back."""
        with self._lock:
            if self._is_away:
                return
            self._is_away = True
        _log.warning("rate limits are counted by each process", error=type(error).__name__)
        threading.Thread(target=self._await_return, daemon=True).start()

    def _await_return(self) -> None:
        assert self._shared
        while not self._is_back(self._shared.storage):
            time.sleep(RETURN_SECONDS)
        self._is_away = False
        _log.info("rate limits are counted by all processes together again")

    def _is_back(self, storage: Storage) -> bool:
        """Whether Redis answers again, fast enough for all replies that one request needs."""
        with within(ANSWER_SECONDS / _ANSWERS):
            return storage.check()


def _rule(text: str) -> Rule:
    route, _, limits = (part.strip() for part in text.partition("="))
    if not _ROUTE.fullmatch(route):
        raise ValueError(f"{route!r} is no route: it is *, or a path with or without its method")
    if limits == NONE:
        return Rule(route, ())
    # The shortest window first: a request that it refuses is not counted in the longer ones.
    return Rule(route, tuple(sorted(parse_many(limits))))


def _count_in(limiter: SlidingWindowCounterRateLimiter, rule: Rule, who: str) -> list[Window]:
    windows = []
    for limit in rule.limits:
        taken = limiter.hit(limit, rule.route, who)
        stats = limiter.get_window_stats(limit, rule.route, who)
        resets_in = max(1, math.ceil(stats.reset_time - time.time()))
        windows.append(Window(limit, stats.remaining, resets_in, is_over=not taken))
        if not taken:
            break
    return windows
