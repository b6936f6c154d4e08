"""How many requests a client may make, over all processes of the API.

    limits = Limits.parsed("*=120/minute;3000/hour,/watch=60/minute,/media=none", redis_url)
    windows = limits.counters.count(limits.rule("GET", "/videos"), "address:192.0.2.1")

A route's own limits stand for the general ones; the longest route that fits a request decides,
with its method before it if that is to count too (`POST /videos=20/hour`). The window slides: what
was asked an hour ago ends to count little by little.

The counters are in Redis, where all processes share them. While it does not answer, each process
counts by itself: no request waits for longer than ANSWER_SECONDS or fails because of it.
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
from api.redis_deadline import hurried_storage, within

EVERYTHING, NONE = "*", "none"
# The most that a request waits for Redis: the first that finds it gone or slow, until it is back.
# With what connecting and its last answers may take beyond it, 120 ms are not passed.
ANSWER_SECONDS = 0.08
RETURN_SECONDS = 0.5
# Two windows of a rule take two answers each.
_ANSWERS = 4
# More than these are an attack, and memory is worth more than being strict in an outage.
_MOST_REFUSED = 10_000
MOST_COUNTERS = 20_000
_ROUTE = re.compile(r"\*|(?:[A-Z]+ )?/\S*")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Window:
    """One limit as it stands for one client; `resets_in` seconds until one more is taken."""

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
    """The limits of a route; none where it is not limited."""

    route: str
    limits: tuple[RateLimitItem, ...]

    def fits(self, method: str, path: str) -> bool:
        """Whether this route, or what lies below it, is asked for."""
        wanted, _, prefix = self.route.rpartition(" ")
        if wanted not in ("", method):
            return False
        return prefix == EVERYTHING or f"{path}/".startswith(f"{prefix.rstrip('/')}/")


@dataclass(frozen=True)
class Limits:
    """The rules of a deployment, the most particular first, and where it counts."""

    rules: Sequence[Rule]
    counters: Counters

    @classmethod
    def parsed(cls, text: str, redis_url: str | None) -> Limits:
        """The rules in `ROUTE=LIMIT;LIMIT,ROUTE=none`. Raises ValueError for what is none."""
        rules = [_rule(each) for each in text.split(",") if each.strip()]
        by_length = sorted(rules, key=lambda rule: len(rule.route), reverse=True)
        return cls(by_length, Counters(redis_url))

    def rule(self, method: str, path: str) -> Rule | None:
        """The rule for a request; None where nothing limits it."""
        fitting = (rule for rule in self.rules if rule.fits(method, path))
        found = None if path in PROBES else next(fitting, None)
        return found if found and found.limits else None


@dataclass
class Refused:
    """Who was refused by all processes together: that holds while they cannot count together."""

    _until: dict[tuple[str, str], tuple[float, list[Window]]] = field(default_factory=dict)

    def note(self, route: str, who: str, windows: list[Window]) -> None:
        """What was counted, refused or not."""
        self._until.pop((route, who), None)
        if windows[-1].is_over:
            if len(self._until) >= _MOST_REFUSED:
                self._until.clear()
            ends = time.monotonic() + windows[-1].resets_in
            self._until[route, who] = ends, windows

    def windows(self, route: str, who: str) -> list[Window]:
        """What a client was refused with whose time has not come yet; nothing for any other."""
        ends, windows = self._until.get((route, who), (0.0, []))
        left = math.ceil(ends - time.monotonic())
        return [replace(each, resets_in=left) for each in windows] if left > 0 else []


class _BoundStorage(MemoryStorage):
    """Counters in memory, no more than there may be: the oldest make room."""

    def __init__(self) -> None:
        super().__init__()
        self._adding = threading.Lock()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, in a counter that may be new."""
        with self._adding:
            if key not in self.storage and len(self.storage) >= MOST_COUNTERS:
                for old in list(self.storage)[: MOST_COUNTERS // 10 + 1]:
                    self.clear(old)
            return super().incr(key, expiry, amount)


@dataclass
class Counters:
    """Counts in Redis while that answers, else here. Safe to share between threads."""

    redis_url: str | None
    _shared: SlidingWindowCounterRateLimiter | None = field(default=None, init=False)
    _is_away: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._local = SlidingWindowCounterRateLimiter(_BoundStorage())
        self._refused = Refused()
        self._lock = threading.Lock()
        if self.redis_url:
            storage = hurried_storage(
                self.redis_url, key_prefix="dub-limits", connect_seconds=ANSWER_SECONDS
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    @property
    def is_shared(self) -> bool:
        """Whether it is Redis that counts now."""
        return self._shared is not None and not self._is_away

    def count(self, rule: Rule, who: str) -> list[Window]:
        """Count one request of this client; a window is over if it was one too many."""
        if self.is_shared:
            assert self._shared
            try:
                with within(ANSWER_SECONDS):
                    windows = _counted(self._shared, rule, who)
            except (RedisError, OSError) as error:
                self._leave(error)
            else:
                self._refused.note(rule.route, who, windows)
                return windows
        return self._refused.windows(rule.route, who) or _counted(self._local, rule, who)

    def _leave(self, error: Exception) -> None:
        """Count here from now on, until somebody else than a request has found it back."""
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
        """Whether it answers again, and fast enough for several answers."""
        with within(ANSWER_SECONDS / _ANSWERS):
            return storage.check()


def _rule(text: str) -> Rule:
    route, _, limits = (part.strip() for part in text.partition("="))
    if not _ROUTE.fullmatch(route):
        raise ValueError(f"{route!r} is no route: it is *, or a path with or without its method")
    if limits == NONE:
        return Rule(route, ())
    # The shortest first: what it refuses is not counted in the longer ones.
    return Rule(route, tuple(sorted(parse_many(limits))))


def _counted(limiter: SlidingWindowCounterRateLimiter, rule: Rule, who: str) -> list[Window]:
    windows = []
    for limit in rule.limits:
        taken = limiter.hit(limit, rule.route, who)
        stats = limiter.get_window_stats(limit, rule.route, who)
        resets_in = max(1, math.ceil(stats.reset_time - time.time()))
        windows.append(Window(limit, stats.remaining, resets_in, is_over=not taken))
        if not taken:
            break
    return windows
