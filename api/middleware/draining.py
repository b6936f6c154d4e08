"""Graceful stop: what an API process does between SIGTERM and its end.

    drain = Drain(seconds=10)
    with drain.before_stopping():       # in the app's lifespan
        ...

For `seconds` the process answers as before, while /ready says 503, so that the load balancer stops
sending it requests. Each answer closes its connection, so that the client's next request goes to
another process. Then uvicorn gets the signal: it stops listening, waits for the requests under way
(uploads too), and exits.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Drain:
    """State of the graceful stop.

    `begun` is set by the first signal; `seconds` lie between SIGTERM and the stop.
    """

    seconds: float
    begun: bool = False

    @contextlib.contextmanager
    def before_stopping(self) -> Iterator[None]:
        """Delay SIGTERM by `seconds` within the block. A second SIGTERM stops the server at once.

        SIGINT, which somebody at the keyboard sends, is noted and not delayed. Nothing is changed
        outside of the main thread, where a test's server runs: Python delivers no signals there.
        """
        stop, interrupt = map(signal.getsignal, (signal.SIGTERM, signal.SIGINT))
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or not callable(stop) or not callable(interrupt):
            yield
            return
        loop = asyncio.get_running_loop()

        def on_sigterm(number: int, frame: FrameType | None) -> None:
            waits = 0.0 if self.begun else self.seconds
            self.begun = True
            # A signal handler may interrupt the loop anywhere; only this call is safe from within
            # it.
            loop.call_soon_threadsafe(loop.call_later, waits, stop, number, frame)

        def on_sigint(number: int, frame: FrameType | None) -> None:
            # Streams of events end when `begun` is set; without it they would hold the server open.
            self.begun = True
            interrupt(number, frame)

        with _handle_signal(signal.SIGTERM, on_sigterm), _handle_signal(signal.SIGINT, on_sigint):
            yield


class CloseWhileDraining:
    """Closes the connection after each answer (`Connection: close`) while the process drains."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self.app = app
        self.drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start" and self.drain.begun:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self.app(scope, receive, send_last)


@contextlib.contextmanager
def _handle_signal(
    number: signal.Signals, handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Install a handler for a signal within the block, and put the former one back."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
