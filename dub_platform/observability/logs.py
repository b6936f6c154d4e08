"""The log: one line an event, readable for people or one JSON object for machines.

    configure_logging("console", "INFO")
    with structlog.contextvars.bound_contextvars(request_id="7f3a"):
        structlog.get_logger("api").warning("disk nearly full", free_mb=120)

Lines of the standard library's loggers (uvicorn's, Dagster's) come out in the same shape. Ours do
not go through it: two records of each would cost more than all that is done for it.
Logged text is hostile: nothing in it can start a line of its own or reach the terminal as an
escape sequence.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger


def _of_run(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A line of Dagster's about a run: its message alone, with the run and whom it is for."""
    meta = getattr(event.get("_record"), "dagster_meta", None)
    if meta is None:
        return event
    tags = meta["job_tags"]
    named = {
        "run_id": meta["run_id"],
        "stage": meta["step_key"],
        "request_id": tags.get(".dagster/dub.request"),
        "video": tags.get(".dagster/dub.video"),
        "language": tags.get("dub/language"),
    }
    told = {name: value for name, value in named.items() if value}
    return {**told, **event, "event": meta["orig_message"]}


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes what the standard library's loggers say, and lines that are whole already."""

    def write(self, line: str) -> None:
        """Write a line, and nothing into the midst of it."""
        self.acquire()
        try:
            self.stream.write(f"{line}{self.terminator}")
            self.flush()
        finally:
            self.release()


class _Logger:
    """What our own loggers write with, under a name."""

    def __init__(self, name: str, handler: _Handler) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = handler.write


def configure_logging(log_format: Literal["console", "json"], level: str) -> None:
    """Send every log line of this process to stderr; `level` is the least that is written."""
    handler, rendering = _Handler(sys.stderr), _rendering(log_format)
    structlog.configure(
        processors=[*_SHARED, *rendering],
        logger_factory=lambda name="": _Logger(name, handler),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler.setFormatter(
        ProcessorFormatter(
            processors=[
                ProcessorFormatter.remove_processors_meta,
                _without_colour_copy,
                *rendering,
            ],
            foreign_pre_chain=[*_SHARED, _of_run],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Opening a Dagster instance would otherwise tell its migrations' every step.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _adopt_servers()


def printable(text: str) -> str:
    """`text` on one line: line ends, escapes and what reorders text become visible codes."""
    return "".join(character if character.isprintable() else _code(character) for character in text)


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _rendering(log_format: Literal["console", "json"]) -> list[Processor]:
    if log_format == "json":
        # JSON in plain ASCII cannot hold a line end or an escape unescaped.
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=True),
        ]
    return [
        _made_printable,
        ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_indented_traceback),
    ]


def _without_colour_copy(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """uvicorn repeats its messages with colours in an extra."""
    event.pop("color_message", None)
    return event


def _made_printable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {
        printable(key): value if key == "exc_info" else _shown(value)
        for key, value in event.items()
    }


def _shown(value: object) -> float | str | None:
    return value if isinstance(value, (int, float, type(None))) else printable(str(value))


def _indented_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """A traceback whose every line is indented, so that a message in it cannot pose as a line."""
    text = io.StringIO()
    plain_traceback(text, exc_info)
    # Only "\n" may end a line: str.splitlines would also break at what a terminal obeys.
    for line in text.getvalue().strip("\n").split("\n"):
        out.write(f"\n    {printable(line)}")


def _adopt_servers() -> None:
    """The servers' lines go our way, without uvicorn's access log: the API has its own."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", "dagster"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").handlers.clear()
    logging.getLogger("uvicorn.access").propagate = False
