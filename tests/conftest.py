"""What holds for every test."""

from __future__ import annotations

import gc
import os
import random
import signal
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from dub_platform.settings import Settings
from dub_platform.variables import FORMER
from tests.docs.documents import settings
from tests.lanes import LONGEST, is_quick
from tests.support.logged_errors import PROCESS_LOGS, collect_errors, find_strays

ENV_FILE = Path(__file__).resolve().parents[1] / str(Settings.model_config["env_file"])
# The tests are tried with the ffmpeg that this names.
KEPT = {"DUB_FFMPEG"}
LONGEST_NAME = 100
# What these log has not been looked through: engines, servers of others, and what is killed.
NOT_WATCHED = ("contracts/", "deploy/", "resources/")
# A mark with the errors that processes of a test may log, by their events.
EXPECTED = "logs_errors"
# Under this a test keeps what its own process logged as an error.
LOGGED = pytest.StashKey[list[str]]()
PROXIES = ("http_proxy", "https_proxy", "all_proxy")

# A shell without job control starts what it puts in the background with SIGINT ignored. Dagster
# handles SIGTERM as it does SIGINT, so neither it nor a process it starts could be told to end.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    """Use nothing that was set for a platform of this machine, and choose the long fuzz."""
    if ENV_FILE.exists():
        pytest.exit(
            f"{ENV_FILE} is of a platform that people use, and Dagster's servers read it wherever "
            "they are started from. Move it away while the tests run.",
            returncode=1,
        )
    proxies = (*PROXIES, *map(str.upper, PROXIES))
    for name in {*settings(), *FORMER, "DAGSTER_HOME", *proxies} - KEPT:
        os.environ.pop(name, None)
    os.environ.setdefault("FUZZ_SEED", str(random.randrange(2**32)))
    # Nothing becomes garbage while tests are collected, and every module is new to be looked at.
    gc.disable()


def pytest_report_header() -> str:
    """Say how to repeat what the long fuzz tries."""
    return f"FUZZ_SEED={os.environ['FUZZ_SEED']}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the quick lane and put them first, then what takes longest."""
    for item in items:
        if is_quick(item.path):
            item.add_marker("quick")
    items.sort(key=_place)


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and never in what lives as long as the process.

    What the tests import is more than 200,000 objects, which every full collection goes through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name what is long by its beginning: workers send each name, and a process inherits it."""
    if not isinstance(val, str | bytes) or len(val) <= LONGEST_NAME:
        return None
    beginning = ascii(val[:LONGEST_NAME]).removeprefix("b")[1:-1]
    return f"{beginning}..."


def _place(item: pytest.Item) -> tuple[bool, int]:
    group = item.get_closest_marker("xdist_group")
    names = (group.args[0] if group else None, item.nodeid.partition("::")[0])
    longest = min((LONGEST.index(name) for name in names if name in LONGEST), default=len(LONGEST))
    return item.get_closest_marker("quick") is None, longest


@pytest.fixture(autouse=True, scope="session")
def named_ffmpeg() -> None:
    """DUB_FFMPEG=/usr/bin/ffmpeg pytest tests/resources/media tests that one."""
    if named := os.environ.get("DUB_FFMPEG"):
        from resources.media import ffmpeg

        ffmpeg.choose(Path(named))


@pytest.fixture(autouse=True)
def logged_errors(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What was logged as an error. A test that expects one takes it out; any other fails by it."""
    with collect_errors(request.node.stash.setdefault(LOGGED, [])) as errors:
        yield errors
    arguments = request.node.funcargs
    own = [arguments["tmp_path"]] if "tmp_path" in arguments else []
    unexpected = _find_unexpected(request.node, [*errors, *PROCESS_LOGS.read_new(*own)])
    assert [] == unexpected, "It was logged, and not expected."


@pytest.fixture(autouse=True, scope="session")
def logs_of_processes() -> Iterator[None]:
    """Read what no test has: of a stack that served several, and ended after the last."""
    yield
    assert [] == PROCESS_LOGS.read_new(), "It was logged, and not expected."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose processes, or threads, wrote an error to standard error."""
    report = yield
    # A phase's section is there when its report is made; the phases before have had theirs.
    said = [text for title, text in report.sections if title == f"Captured stderr {report.when}"]
    logged = item.stash.get(LOGGED, [])
    strays = find_strays("".join(said), logged)
    unexpected = _find_unexpected(item, strays)
    if unexpected and report.passed:
        report.outcome = "failed"
        report.longrepr = f"It was written to standard error, and not expected: {unexpected}"
    return report


def _find_unexpected(item: pytest.Item, errors: Sequence[str]) -> list[str]:
    folder = item.path.relative_to(Path(__file__).parent).as_posix()
    if folder.startswith(NOT_WATCHED):
        return []
    expected = {event for mark in item.iter_markers(EXPECTED) for event in mark.args}
    return [error for error in errors if error not in expected]


@pytest.fixture(autouse=True)
def own_temporary_files() -> Iterator[None]:
    """An API that runs in this process moves them, which is no business of the next test."""
    tempfile.tempdir = None
    yield
    tempfile.tempdir = None
