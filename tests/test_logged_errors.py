"""An error that is logged and that no test expected fails the test."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import structlog

from tests.docs.documents import ROOT
from tests.support.logged_errors import ProcessLogs, find_errors

STRAY = """
import logging, structlog, sys

def test_one_of_ours():
    structlog.get_logger("api").error("a stray of ours")

def test_one_of_a_library():
    logging.getLogger("a.library").critical("a stray of a library's")

def test_one_that_is_expected(logged_errors):
    logging.getLogger("a.library").error("expected")
    logged_errors.remove("expected")

def test_one_on_a_console_too(logged_errors):
    logging.getLogger("a.library").error("disk gone\\n")
    print("2026-11-30T21:51:23Z [error    ] disk gone\\\\n [a.library]", file=sys.stderr)
    print("2026-11-30T21:51:23Z [error    ] Step failed. [dub_platform.run]", file=sys.stderr)
    logged_errors.remove("disk gone")

def test_one_on_a_console_alone():
    print("2026-11-30T21:51:23Z [error    ] disk gone  [a.library]", file=sys.stderr)

def test_a_warning():
    structlog.get_logger("api").warning("no error")
"""


IN_PROCESSES = """
import subprocess, sys
import pytest

LOGS = {
    "ours": '{"event": "request failed", "level": "error", "logger": "api"}',
    "crash": 'Traceback (most recent call last):\\n  File "x"\\nValueError: no such number',
    "warning": '{"event": "nearly full", "level": "warning"}',
}

def write_log(folder, text):
    (folder / "logs").mkdir()
    (folder / "logs" / "api.log").write_text(text)

@pytest.mark.parametrize("name", LOGS)
def test_a_log(name, tmp_path):
    write_log(tmp_path, LOGS[name])

@pytest.mark.logs_errors("request failed")
@pytest.mark.parametrize("name", LOGS)
def test_one_that_is_expected(name, tmp_path):
    write_log(tmp_path, LOGS[name])

def test_standard_error():
    subprocess.run([sys.executable, "-c", "{}[1]"])

def test_nothing():
    pass

def test_of_a_stack(stack):
    (stack / "logs" / "api.log").write_text("2026-11-30T21:51:23Z [critical ] disk gone  [api]")

def test_after_it(stack):
    pass

@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    from tests.support.logged_errors import PROCESS_LOGS
    folder = tmp_path_factory.mktemp("stack")
    write_log(folder, "")
    with PROCESS_LOGS.watch(folder):
        yield folder
        (folder / "logs" / "late.log").write_text(LOGS["ours"])
"""


def failures(strays: str, folder: Path) -> tuple[list[str], str]:
    """The tests of this file that fail, and the last line that pytest writes about all of them."""
    file = ROOT / "tests" / "sensors" / f"test_strays_{folder.name}.py"
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider"]
    file.write_text(strays)
    try:
        # Not below the folder: what processes log there is read for this test.
        with tempfile.TemporaryDirectory() as temp:
            run = [*command, f"--basetemp={temp}/run", str(file)]
            said = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    finally:
        file.unlink()
    ends = [line for line in said.splitlines() if line.startswith(("ERROR", "FAILED"))]
    return [line.partition("::")[2].partition(" - ")[0] for line in ends], said.splitlines()[-1]


def test_an_expected_error_is_taken_out(logged_errors: list[str]) -> None:
    """With its words, whoever logs it."""
    structlog.get_logger("api").error("ours", code="storage_full")
    logging.getLogger("a.library").error("a library's", exc_info=ValueError())
    structlog.get_logger("api").warning("no error")
    assert ["ours", "a library's"] == logged_errors
    logged_errors.clear()


def test_a_stray_error_fails_its_test(tmp_path: Path) -> None:
    """Ours and a library's, and neither one that is expected nor a warning."""
    failed, end = failures(STRAY, tmp_path)
    strays = ["test_one_of_ours", "test_one_of_a_library", "test_one_on_a_console_alone"]
    assert strays == sorted(failed, key=strays.index)
    assert "1 failed, 5 passed, 2 errors" in end


def test_a_stray_error_of_a_process_fails_its_test(tmp_path: Path) -> None:
    """In a log, by its level or a traceback; on standard error; and in the logs of what serves
    several tests, after each and when it has ended. Another event than the expected one fails."""
    failed, end = failures(IN_PROCESSES, tmp_path)
    in_logs = ["test_a_log[ours]", "test_a_log[crash]", "test_one_that_is_expected[crash]"]
    assert sorted((*in_logs, "test_of_a_stack", "test_after_it", "test_standard_error")) == sorted(
        failed
    )
    assert "1 failed, 9 passed, 5 errors" in end


def test_a_run_that_fails_is_one_error() -> None:
    """Of all that Dagster says of it, by the code of what it failed of; two runs are two."""

    def say(run: str, event: str) -> str:
        said = {"run_id": run, "event": event, "level": "error", "logger": "dub_platform.run"}
        return json.dumps(said)

    said = [
        say("1", 'Execution of step "transcript" failed.'),
        say("2", "Run was canceled."),
        say("1", "No speech was found in this video. (media_no_speech)"),
        say("1", 'Execution of run for "prepare_video" failed.'),
    ]
    assert ["media_no_speech", "Run was canceled."] == find_errors("\n".join(said))


def test_runs_that_the_end_of_a_stack_stops_are_no_errors() -> None:
    """Before the end, one is."""
    event = "Execution of run failed. Execution was interrupted unexpectedly."
    record = {"run_id": "1", "event": event, "level": "error", "logger": "dub_platform.run"}
    logs = ProcessLogs()
    # Not below the folder of a test, where what processes log is read for this test.
    with tempfile.TemporaryDirectory() as name:
        (folder := Path(name) / "logs").mkdir()
        with logs.watch(folder.parent):
            (folder / "run-1.log").write_text(json.dumps(record))
            before = logs.read_new()
            (folder / "run-2.log").write_text(json.dumps(record))
        assert ([event], []) == (before, logs.read_new())


def test_errors_of_other_programs_are_found() -> None:
    """Dagster's, PostgreSQL's, and those of programs that log by key and value; half a record is
    none."""
    said = """
\x1b[32m2026-11-30 +0000\x1b[0m - dagster.daemon - \x1b[34mERROR\x1b[0m - \x1b[31mlate\x1b[0m
2026-11-30 21:51:23.456 UTC [77] ERROR:  relation "videos" does not exist
time=2026-11-30T21:51:23Z level=ERROR source=main.go msg="no rule"
{"level":"error","ts":1764539483,"msg":"dial tcp: refused"}
{"level": "err
2026-11-30 21:51:23.456 UTC [77] LOG:  ready, after an ERROR
"""
    found = ["late", 'relation "videos" does not exist', 'source=main.go msg="no rule"']
    assert [*found, "dial tcp: refused"] == find_errors(said)
