"""`python -m dub_platform.local demo|up`: the stack with the sample, or until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time

import httpx
from rich.console import Console
from rich.markup import escape

from dub_platform.local import demo
from dub_platform.local.stack import Stack, StackError
from dub_platform.settings import Settings, WrongSettingError

console = Console(soft_wrap=True, highlight=False)


def main(command: str) -> int:
    """Run `demo` or `up`; the exit status."""
    # `make` and shells without job control start children that ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = Settings.from_environment()
        stack = Stack(settings)
        with stack.running():
            (_demo if command == "demo" else _up)(stack, settings)
    except KeyboardInterrupt:
        console.print("Stopped.")
    except (StackError, WrongSettingError) as error:
        what = "Demo" if command == "demo" else "Start"
        console.print(f"[bold red]{what} failed.[/] {escape(str(error))}")
        return 1
    return 0


def _up(stack: Stack, settings: Settings) -> None:
    console.print(f"Hand videos in    {settings.base_url}")
    console.print(f"Dagster           {settings.dagster_url}")
    console.print(f"Logs              {stack.logs}")
    console.print("Ctrl-C stops it.")
    while True:
        _require_alive(stack)
        time.sleep(1)


def _demo(stack: Stack, settings: Settings) -> None:
    _print_setup_time()
    with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=60) as client:
        began = time.monotonic()
        video = demo.hand_in(client)
        new = "handed in" if video["created"] else "known from before, so what is there is reused"
        console.print(f"\n{demo.SAMPLE.name} is {new}: {video['id']}")
        demo.follow(client, video["id"], console, lambda: _require_alive(stack))
        seconds = time.monotonic() - began
        below = f"{settings.base_url}/media/releases/{video['id']}/"
        console.print(demo.table_of(demo.results(client, video["id"]), below))
        console.print(f"Dub time, from POST to both languages released: {seconds:.1f} s")
        for language in demo.LANGUAGES:
            console.print(f"Watch    {settings.base_url}/watch?v={video['id']}&lang={language}")
        console.print(f"Dagster  {settings.dagster_url}/assets")
        console.print("`make up` keeps both open; what was made stays.")
        demo.await_last_words(settings.dagster_url)


def _print_setup_time() -> None:
    """`make demo` notes when it began, so that set-up and dubbing are told apart."""
    began = os.environ.get("DUB_DEMO_BEGAN")
    if began:
        console.print(f"Set-up time: {time.time() - float(began):.1f} s")


def _require_alive(stack: Stack) -> None:
    dead = stack.died()
    if dead:
        raise StackError(f"The server {dead} ended by itself; see {stack.logs / dead}.log.")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
