"""The commands `python -m dub_platform.local demo`, `demo-neural` and `up`."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from dub_platform import wiring
from dub_platform.core.service.events import Event
from dub_platform.local import demo, neural
from dub_platform.local.stack import Stack, StackError
from dub_platform.observability.logs import printable
from dub_platform.settings import Settings, WrongSettingError
from dub_platform.variables import FORMER

# The events printed in a second; more follow in the next.
MOST_EVENTS = 100
console = Console(soft_wrap=True, highlight=False)


def main(command: str, languages: str = "") -> int:
    """Run `demo`, `demo-neural` or `up`, and return the exit status.

    `languages` are those of the demo, with commas between; it chooses some itself without.
    """
    # Children of `make` and of shells without job control ignore Ctrl-C by default.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _forget_other_projects()
    if command == "demo-neural":
        neural.choose_engines()
    try:
        settings = Settings.from_environment()
        if command == "demo" and (found := neural.find_languages(settings)):
            console.print("Neural engines and their models are installed here: they dub the demo.")
            neural.choose_engines()
            languages, settings = ",".join(found), Settings.from_environment()
        for remark in Settings.remarks():
            console.print(remark, markup=False)
        stack = Stack(settings)
        # Read before the start: the API accepts videos seconds before everything else is ready.
        seen = _newest_event(settings)
        with stack.running(tell=console.print):
            if command == "up":
                _up(stack, settings, seen)
            else:
                _demo(stack, settings, tuple(filter(None, languages.split(","))), seen)
    except KeyboardInterrupt:
        console.print("Stopped.")
    except (StackError, WrongSettingError) as error:
        what = "Start" if command == "up" else "Demo"
        console.print(f"[bold red]{what} failed.[/] {escape(str(error))}")
        return 1
    return 0


def _forget_other_projects() -> None:
    """Remove general names such as DATABASE_URL from the environment: they may be another
    project's."""
    for name, ours in FORMER.items():
        if os.environ.pop(name, None):
            console.print(
                f"{name} of this shell is left alone: it may be another project's. If it is this "
                f"platform's, put it into .env, or set {ours}.",
                markup=False,
            )


def _newest_event(settings: Settings) -> int:
    """Return the id of the registry's newest event; 0 if its tables do not exist yet."""
    try:
        return wiring.events(settings).newest()
    except DBAPIError:
        return 0


def _up(stack: Stack, settings: Settings, seen: int) -> None:
    """Print each event after the one with the id `seen`, until Ctrl-C."""
    console.print(f"Hand videos in    {settings.base_url}")
    console.print(f"Dagster           {settings.local_dagster_url}")
    console.print(f"Logs              {stack.logs}")
    console.print("Ctrl-C stops it.")
    log = wiring.events(settings)
    while True:
        _require_alive(stack)
        for event in log.since(seen, limit=MOST_EVENTS):
            console.print(line_of(event), markup=False)
            seen = event.id
        time.sleep(1)


def line_of(event: Event) -> str:
    """Format an event as one line: time, video, language, and what happened."""
    what = event.stage or event.type.partition(".")[2]
    why = f": {event.error['message']}" if event.error else ""
    where = f"{event.video_id} {event.language or ''}".rstrip()
    return printable(f"{event.created_at.astimezone():%H:%M:%S}  {where}  {what}{why}")


def _demo(stack: Stack, settings: Settings, named: Sequence[str], seen: int) -> None:
    _print_setup_time()
    with demo.client_of(f"http://127.0.0.1:{settings.port}") as client:
        languages = named or demo.choose_languages(client)
        began = time.monotonic()
        video = demo.hand_in(client, languages)
        new = "handed in" if video["created"] else "known from before, so what is there is reused"
        console.print(f"\n{demo.SAMPLE.name} is {new}: {video['id']}")
        demo.follow(client, video["id"], console, lambda: _require_alive(stack))
        seconds = time.monotonic() - began
        demo.show(demo.results(client, video["id"], languages), console)
        console.print(
            f"\nDub time, from POST to {_languages_in_words(languages)} released: {seconds:.1f} s"
        )
        if settings.voice == "espeak":
            console.print(neural.describe_download())
        else:
            _print_paces(settings, video["id"], seen)
        somebody_reads = sys.stdin.isatty() and console.is_terminal
        if not somebody_reads:
            up = "make up" if settings.voice == "espeak" else f"DUB_HOME={settings.home} make up"
            console.print(f"`{up}` opens these, as all of it stops now; what was made stays:")
        for language in languages:
            watch = f"{settings.base_url}/watch?v={video['id']}&lang={language}"
            demo.show_link(watch, console)
        demo.show_link(f"{settings.local_dagster_url}/assets", console)
    if somebody_reads:
        console.print("Press Enter to stop; what was made stays, and `make up` opens it again.")
        _await_enter(stack)
    with demo.client_of(settings.local_dagster_url) as dagster:
        demo.await_last_words(dagster)


def _print_paces(settings: Settings, video_id: str, seen: int) -> None:
    """Print how long each stage took, and that for each second of the sample.

    It is read from the events after the one with the id `seen`, as a stage may be over before
    anybody asks how far the video is.
    """
    reached: dict[tuple[str, str], float] = {}
    for event in wiring.events(settings).since(seen, limit=MOST_EVENTS):
        if event.video_id == video_id:
            stage = event.stage or event.type.partition(".")[2]
            reached.setdefault((event.language or "video", stage), event.created_at.timestamp())
    console.print("\nstage                     seconds   a second of the sample")
    for stage, seconds, each in demo.paces(reached, demo.SAMPLE_SECONDS):
        console.print(f"{stage:<24} {seconds:8.1f}   {each:8.2f}")


def _await_enter(stack: Stack) -> None:
    """Wait until somebody presses Enter. Raises StackError if a server has died."""
    while not select.select([sys.stdin], [], [], 1)[0]:
        _require_alive(stack)
    sys.stdin.readline()


def _languages_in_words(languages: Sequence[str]) -> str:
    return "both languages" if len(languages) == demo.AT_MOST else "its one language"


def _print_setup_time() -> None:
    """Print the set-up time, which `make demo` measures apart from the dubbing."""
    began = os.environ.get("DUB_DEMO_BEGAN")
    if began:
        console.print(f"Set-up time: {time.time() - float(began):.1f} s")


def _require_alive(stack: Stack) -> None:
    dead = stack.find_dead()
    if dead:
        raise StackError(f"The server {dead} ended by itself; see {stack.logs / dead}.log.")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
