"""Memory that was freed: what a process holds after it has given it back."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Blocks that come from malloc's heap, below one that stays; how much is held then, and at the end.
FRAGMENTED = """
from psutil import Process
from tests.support.patience import wait_until
from resources.system import memory

def held():
    return Process().memory_full_info().uss / 1e6

before = held()
blocks = [bytes(2000) for _ in range(50_000)]
last = bytes(2000)
del blocks
left = held() - before
{give_back}
wait_until(lambda: held() - before < left / 4)
print(left)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps what is freed; others do not")
@pytest.mark.parametrize(
    "give_back", ["memory.give_back_memory()", "memory.give_back_regularly(0.01)"]
)
def test_what_was_freed_below_a_block_that_stays_is_given_back(give_back: str) -> None:
    """By itself, malloc keeps all of it: a hundred megabytes for one block of two thousand."""
    script = FRAGMENTED.format(give_back=give_back)
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(told.stdout) > 50


def test_a_process_has_one_thread_that_gives_back() -> None:
    """However often it is asked for."""
    script = (
        "import threading; from resources.system.memory import give_back_regularly as give_back\n"
        "give_back(); give_back(); print(threading.active_count())"
    )
    assert b"2\n" == subprocess.run([sys.executable, "-c", script], stdout=-1, check=True).stdout
