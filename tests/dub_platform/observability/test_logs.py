"""The log as it is read: by people, and by machines."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from assets.step.tags import LANGUAGE, REQUEST, VIDEO
from dub_platform.contracts.threads import at_once
from dub_platform.observability import configure_logging

FORGED = "ok\n2026-01-01T00:00:00Z [error    ] forged\x1b[2J\u2028\u202e\r\x9b1m"
LogFormat = Literal["console", "json"]
FORMATS = pytest.mark.parametrize("log_format", ["console", "json"])


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """What the process logged with before is put back."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def raise_forged() -> None:
    raise ValueError(FORGED)


@FORMATS
def test_a_logged_text_is_one_line_without_escapes(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    """Neither a line end nor an escape in an event, a key or a value comes through."""
    configure_logging(log_format, "INFO")
    structlog.get_logger("api").info(FORGED, **{"value": FORGED, "k\ney": [FORGED]})
    logging.getLogger("uvicorn.error").warning("said %s", FORGED)
    lines = capsys.readouterr().err.split("\n")
    assert (3, "") == (len(lines), lines[-1])
    assert all(line.isprintable() for line in lines)


@FORMATS
def test_an_exceptions_message_cannot_pose_as_a_line(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    """A traceback is whole, and no line of it begins where a line of the log does."""
    configure_logging(log_format, "INFO")
    try:
        raise_forged()
    except ValueError:
        structlog.get_logger("api").exception("request failed")
    first, *more = capsys.readouterr().err.rstrip("\n").split("\n")
    assert "request failed" in first
    assert all(line.startswith("    ") for line in more)
    assert all(line.isprintable() for line in [first, *more])
    assert "raise_forged" in "\n".join([first, *more])


def test_a_machine_reads_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Our lines and uvicorn's have the same fields, the request's id among them."""
    configure_logging("json", "INFO")
    with bound_contextvars(request_id="7f3a"):
        structlog.get_logger("api").info("video accepted", video="dQw4w9WgXcQ")
        logging.getLogger("uvicorn.error").info(
            "Started server process [%d]", 7, extra={"color_message": "\x1b[1m"}
        )
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ("video accepted", "info", "api", "7f3a") == tuple(
        ours[key] for key in ("event", "level", "logger", "request_id")
    )
    assert "Started server process [7]" == theirs["event"]
    assert set(ours) - {"video"} == set(theirs)
    assert ours["timestamp"].endswith("Z")


@FORMATS
def test_what_matters_less_than_the_level_is_not_written(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    """Neither ours nor the libraries'."""
    configure_logging(log_format, "WARNING")
    structlog.get_logger("api").info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    assert "" == capsys.readouterr().err


def test_uvicorns_access_log_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """The API writes its own line a request; two would be one too many."""
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(sys.stderr))
    configure_logging("console", "INFO")
    logging.getLogger("uvicorn.access").info("GET /")
    assert "" == capsys.readouterr().err
    assert not logging.getLogger("uvicorn.access").hasHandlers()


def test_a_line_of_a_run_has_its_message_alone_and_whom_it_is_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Dagster puts job, run and step in front of it, and the tags where nobody reads them."""
    configure_logging("json", "INFO")
    meta = {
        "run_id": "8f1e",
        "step_key": "speech",
        "job_tags": {REQUEST: "req-7", VIDEO: "up-1", LANGUAGE: "es"},
        "orig_message": "Line 1 of 2 is spoken.",
    }
    logging.getLogger("dub_platform.run").info(
        "dub_video - 8f1e - speech - Line 1 of 2 is spoken.", extra={"dagster_meta": meta}
    )
    line = json.loads(capsys.readouterr().err)
    assert {
        "event": "Line 1 of 2 is spoken.",
        "run_id": "8f1e",
        "stage": "speech",
        "request_id": "req-7",
        "video": "up-1",
        "language": "es",
        "level": "info",
        "logger": "dub_platform.run",
    } == {name: value for name, value in line.items() if name != "timestamp"}


def test_dagsters_own_lines_are_written_once_and_in_our_shape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What its servers set up at their start gives way."""
    logging.getLogger("dagster").addHandler(logging.StreamHandler(sys.stderr))
    configure_logging("json", "INFO")
    logging.getLogger("dagster.code_server").warning("Started Dagster code server")
    line = json.loads(capsys.readouterr().err)
    assert ("Started Dagster code server", "warning") == (line["event"], line["level"])


def test_lines_of_many_threads_are_whole(capfd: pytest.CaptureFixture[str]) -> None:
    """Ours and the libraries', which go two ways to one place."""
    configure_logging("json", "INFO")
    long = "x" * 20_000

    def say() -> None:
        for _ in range(20):
            structlog.get_logger("api").info("ours", long=long)
            logging.getLogger("uvicorn.error").info("theirs %s", long)

    at_once([say] * 8)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {"ours": 160, "theirs": 160} == Counter(line["event"].split()[0] for line in lines)


def test_a_line_of_ours_makes_no_record(capsys: pytest.CaptureFixture[str]) -> None:
    """A record of the standard library costs more than the line, which each request writes."""
    configure_logging("json", "INFO")
    made, before = [], logging.getLogRecordFactory()

    def noting(*args: Any, **options: Any) -> logging.LogRecord:
        made.append(args)
        return before(*args, **options)

    logging.setLogRecordFactory(noting)
    try:
        structlog.get_logger("api").info("request", status=200)
    finally:
        logging.setLogRecordFactory(before)
    line = json.loads(capsys.readouterr().err)
    assert ("request", 200, "api") == (line["event"], line["status"], line["logger"])
    assert [] == made
