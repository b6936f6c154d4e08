"""Health probes: /health (the process lives), /ready (it can serve), /version.

{"ready": false, "degraded": false,
 "checks": {"registry": {"ok": true, "ms": 1.2},
            "store": {"ok": false, "ms": 2000.4, "error": "no answer in 2 s"},
            "daemon": {"ok": true, "ms": 3.1}}}
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone

import anyio
import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.contract.operation import Operation
from api.contract.responses import answer
from api.contract.schemas import AliveAnswer, CheckAnswer, ReadyAnswer, VersionAnswer
from api.services import services_of

CHECK_SECONDS = 2.0
_log = structlog.get_logger(__name__)


async def health(request: Request) -> Response:
    """Answer 200 as long as the event loop runs."""
    now = datetime.now(timezone.utc)
    return answer(AliveAnswer(timestamp=now, version=services_of(request).version))


async def ready(request: Request) -> Response:
    """Answer 200 if every check that requests depend on passes, else 503.

    All checks run at the same time. A process that is draining is not ready.
    """
    services = services_of(request)
    if request.app.state.drain.begun:
        leaving = CheckAnswer(ok=False, ms=0.0, error="this process is about to end")
        return answer(ReadyAnswer(ready=False, checks={"draining": leaving}), 503)
    found = await request.app.state.checks.answers()
    well = all(found[name].ok for name in services.checks)
    degraded = well and not all(found[name].ok for name in services.helpful)
    body = ReadyAnswer(ready=well, degraded=degraded, checks=found)
    return answer(body, 200 if well else 503)


async def version(request: Request) -> Response:
    """Answer the version, commit and build time of this process."""
    services = services_of(request)
    return answer(
        VersionAnswer(
            version=services.version,
            commit=services.commit,
            built_at=services.built_at,
            build_time=services.built_at or "unknown",
            environment=services.environment,
            python=platform.python_version(),
        )
    )


class Checks:
    """The named checks of a process; each runs in a thread of its own."""

    def __init__(self, checks: Mapping[str, Callable[[], None]]) -> None:
        self._checks = checks
        self._under_way: dict[str, asyncio.Task[str]] = {}
        # Checks that hang must not take the uploads' threads.
        self._threads = anyio.CapacityLimiter(max(1, len(checks)))

    async def answers(self) -> dict[str, CheckAnswer]:
        """Run all checks at once and return the result of each by its name."""
        said = await asyncio.gather(*map(self._answer, self._checks))
        return dict(zip(self._checks, said, strict=True))

    async def _answer(self, name: str) -> CheckAnswer:
        began, error = time.perf_counter(), f"no answer in {CHECK_SECONDS:g} s"
        asked = self._start_check(name)
        await asyncio.wait([asked], timeout=CHECK_SECONDS)
        if asked.done():
            error = asked.result()
        ms = round((time.perf_counter() - began) * 1000, 1)
        return CheckAnswer(ok=not error, ms=ms, error=error or None)

    def _start_check(self, name: str) -> asyncio.Task[str]:
        """Start a check, or return the one that is under way.

        Callers share a running check, so that a check that hangs holds one thread, however often
        /ready is asked for.
        """
        asked = self._under_way.get(name)
        if asked is None or asked.done():
            asked = self._under_way[name] = asyncio.create_task(self._run_check(name))
        return asked

    async def _run_check(self, name: str) -> str:
        # Abandoned on cancel: a process that ends must not wait for a check that hangs.
        return await anyio.to_thread.run_sync(
            _error_of_check, name, self._checks[name], limiter=self._threads, abandon_on_cancel=True
        )


def _error_of_check(name: str, check: Callable[[], None]) -> str:
    """Run a check; return the class name of its error, or an empty text if it passes.

    The full error goes to the log only, because /ready can be read by everybody.
    """
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready
        _log.warning("not ready", check=name, error=repr(error))
        return type(error).__name__
    return ""


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/health", health, "Whether the process answers", {200: AliveAnswer}),
    Operation(
        "GET", "/ready", ready, "Whether every part works", {200: ReadyAnswer, 503: ReadyAnswer}
    ),
    Operation("GET", "/version", version, "Which build answers", {200: VersionAnswer}),
)
