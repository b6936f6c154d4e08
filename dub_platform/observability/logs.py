"""The log: one line for each event, readable for people or one JSON object for programs.

    configure_logging("console", "INFO")
    with structlog.contextvars.bound_contextvars(request_id="7f3a"):
        structlog.get_logger("api").warning("disk nearly full", free_mb=120)

Lines of the standard library's loggers (uvicorn's, Dagster's) get the same form. Our own lines do
not go through the standard library, because two records for each line would double their cost.
Logged text is hostile: nothing in it can begin a new line or reach the terminal as an escape
sequence.
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


def _add_run_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Reduce Dagster's line about a run to its message, with the run's id, video and language."""
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
    """Writes records of the standard library's loggers, and lines that are already complete."""

    def write(self, line: str) -> None:
        """Write a complete line, never into the middle of another."""
        self.acquire()
        try:
            self.stream.write(f"{line}{self.terminator}")
            self.flush()
        finally:
            self.release()


class _Logger:
    """The logger below our own loggers, with a name."""

    def __init__(self, name: str, handler: _Handler) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = handler.write


def configure_logging(log_format: Literal["console", "json"], level: str) -> None:
    """Send all log lines of this process to stderr; lines below `level` are dropped."""
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
            foreign_pre_chain=[*_SHARED, _add_run_fields],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Otherwise opening a Dagster instance logs every step of its migrations.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _adopt_servers()


def printable(text: str) -> str:
    """Return `text` on one line: line ends, escapes and bidirectional controls become visible
    codes."""
    return "".join(
        character if character.isprintable() else _escape(character) for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _rendering(log_format: Literal["console", "json"]) -> list[Processor]:
    if log_format == "json":
        # JSON in plain ASCII cannot hold a line end or an escape unescaped.
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=True),
        ]
    return [
        _make_printable,
        ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_indented_traceback),
    ]


def _without_colour_copy(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop uvicorn's second copy of the message, which has colours."""
    event.pop("color_message", None)
    return event


def _make_printable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {
        printable(key): value if key == "exc_info" else _printable_value(value)
        for key, value in event.items()
    }


def _printable_value(value: object) -> float | str | None:
    return value if isinstance(value, (int, float, type(None))) else printable(str(value))


def _indented_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback with every line indented, so that a message in it cannot look like a log
    line."""
    text = io.StringIO()
    plain_traceback(text, exc_info)
    # Split at "\n" only: str.splitlines would also split at characters that terminals act on.
    for line in text.getvalue().strip("\n").split("\n"):
        out.write(f"\n    {printable(line)}")


def _adopt_servers() -> None:
    """Have the servers' loggers use our handler; drop uvicorn's access log, because the API has
    its own."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", "dagster"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").handlers.clear()
    logging.getLogger("uvicorn.access").propagate = False
