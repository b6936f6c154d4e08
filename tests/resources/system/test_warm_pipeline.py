"""Programs kept warm, with the plainest programs there are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dub_platform.core.errors import EngineFailedError, EngineUnavailableError
from resources.system.warm_pipeline import WarmPipeline
from tests.support.patience import HANG_SECONDS
from tests.support.processes import alive, is_gone

# `cat` and `tr` as filters that hold nothing back; `tr` itself buffers what goes to a pipe.
CAT = ["cat"]
LOUD = [
    sys.executable,
    "-u",
    "-c",
    "import sys\nfor line in sys.stdin: print(line.upper(), end='')",
]
MUTE_AFTER_ONE = ["sh", "-c", "read first; echo $first; sleep 600"]
FALLING = [sys.executable, "-c", "import sys; input(); sys.exit('the dictionary is broken')"]

Starter = Callable[..., WarmPipeline]


@pytest.fixture
def pipeline() -> Iterator[Starter]:
    """Starts pipelines of the given stages, and ends them with the test."""
    started: list[WarmPipeline] = []

    def start(*stages: list[str]) -> WarmPipeline:
        started.append(WarmPipeline("The filter", stages, end=b"\n"))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_question_passes_every_stage(pipeline: Starter) -> None:
    """The answer is what the last program says."""
    assert b"THE HOUSE" == pipeline(CAT, LOUD, CAT).ask(b"the house", seconds=HANG_SECONDS)


def test_the_programs_stay_between_questions(pipeline: Starter) -> None:
    """The second question is answered by the same processes as the first."""
    warm = pipeline(CAT, LOUD)
    warm.ask(b"one", seconds=HANG_SECONDS)
    before = warm.pids()
    assert b"TWO" == warm.ask(b"two", seconds=HANG_SECONDS)
    assert before == warm.pids()


def test_a_question_larger_than_the_pipes_does_not_jam_them(pipeline: Starter) -> None:
    """A megabyte goes in while its answer comes out."""
    text = b"a" * 1_000_000
    assert text == pipeline(CAT, CAT).ask(text, seconds=HANG_SECONDS)


def test_threads_take_turns(pipeline: Starter) -> None:
    """Every thread gets the answer to its own question."""
    warm = pipeline(CAT, LOUD)
    answers: dict[str, bytes] = {}

    def ask(word: str) -> None:
        answers[word] = warm.ask(word.encode(), seconds=HANG_SECONDS)

    threads = [threading.Thread(target=ask, args=(f"word{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"word{n}": f"WORD{n}".encode() for n in range(20)} == answers


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_killed_stage_is_noticed_and_all_start_again(pipeline: Starter, stage: int) -> None:
    """Whichever program dies, the next question is answered, by new processes."""
    warm = pipeline(CAT, LOUD, CAT)
    warm.ask(b"one", seconds=HANG_SECONDS)
    before = warm.pids()
    os.kill(before[stage], signal.SIGKILL)
    assert b"TWO" == warm.ask(b"two", seconds=HANG_SECONDS)
    assert set() == set(before) & set(warm.pids())
    assert is_gone(*before)


def test_what_fails_twice_is_an_error_with_the_programs_words(pipeline: Starter) -> None:
    """A program that dies of the question is started again once, then given up."""
    warm = pipeline(CAT, FALLING)
    with pytest.raises(EngineFailedError, match="and again after a new start") as failed:
        warm.ask(b"one", seconds=HANG_SECONDS)
    assert "the dictionary is broken" == failed.value.detail
    assert () == warm.pids()


def test_no_answer_in_time_is_an_error_and_ends_the_programs(pipeline: Starter) -> None:
    """The deadline counts for the whole answer; nothing is left running after it."""
    warm = pipeline(MUTE_AFTER_ONE)
    warm.ask(b"one", seconds=HANG_SECONDS)
    before = warm.pids()
    with pytest.raises(EngineFailedError, match="did not answer in time"):
        warm.ask(b"two", seconds=0.2)
    assert 1 == len(before)
    assert is_gone(*before)


def test_an_interrupted_question_leaves_no_answer_behind(pipeline: Starter) -> None:
    """What an interrupt cut short is not taken for the next question's answer."""
    slow = [
        sys.executable,
        "-u",
        "-c",
        "import time\nwhile True: w=input(); time.sleep(1); print(w)",
    ]
    warm = pipeline(slow)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            warm.ask(b"one", seconds=HANG_SECONDS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert b"two" == warm.ask(b"two", seconds=HANG_SECONDS)


def test_a_program_that_is_not_installed_is_named() -> None:
    """The error says what cannot be run, and the stages before it are ended."""
    with pytest.raises(EngineUnavailableError, match="no-such-program cannot be run"):
        WarmPipeline("The filter", [CAT, ["no-such-program"]], end=b"\n").ask(
            b"one", seconds=HANG_SECONDS
        )


def test_closing_ends_all_and_a_new_question_starts_again(pipeline: Starter) -> None:
    """Nothing outlives close(), and close() is not the end."""
    warm = pipeline(CAT, LOUD)
    warm.ask(b"one", seconds=HANG_SECONDS)
    before = warm.pids()
    warm.close()
    assert is_gone(*before)
    assert b"TWO" == warm.ask(b"two", seconds=HANG_SECONDS)


def test_closing_ends_what_a_program_forked(pipeline: Starter) -> None:
    """A program's children go with it."""
    warm = pipeline(["sh", "-c", "sleep 600 & echo $!; wait"])
    child = int(warm.ask(b"who is your child?", seconds=HANG_SECONDS))
    assert alive(child)
    warm.close()
    assert is_gone(child)


def test_the_programs_do_not_outlive_a_killed_owner() -> None:
    """SIGKILL to the owner closes their input, and they end."""
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sys; from resources.system.warm_pipeline import WarmPipeline\n"
                "warm = WarmPipeline('cats', [['cat'], ['cat']], end=b'\\n')\n"
                "warm.ask(b'one', seconds=600)\n"
                "print(*warm.pids(), flush=True); sys.stdin.read()"
            ),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    with owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert [True, True] == [alive(pid) for pid in pids]
        owner.kill()
    assert is_gone(*pids)
