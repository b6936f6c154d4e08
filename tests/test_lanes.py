"""The lanes: every test is in one, and what became of them is told."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import lanes
from tests.lanes import LANES, LONG_LANES, ROOT, Course, Lane, Result, conclude

ONE_OF_EACH = "def test_passes(): pass\n\n\ndef test_fails(): raise AssertionError\n"
LANE = Lane("chaos", 100, ())
# A run of pytest by itself, without the plugins that take seconds to import.
ALONE = ("-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:schemathesis")


def test_every_long_test_is_in_a_lane() -> None:
    """Of the files that hold one, each is in exactly one lane."""
    marked = re.compile(r"^(?!#).*pytest\.mark\.long\b", re.MULTILINE)
    files = [path for path in ROOT.glob("tests/**/test_*.py") if marked.search(path.read_text())]
    here = Path(__file__)
    expected = sorted(str(path.relative_to(ROOT)) for path in files if path != here)
    in_lanes = [name for lane in LONG_LANES for name in lane.arguments if name.endswith(".py")]
    assert expected == sorted(in_lanes)


def test_every_place_that_is_named_is_there() -> None:
    """Else its tests would be in another lane without a word."""
    named = [*lanes.QUICK, *lanes.SLOW, *(name for name in lanes.LONGEST if "/" in name)]
    assert [] == [name for name in named if not (ROOT / name).exists()]


def test_the_lane_of_all_tests_begins_with_the_quick_ones() -> None:
    """From whichever folder, so that a fault shows in the first minute."""
    [lane] = LANES["test"]
    assert ("tests", "-m", "not long") == lane.arguments
    files = (
        "tests/dub_platform/registry/database/test_engine.py",
        "tests/dub_platform/core/test_keys.py",
    )
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "--collect-only", "-q"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    order = [line.partition("::")[0] for line in listed.splitlines() if "::" in line]
    assert sorted(order, key=files[::-1].index) == order
    assert set(files) == set(order)


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many workers as two tests need: each is a process that loads pytest."""
    monkeypatch.setattr(lanes, "AT_ONCE", ("-n", "2", *lanes.AT_ONCE[2:]))


@pytest.mark.usefixtures("two_at_once")
def test_a_lane_is_run_and_its_tests_are_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A real run of pytest, one of whose two tests fails."""
    (tmp_path / "test_both.py").write_text(ONE_OF_EACH)
    course = Course()
    course.run(Lane("both", 1, (str(tmp_path), *ALONE)))
    [result] = course.results
    assert (1, {"failed": 1, "passed": 1}) == (result.status, dict(result.counts))
    assert ["both"] == course.failed()
    assert "lane both: failed in" in capfd.readouterr().out


@pytest.mark.usefixtures("two_at_once")
def test_a_lane_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    """And has failed."""
    (tmp_path / "test_hang.py").write_text("import time\n\n\ndef test_hangs(): time.sleep(600)\n")
    arguments = (str(tmp_path), *ALONE)
    status, _ = lanes._run_pytest(arguments, 3.0)
    assert status != 0


def test_the_last_line_is_a_test_runners(capsys: pytest.CaptureFixture[str]) -> None:
    """Over all lanes; and a lane that failed is named before it."""
    passed = Result(LANE, 1.0, 0, Counter(passed=3))
    failed = Result(Lane("scale", 1, ()), 1.0, 1, Counter(passed=1, failed=1))
    assert (0, 1, 1) == (
        conclude(Course(results=[passed]), 0),
        conclude(Course(results=[passed]), 2),
        conclude(Course(results=[passed, failed]), 0),
    )
    *_, told, closing = capsys.readouterr().out.strip().splitlines()
    assert told.split()[:2] == ["scale", "failed"]
    assert re.fullmatch(r"=+ 1 failed, 4 passed in \d+\.\d\ds =+", closing)


def test_a_lane_for_which_there_is_no_time_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By how slow the machine was until then."""
    course = Course(results=[Result(Lane("quick", 60, ()), 60 * 60, 0, Counter(passed=1))])
    assert (True, False) == (Course().has_time_for(LANE), course.has_time_for(LANE))
    course.left.append(LANE)
    conclude(course, 0)
    assert "not run: the time is over" in capsys.readouterr().out
