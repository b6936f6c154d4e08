"""Is it alive, can it work, what is it: /health, /ready, /version.

{"ready": false, "degraded": false,
 "checks": {"registry": {"ok": true, "ms": 1.2},
            "store": {"ok": false, "ms": 2000.4, "error": "no answer in 2 s"},
            "daemon": {"ok": true, "ms": 3.1}}}
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread
import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer
from api.desk import desk_of

CHECK_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class CheckAnswer(BaseModel):
    """Whether a part is well, and how long it took to say so."""

    ok: bool
    ms: float
    error: str | None = None


class ReadyAnswer(BaseModel):
    """`degraded`: requests are served, but something that their work needs later is down."""

    ready: bool
    degraded: bool = False
    checks: dict[str, CheckAnswer]


class AliveAnswer(BaseModel):
    alive: bool = True


class VersionAnswer(BaseModel):
    version: str
    commit: str | None
    built_at: str | None
    python: str


async def health(_: Request) -> Response:
    """200 as long as the event loop turns."""
    return answer(AliveAnswer())


async def ready(request: Request) -> Response:
    """200 when every check is well that requests need, else 503; all run side by side.

    A process that is about to end is not ready, however well it is.
    """
    desk = desk_of(request)
    if request.app.state.drain.begun:
        leaving = CheckAnswer(ok=False, ms=0.0, error="this process is about to end")
        return answer(ReadyAnswer(ready=False, checks={"draining": leaving}), 503)
    found = await _all_checked({**desk.checks, **desk.helpful})
    well = all(found[name].ok for name in desk.checks)
    degraded = well and not all(found[name].ok for name in desk.helpful)
    body = ReadyAnswer(ready=well, degraded=degraded, checks=found)
    return answer(body, 200 if well else 503)


async def version(request: Request) -> Response:
    """Which build answers."""
    desk = desk_of(request)
    return answer(
        VersionAnswer(
            version=desk.version,
            commit=desk.commit,
            built_at=desk.built_at,
            python=platform.python_version(),
        )
    )


async def _all_checked(checks: Mapping[str, Callable[[], None]]) -> dict[str, CheckAnswer]:
    # Threads of their own: checks that hang must not take the uploads' threads.
    threads = anyio.CapacityLimiter(max(1, len(checks)))
    found: dict[str, CheckAnswer] = {}

    async def note(name: str, check: Callable[[], None]) -> None:
        found[name] = await _checked(name, check, threads)

    async with anyio.create_task_group() as group:
        for name, check in checks.items():
            group.start_soon(note, name, check)
    return {name: found[name] for name in checks}


async def _checked(
    name: str, check: Callable[[], None], threads: anyio.CapacityLimiter
) -> CheckAnswer:
    began, error = time.perf_counter(), f"no answer in {CHECK_SECONDS:g} s"
    with anyio.move_on_after(CHECK_SECONDS):
        error = await anyio.to_thread.run_sync(
            _said, name, check, limiter=threads, abandon_on_cancel=True
        )
    ms = round((time.perf_counter() - began) * 1000, 1)
    return CheckAnswer(ok=not error, ms=ms, error=error or None)


def _said(name: str, check: Callable[[], None]) -> str:
    """Nothing when all is well. What is wrong is logged: outside, its kind is enough."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready
        _log.warning("not ready", check=name, error=repr(error))
        return type(error).__name__
    return ""
