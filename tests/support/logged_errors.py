"""Errors that are logged: in this process, by structlog or otherwise, and by processes.

    with collect_errors() as errors:
        structlog.get_logger("api").error("request not served", code="storage_full")
    assert ["request not served"] == errors

    logs = ProcessLogs()
    with logs.watch(home):                # all of home/**/logs/*.log, and until when it is read
        ...
    logs.read_new(tmp_path)               # what these, and those below tmp_path, have said since
    find_errors(log)                      # ["request failed", "ValueError: no such number"]

A run of Dagster that fails says so in a dozen lines, whose number depends on how it was loaded. In
this process they are left out: that it failed is the run's outcome, which tests look at. In a
process's log they are one error, the code of what it failed of. What a test writes to standard
error has lines of both, so there what was logged in this process is left out.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_OF_RUNS = "dub_platform.run"
_ERRORS = ("critical", "error", "exception", "fatal")
# "2026-11-30T21:51:23Z [error    ] request failed                 [api] path=/videos"
_CONSOLE = re.compile(r"\S+ \[(?:error|critical) *\] (.+?)(?: {2,}|\s+\[|$)")
# What PostgreSQL, and programs that log by key and value, say of themselves.
_FOREIGN = re.compile(r"\S.*\b(?:(?:ERROR|FATAL|PANIC): +|level=(?:error|fatal|panic)\b)(.*)", re.I)
# The end of the sentence that users are told.
_CODE = re.compile(r"\((\w+)\)$")
# Dagster's daemon: "2026-11-30 21:51:23 +0000 - dagster.daemon.SensorDaemon - ERROR - Sensor ..."
_DAGSTER = re.compile(r"\S.* - dagster\S* - (?:ERROR|CRITICAL) - (.+)")
# What says that a run failed, on a console.
_OF_A_RUN = re.compile(rf" - dagster - ERROR - .* - (?:STEP|RUN)_FAILURE - |\[{_OF_RUNS}\]")
_COLOURS = re.compile(r"\x1b\[[\d;]*m")
_STOPPED = "Execution was interrupted unexpectedly."
_TRACEBACK = "Traceback (most recent call last):"


@contextmanager
def collect_errors(logged: list[str] | None = None) -> Iterator[list[str]]:
    """Collect what is logged as an error, or worse, until the block ends.

    Tests take out what they expect; `logged` keeps all of it.
    """
    errors = _Errors([] if logged is None else logged)
    handler, root = _Collecting(errors), logging.getLogger()

    def note(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if method in _ERRORS:
            errors.append(str(event.get("event")))
        return event

    # In place: loggers that are at work keep the list that they began with.
    processors = structlog.get_config()["processors"]
    processors.insert(0, note)
    root.addHandler(handler)
    try:
        yield errors
    finally:
        root.removeHandler(handler)
        if note in processors:
            processors.remove(note)


class _Errors(list[str]):
    """Errors, each of which is noted in another list too."""

    def __init__(self, logged: list[str]) -> None:
        super().__init__()
        self._logged = logged

    def append(self, error: str) -> None:
        self._logged.append(error)
        super().append(error)


class _Collecting(logging.Handler):
    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != _OF_RUNS:
            self._errors.append(record.getMessage().partition("\n")[0])


class ProcessLogs:
    """The logs that processes write, each part of which is read once."""

    def __init__(self) -> None:
        self._read = dict[Path, int]()
        self._watched = list[Path]()
        self._left_out = list[Path]()
        self._late = list[str]()

    def add(self, folder: Path) -> None:
        """Read what processes log below the folder after each test, from now on."""
        self._watched.append(folder)

    @contextmanager
    def watch(self, folder: Path) -> Iterator[None]:
        """Read what processes log below the folder after each test, until the block ends."""
        self.add(folder)
        try:
            yield
        finally:
            # What it said while it ended counts for whoever reads next, but for the runs that its
            # end stopped.
            last = self._read_below(folder)
            self._late += [error for error in last if _STOPPED not in error]
            self._watched.remove(folder)

    def leave_out(self, folder: Path) -> None:
        """Read nothing below the folder, whose servers are killed while others ask them."""
        self._left_out.append(folder)

    def read_new(self, *folders: Path) -> list[str]:
        """What was logged as an error below these folders and the watched ones since the last."""
        late, self._late = self._late, []
        return late + self._read_below(*folders, *self._watched)

    def _read_below(self, *folders: Path) -> list[str]:
        logs = {log for below in folders for log in below.rglob("logs/*.log")}
        read = [log for log in sorted(logs) if not any(map(log.is_relative_to, self._left_out))]
        return [error for log in read for error in find_errors(self._read_rest(log))]

    def _read_rest(self, log: Path) -> str:
        with log.open("rb") as file:
            # A server that starts again may begin its log anew.
            began = self._read.get(log, 0)
            file.seek(began if began <= log.stat().st_size else 0)
            said = file.read()
            self._read[log] = file.tell()
        return said.decode(errors="replace")


PROCESS_LOGS = ProcessLogs()


def find_errors(said: str) -> list[str]:
    """The errors in what a process wrote: events of level error, and tracebacks by what they end
    with."""
    return list(_find(_COLOURS.sub("", said).splitlines()))


def find_strays(said: str, logged: Sequence[str]) -> list[str]:
    """The errors on standard error but those of runs and what this process logged."""
    lines = _COLOURS.sub("", said).splitlines()
    others = (line for line in lines if not _OF_A_RUN.search(line))
    found = _find(list(others))
    # The console shows an event up to where its fields may begin.
    return [error for error in found if not any(event.startswith(error) for event in logged)]


def _find(lines: list[str]) -> Iterator[str]:
    rest, of_runs = iter(lines), dict[str, str]()
    for line in rest:
        if line == _TRACEBACK:
            yield next((each for each in rest if not each.startswith((" ", "\t"))), line)
        elif record := _read_record(line):
            event, run = str(record.get("event") or record.get("msg")), record.get("run_id")
            if run is None or record.get("logger") != _OF_RUNS:
                yield event
            elif (found := _CODE.search(event)) or run not in of_runs:
                of_runs[run] = found[1] if found else event
        elif found := _CONSOLE.match(line) or _DAGSTER.match(line) or _FOREIGN.match(line):
            # The console shows a line's end that an event ends with, as uvicorn's do.
            yield found[1].strip().removesuffix(r"\n")
    yield from of_runs.values()


def _read_record(line: str) -> Mapping[str, Any]:
    """The record of an error that the line is in JSON; an empty one if it is none."""
    try:
        record = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return record if record.get("level") in _ERRORS else {}
