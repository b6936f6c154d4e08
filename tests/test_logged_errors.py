"""An error that is logged and that no test expected fails the test."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import structlog

from tests.docs.documents import ROOT

STRAY = """
import logging, structlog

def test_one_of_ours():
    structlog.get_logger("api").error("a stray of ours")

def test_one_of_a_library():
    logging.getLogger("a.library").critical("a stray of a library's")

def test_one_that_is_expected(logged_errors):
    logging.getLogger("a.library").error("expected")
    logged_errors.remove("expected")

def test_a_warning():
    structlog.get_logger("api").warning("no error")
"""


def test_an_expected_error_is_taken_out(logged_errors: list[str]) -> None:
    """With its words, whoever logs it."""
    structlog.get_logger("api").error("ours", code="storage_full")
    logging.getLogger("a.library").error("a library's", exc_info=ValueError())
    structlog.get_logger("api").warning("no error")
    assert ["ours", "a library's"] == logged_errors
    logged_errors.clear()


def test_a_stray_error_fails_its_test(tmp_path: Path) -> None:
    """Ours and a library's, and neither one that is expected nor a warning."""
    strays = ROOT / "tests" / "sensors" / f"test_strays_{tmp_path.name}.py"
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider"]
    strays.write_text(STRAY)
    try:
        run = [*command, f"--basetemp={tmp_path / 'run'}", str(strays)]
        said = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    finally:
        strays.unlink()
    failed = [line.partition("::")[2] for line in said.splitlines() if line.startswith("ERROR")]
    assert ["test_one_of_ours", "test_one_of_a_library"] == [
        line.partition(" ")[0] for line in failed
    ]
    assert "4 passed, 2 errors" in said
