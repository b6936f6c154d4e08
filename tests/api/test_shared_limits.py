"""Rate limits on a real Redis: over several processes, and while it is gone or hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from limits.storage import Storage

from api import rate_limiting as rate_limits
from api.rate_limiting import Counters, Limits, Rule
from tests.api.conftest import Log
from tests.integration.test_rolling_restart import await_ready
from tests.support.patience import HANG_SECONDS, plenty_for, wait_until
from tests.support.rig.platform import free_ports
from tests.support.servers.redis import redis_at, running_redis

LIMIT, ASKED, PROCESSES = 100, 240, 3
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def api_processes(home: Path, redis: str) -> Iterator[list[str]]:
    """The addresses of processes that count together."""
    ports = free_ports(PROCESSES)
    processes = [_started(home / str(port), port, redis) for port in ports]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    try:
        for url in urls:
            await_ready(url)
        yield urls
    finally:
        for process in processes:
            process.kill()
            process.wait()


def rule(text: str) -> Rule:
    found = Limits.parse(text, None).rule("GET", "/videos")
    assert found
    return found


def seconds_of(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def give_time(monkeypatch: pytest.MonkeyPatch, port: int) -> float:
    """Wait for Redis for longer than it takes here, and say for how many seconds."""
    url, limits = f"redis://127.0.0.1:{port}/0", rule("*=1000/hour")
    seconds = plenty_for(lambda: Counters(url).count(limits, "nobody"))
    monkeypatch.setattr(rate_limits, "ANSWER_SECONDS", seconds)
    return seconds


def test_several_processes_count_as_one(tmp_path: Path) -> None:
    """Of many requests at once, spread over them, no more are taken than one would take."""
    with running_redis() as redis, api_processes(tmp_path, redis) as urls:
        asked = [f"{url}/videos" for url in islice(cycle(urls), ASKED)]
        with httpx2.Client(timeout=HANG_SECONDS) as client, ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(client.get, asked))
    statuses = [answer.status_code for answer in answers]
    assert {200, 429} == set(statuses)
    assert LIMIT <= statuses.count(200) <= 1.02 * LIMIT


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "hanging"])
def test_without_redis_each_process_counts_for_itself(
    how: signal.Signals, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request finds out, within the time it may take, and none of the next asks for it."""
    [port] = free_ports(1)
    limits = rule("*=3/hour")
    with redis_at(port) as server:
        longest = give_time(monkeypatch, port)
        counters = Counters(f"redis://127.0.0.1:{port}/0")
        counters.count(limits, "somebody")
        server.send_signal(how)
        assert seconds_of(lambda: counters.count(limits, "somebody")) < 2 * longest
        assert not counters.is_shared
        monkeypatch.setattr(counters._shared, "hit", pytest.fail)
        windows = [counters.count(limits, "somebody")[0] for _ in range(3)]
    assert [False, False, True] == [window.is_over for window in windows]
    said = [line["event"] for line in log if line["log_level"] == "warning"]
    assert ["rate limits are counted by each process"] == said


def test_who_was_refused_stays_so_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the time that was named then; and nobody else is."""
    [port] = free_ports(1)
    limits = rule("*=2/hour")
    with redis_at(port) as server:
        give_time(monkeypatch, port)
        counters = Counters(f"redis://127.0.0.1:{port}/0")
        *_, refused = [counters.count(limits, "somebody")[0] for _ in range(3)]
        server.kill()
        again = counters.count(limits, "somebody")[0]
        assert not counters.count(limits, "another")[0].is_over
    assert (True, True) == (refused.is_over, again.is_over)
    assert 0 < again.resets_in <= refused.resets_in


def test_a_redis_that_is_not_there_at_the_start_fails_nothing() -> None:
    """The first request counts."""
    [port] = free_ports(1)
    counters = Counters(f"redis://127.0.0.1:{port}/0")
    assert not counters.count(rule("*=3/hour"), "somebody")[0].is_over


@pytest.mark.usefixtures("log")
def test_a_redis_that_is_back_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted before it hung still counts, and no request had to find out."""
    [port] = free_ports(1)
    limits = rule("*=5/hour")
    with redis_at(port) as server:
        give_time(monkeypatch, port)
        counters = Counters(f"redis://127.0.0.1:{port}/0")
        for _ in range(2):
            counters.count(limits, "somebody")
        server.send_signal(signal.SIGSTOP)
        assert 4 == counters.count(limits, "somebody")[0].remaining
        server.send_signal(signal.SIGCONT)
        wait_until(lambda: counters.is_shared)
        # The one that was sent while it hung may have been counted when it woke.
        assert counters.count(limits, "somebody")[0].remaining in (1, 2)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("delay", [0.03, 0.06, 0.5])
def test_no_request_waits_longer_for_a_slow_redis_than_is_promised(delay: float) -> None:
    """120 ms, as long as they are here, for all of its answers and the connection before them."""
    limits = rule("*=50/hour;200/day")
    with running_redis() as redis, slowed(redis, delay) as slow:
        waits, at_once, naps = (
            [seconds_of(work) for _ in range(10)]
            for work in (
                lambda: Counters(slow).count(limits, "somebody"),
                lambda: Counters(redis).count(limits, "somebody"),
                lambda: time.sleep(0.12),
            )
        )
    # The machine has other work: what the quickest took is what had to be waited for.
    assert min(waits) < min(naps) + min(at_once)


@pytest.mark.usefixtures("log")
def test_a_slow_redis_is_left_until_it_is_fast_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer within a quarter of the time is none that a request would have waited for."""
    monkeypatch.setattr(rate_limits, "RETURN_SECONDS", 0.01)
    answers, is_back = list[bool](), Counters._is_back

    def noted(counters: Counters, storage: Storage) -> bool:
        answers.append(is_back(counters, storage))
        return answers[-1]

    monkeypatch.setattr(Counters, "_is_back", noted)
    limits = rule("*=50/hour;200/day")
    with running_redis() as redis, slowed(redis, 0.06) as slow:
        counters = Counters(slow)
        counters.count(limits, "somebody")
        assert not counters.is_shared
        wait_until(lambda: len(answers) >= 3)
        assert not any(answers)
        assert not counters.is_shared


@contextlib.contextmanager
def slowed(redis: str, delay: float) -> Iterator[str]:
    """The address of the same Redis, `delay` seconds further away."""
    port = urlsplit(redis).port
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_let_in, args=(listening, port, delay), daemon=True).start()
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


def _let_in(listening: socket.socket, port: int, delay: float) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, server = listening.accept()[0], socket.create_connection(("127.0.0.1", port))
            for ends in ((client, server, 0.0), (server, client, delay)):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, delay: float) -> None:
    with source, contextlib.suppress(OSError):
        while data := source.recv(65_536):
            time.sleep(delay)
            target.sendall(data)


def _started(home: Path, port: int, redis: str) -> subprocess.Popen[bytes]:
    home.mkdir()
    environment = {
        **os.environ,
        "LIMITS": f"*={LIMIT}/hour",
        "REDIS": redis,
        "HOME_OF_TEST": str(home),
    }
    command = ["uvicorn", "--factory", "tests.support.rig.limited:create", "--port", str(port)]
    return subprocess.Popen(
        [sys.executable, "-m", *command, "--no-access-log", "--no-proxy-headers"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
