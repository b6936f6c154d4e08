"""Is it alive, can it work, what is it: /health, /ready, /version.

{"ready": false, "degraded": false,
 "checks": {"registry": {"ok": true, "ms": 1.2},
            "store": {"ok": false, "ms": 2000.4, "error": "no answer in 2 s"},
            "daemon": {"ok": true, "ms": 3.1}}}
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

import anyio
import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.contract.responses import answer
from api.contract.schemas import AliveAnswer, CheckAnswer, ReadyAnswer, VersionAnswer
from api.services import services_of

CHECK_SECONDS = 2.0
_log = structlog.get_logger(__name__)


async def health(request: Request) -> Response:
    """200 as long as the event loop turns."""
    now = datetime.now(timezone.utc)
    return answer(AliveAnswer(timestamp=now, version=services_of(request).version))


async def ready(request: Request) -> Response:
    """200 when every check is well that requests need, else 503; all run side by side.

    A process that is about to end is not ready, however well it is.
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
    """Which build answers."""
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
    """The checks of a process, each by name and in a thread of its own."""

    def __init__(self, checks: Mapping[str, Callable[[], None]]) -> None:
        self._checks = checks
        self._under_way: dict[str, asyncio.Task[str]] = {}
        # Checks that hang must not take the uploads' threads.
        self._threads = anyio.CapacityLimiter(max(1, len(checks)))

    async def answers(self) -> dict[str, CheckAnswer]:
        """What each says, side by side."""
        said = await asyncio.gather(*map(self._answer, self._checks))
        return dict(zip(self._checks, said, strict=True))

    async def _answer(self, name: str) -> CheckAnswer:
        began, error = time.perf_counter(), f"no answer in {CHECK_SECONDS:g} s"
        asked = self._asked(name)
        await asyncio.wait([asked], timeout=CHECK_SECONDS)
        if asked.done():
            error = asked.result()
        ms = round((time.perf_counter() - began) * 1000, 1)
        return CheckAnswer(ok=not error, ms=ms, error=error or None)

    def _asked(self, name: str) -> asyncio.Task[str]:
        """The check, begun now unless it is under way: whoever asks meanwhile waits for the same,
        and what hangs holds one thread however often it is asked for."""
        asked = self._under_way.get(name)
        if asked is None or asked.done():
            asked = self._under_way[name] = asyncio.create_task(self._said(name))
        return asked

    async def _said(self, name: str) -> str:
        # A process that ends does not wait for what hangs.
        return await anyio.to_thread.run_sync(
            _said, name, self._checks[name], limiter=self._threads, abandon_on_cancel=True
        )


def _said(name: str, check: Callable[[], None]) -> str:
    """Nothing when all is well. What is wrong is logged: outside, its kind is enough."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready
        _log.warning("not ready", check=name, error=repr(error))
        return type(error).__name__
    return ""
