"""Leaving: what an API process does between SIGTERM and its end.

    drain = Drain(seconds=10)
    with drain.before_stopping():       # in the app's lifespan
        ...

It goes on answering for these seconds, while /ready says 503, so that whoever spreads requests
over several processes notices and sends it no more; and each answer closes its connection, so that
a client's next request comes in at another one. Only then is the server told: it stops listening,
lets what is under way end, uploads too, and exits.
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
    """Whether this process is about to end, and how long it waits before it does."""

    seconds: float
    begun: bool = False

    @contextlib.contextmanager
    def before_stopping(self) -> Iterator[None]:
        """Keep SIGTERM from the server until these seconds have passed; a second one is not kept.

        SIGINT, which is somebody at the keyboard, is only noted: streams must end all the same.
        Nothing is kept from a server that does not get its signals, as one in a test's thread.
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
            loop.call_soon_threadsafe(loop.call_later, waits, stop, number, frame)

        def on_sigint(number: int, frame: FrameType | None) -> None:
            self.begun = True
            interrupt(number, frame)

        with _handled(signal.SIGTERM, on_sigterm), _handled(signal.SIGINT, on_sigint):
            yield


class Farewell:
    """While the process is about to end, each answer says that its connection ends with it."""

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
def _handled(
    number: signal.Signals, handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
