"""The lanes of the tests, what runs in which, and what became of each.

    python -m tests.lanes test       # `make test`: lint, and every test that is not long
    python -m tests.lanes quick      # `make test-quick`
    python -m tests.lanes long       # `make test-long`
    python -m tests.lanes all        # `make test-all`: both, as far as an hour goes

A lane is a run of pytest by itself. Lint goes on beside them; its output is shown when it is over.
The last line is a test runner's, over all lanes.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
# The quick lane has no server, no torch, and no program but the translator's. A test of these
# folders that needs one, or that takes long, is in a file that is listed in SLOW.
QUICK = (
    "tests/test_lanes.py",
    "tests/dub_platform",
    "tests/docs",
    "tests/api",
    "tests/sensors",
    "tests/benchmarks",
)
SLOW = (
    "tests/api/test_concurrency.py",
    "tests/api/test_contract.py",
    "tests/api/test_signed_links.py",
    "tests/api/test_shared_limits.py",
    "tests/benchmarks/test_evaluate.py",
    "tests/benchmarks/test_mix.py",
    "tests/benchmarks/test_stretch.py",
    "tests/docs/test_listening.py",
    "tests/docs/test_paid_deployment.py",
    "tests/dub_platform/backup",
    "tests/dub_platform/local/test_fork_server.py",
    "tests/dub_platform/observability/test_reports.py",
    "tests/dub_platform/registry",
    "tests/dub_platform/test_wiring.py",
    "tests/sensors/test_retention.py",
    "tests/sensors/test_celery_tasks.py",
)
# The groups and files that take longest, the longest first: what is short fills the gaps.
LONGEST = (
    "platform",
    "commands",
    "browser",
    "paid engines",
    "whisper",
    "demucs",
    "evaluate",
)
# More than the two cores of a small machine: tests of a platform wait for it most of the time.
AT_ONCE = ("-n", "4", "--dist", "loadgroup", "--no-loadscope-reorder")
# A lane begins only if it will have ended by then, and is stopped where it still has not.
BUDGET_SECONDS, STOP_SECONDS = 40 * 60, 75 * 60
_ENDS = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")
_COUNTS = re.compile(rf"(\d+) ({'|'.join(_ENDS)})")


@dataclass(frozen=True)
class Lane:
    """Some tests; `seconds` are what they take on two quiet cores, about."""

    name: str
    seconds: int
    arguments: Sequence[str]


QUICK_LANE = Lane("quick", 85, (*QUICK, "-m", "quick and not long"))
# One run, the quick tests first: each worker collects and sets up once.
TEST_LANE = Lane("test", 530, ("tests", "-m", "not long"))
LONG_LANES = tuple(
    Lane(name, seconds, (*files, "-m", "long"))
    for name, seconds, files in (
        ("fuzz", 60, ("tests/api/test_contract.py",)),
        ("migrations", 30, ("tests/dub_platform/registry/test_migrations.py",)),
        ("pins", 60, ("tests/deploy/test_pins.py",)),
        ("site", 20, ("tests/docs/test_site.py",)),
        ("guides", 120, ("tests/integration/test_guides.py",)),
        ("scale", 60, ("tests/integration/test_scale.py",)),
        ("editor", 50, ("tests/browser/test_long_editing.py",)),
        ("backup", 95, ("tests/integration/test_backup.py",)),
        (
            "deployment",
            130,
            (
                "tests/integration/test_deployment.py",
                "tests/integration/test_paid_engines.py",
            ),
        ),
        (
            "dubs",
            95,
            (
                "tests/assets/test_corrections.py",
                "tests/assets/test_full_disk.py",
                "tests/assets/test_lines.py",
                "tests/assets/test_other_engines.py",
                "tests/assets/test_pauses.py",
                "tests/assets/test_removal.py",
                "tests/assets/test_requests.py",
                "tests/assets/test_rewriting.py",
                "tests/assets/test_separated.py",
                "tests/assets/test_takes.py",
                "tests/assets/test_wording.py",
                "tests/benchmarks/test_evaluate.py",
                "tests/integration/test_edited_line.py",
                "tests/integration/test_platform.py",
            ),
        ),
        (
            "listening",
            95,
            (
                "tests/contracts/test_transcriber.py",
                "tests/resources/transcriber/test_pocketsphinx.py",
                "tests/resources/transcriber/test_whisper.py",
            ),
        ),
        (
            "neural",
            190,
            (
                "tests/contracts/test_translator.py",
                "tests/integration/test_neural_demo.py",
                "tests/resources/transcriber/test_faster_whisper.py",
                "tests/benchmarks/test_local.py",
                "tests/resources/voice/test_heard_again.py",
            ),
        ),
        (
            "restarts",
            110,
            (
                "tests/integration/test_rolling_restart.py",
                "tests/integration/test_draining_workers.py",
                "tests/integration/test_run_launcher.py",
            ),
        ),
        ("load", 40, ("tests/api/test_concurrency.py", "tests/benchmarks/test_mix.py")),
        ("cluster", 200, ("tests/deploy/test_cluster.py", "tests/integration/test_soak.py")),
        ("ffmpeg", 300, ("tests/resources/media/test_ffmpeg_builds.py",)),
        ("busy machine", 250, ("tests/integration/test_busy_machine.py",)),
        ("images", 400, ("tests/deploy/test_images.py",)),
        ("chaos", 120, ("tests/integration/test_chaos.py",)),
        ("watching", 420, ("tests/browser/test_long_watching.py",)),
    )
)
LANES = {
    "quick": (QUICK_LANE,),
    "test": (TEST_LANE,),
    "long": LONG_LANES,
    "all": (TEST_LANE, *LONG_LANES),
}


@dataclass(frozen=True)
class Result:
    """What became of a lane; `counts` are tests by what became of them."""

    lane: Lane
    seconds: float
    status: int
    counts: Counter[str]


@lru_cache
def is_quick(path: Path) -> bool:
    """Whether the tests of the file are in the quick lane."""
    return _is_below(path, QUICK) and not _is_below(path, SLOW)


def _is_below(path: Path, places: Sequence[str]) -> bool:
    return any(path.is_relative_to(ROOT / place) for place in places)


@dataclass
class Course:
    """The lanes that have run, and when they began."""

    began: float = field(default_factory=time.monotonic)
    results: list[Result] = field(default_factory=list)
    left: list[Lane] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return time.monotonic() - self.began

    @property
    def slowness(self) -> float:
        """How many times as long as on two quiet cores the lanes took."""
        took = sum(result.seconds for result in self.results)
        return max(1.0, took / (sum(result.lane.seconds for result in self.results) or 1))

    def has_time_for(self, lane: Lane) -> bool:
        """Whether the lane will have ended before the time is over, as this machine goes."""
        return self.seconds + lane.seconds * self.slowness < BUDGET_SECONDS

    def run(self, lane: Lane) -> None:
        """Run the lane, and show what it says while it says it."""
        _say(f"lane {lane.name}")
        began = time.monotonic()
        status, said = _run_pytest(lane.arguments, STOP_SECONDS - self.seconds)
        closing = said.strip().rpartition("\n")[2]
        counts = Counter({what: int(count) for count, what in _COUNTS.findall(closing)})
        self.results.append(Result(lane, time.monotonic() - began, status, counts))
        _say(f"lane {lane.name}: {_outcome(status)} in {self.results[-1].seconds:.0f} s")

    def failed(self) -> list[str]:
        """The names of the lanes that did not pass."""
        return [result.lane.name for result in self.results if result.status != 0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the lanes that are asked for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lanes")
    parser.add_argument("lanes", choices=LANES)
    asked = parser.parse_args(arguments).lanes
    course, lint = Course(), Lint() if asked in ("test", "all") else None
    for lane in LANES[asked]:
        if asked == "all" and lane in LONG_LANES and not course.has_time_for(lane):
            course.left.append(lane)
        else:
            course.run(lane)
    return conclude(course, lint.status() if lint else 0)


def conclude(course: Course, lint: int) -> int:
    """Print what became of the lanes, last the line of a test runner; the exit status."""
    lines = list(_lines(course, lint))
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    sys.stdout.flush()
    return 1 if lint or course.failed() else 0


def _lines(course: Course, lint: int) -> Iterator[str]:
    for result in course.results:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(result.counts.items()))
        yield (
            f"{result.lane.name:10}  {_outcome(result.status):7}  {result.seconds:5.0f} s  {counts}"
        )
    yield from (f"{lane.name:10}  not run: the time is over" for lane in course.left)
    if lint:
        yield "lint        failed"
    ends = sum((result.counts for result in course.results), Counter[str]())
    told = ", ".join(f"{ends[what]} {what}" for what in _ENDS if ends[what])
    yield f" {told or 'no tests ran'} in {course.seconds:.2f}s ".center(80, "=")


def _outcome(status: int) -> str:
    return "failed" if status else "passed"


def _say(what: str) -> None:
    sys.stdout.write(f"\n##### {what}\n")
    sys.stdout.flush()


class Lint:
    """`make lint` beside the tests."""

    def __init__(self) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - gone with this object
        # On two cores the tests go first.
        command = ["nice", "make", "--no-print-directory", "lint"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT
        )

    def status(self) -> int:
        """Wait for its end, and show what it said."""
        status = self._process.wait()
        self._log.seek(0)
        _say("lint")
        sys.stdout.write(self._log.read().decode(errors="replace"))
        _say(f"lint: {_outcome(status)}")
        return status


def _run_pytest(arguments: Sequence[str], seconds: float) -> tuple[int, str]:
    """The exit status of pytest and the end of what it said, which is shown as it comes."""
    colour = ("--color=yes",) if sys.stdout.isatty() else ()
    command = [sys.executable, "-m", "pytest", *arguments, *AT_ONCE, *colour]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # It hears Ctrl-C too, and says what it did until then.
    stopping = threading.Timer(max(0.0, seconds), _stop, (process,))
    stopping.daemon = True
    stopping.start()
    assert process.stdout
    said = b""
    while part := os.read(process.stdout.fileno(), 65_536):
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
        said = (said + part)[-2_000:]
    stopping.cancel()
    return process.wait(), said.decode(errors="replace")


def _stop(process: subprocess.Popen[bytes]) -> None:
    _say("stopped: it has taken too long")
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main())
