"""The API is replaced while people use it: behind a proxy, process by process, nobody notices."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
import httpx
import pytest
from anyio.abc import TaskGroup

from api.middleware.slow_bodies import IDLE_SECONDS
from dub_platform.local.stack import CHECKOUT, Stack
from dub_platform.settings import Settings
from tests.support.patience import HANG_SECONDS, wait_until
from tests.support.rig.cluster.composition import services
from tests.support.rig.cluster.machine import SECRETS
from tests.support.rig.platform import free_ports
from tests.support.rig.services import make_clip

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("rolling")]

CADDY = Path(sysconfig.get_path("scripts")) / "caddy"
RATE = 100
# A machine that cannot keep up gets fewer requests, as it would of people who wait for answers.
MOST_AT_ONCE = 30
# As production starts it, on a port of this machine.
COMPOSED = services(SECRETS)["api"]["command"]
PAGES = ("/videos", "/health", "/", "/static/style.css", "/version")


@dataclass(frozen=True)
class Place:
    """Where processes of the API start, and for how long each goes on when it is told to end."""

    stack: Stack
    drain_seconds: float


@dataclass
class Api:
    """One process of the API on a port, which the next one takes over."""

    place: Place
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        here = {"python": sys.executable, "0.0.0.0": "127.0.0.1", "5001": str(self.port)}
        self.process = subprocess.Popen(
            [here.get(word, word) for word in COMPOSED],
            cwd=CHECKOUT,
            env={
                **self.place.stack.environment,
                "DUB_DRAIN_SECONDS": str(self.place.drain_seconds),
            },
            stdout=subprocess.DEVNULL,
        )

    def replace(self) -> None:
        """End the process as an orchestrator does, and start its successor."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(HANG_SECONDS)
        self.start()
        self.await_ready()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def await_ready(self) -> None:
        await_ready(f"http://127.0.0.1:{self.port}")


def await_ready(url: str) -> None:
    wait_until(lambda: _is_ready(url), pause=0.1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with its tables made, and no server on it yet."""
    # A hundred requests a second come from one address, to meet every moment of a restart.
    stack = Stack(
        Settings(
            home=tmp_path_factory.mktemp("home"), log_level="WARNING", auth="off", rate_limits="off"
        )
    )
    began = time.monotonic()
    stack.prepare()
    # To see that a process is about to end takes a slow machine as much longer as this did; it
    # must have ended to listen before a body that pauses meanwhile is given up.
    return Place(stack, min(max(3.0, time.monotonic() - began), IDLE_SECONDS / 2))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def processes(place: Place) -> Iterator[Sequence[Api]]:
    """Two processes of the API that are ready."""
    with running(place, 2) as started:
        yield started


@pytest.fixture
def api(place: Place) -> Iterator[Api]:
    """One process of the API that is ready."""
    with running(place, 1) as (started,):
        yield started


@contextmanager
def running(place: Place, count: int) -> Iterator[Sequence[Api]]:
    with ExitStack() as exits:
        started = [Api(place, port) for port in free_ports(count)]
        for each in started:
            exits.callback(each.kill)
        for each in started:
            each.await_ready()
        yield started


@contextmanager
def proxy(upstreams: Sequence[Api]) -> Iterator[str]:
    """Caddy with the deployment's own file; its address."""
    (port,) = free_ports(1)
    addresses = " ".join(f"127.0.0.1:{each.port}" for each in upstreams)
    environment = {**os.environ, "API_UPSTREAMS": addresses, "API_PORT": str(port)}
    command = [str(CADDY), "run", "--config", str(CHECKOUT / "deploy" / "api" / "Caddyfile")]
    command += ["--adapter", "caddyfile"]
    caddy = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        await_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        caddy.kill()
        caddy.wait()


@dataclass
class Load:
    """Requests at a steady rate, one upload a second among them, and what became of them."""

    client: httpx.AsyncClient
    clip: bytes
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    room: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(MOST_AT_ONCE))

    async def during(self, work: Callable[[], None]) -> float:
        """Send requests for as long as the work goes on; the rate that was reached."""
        began = time.monotonic()
        async with anyio.create_task_group() as requests:
            async with anyio.create_task_group() as working:
                working.start_soon(self._send, requests)
                await anyio.to_thread.run_sync(work)
                working.cancel_scope.cancel()
            sent_in = time.monotonic() - began
        return self.answered / sent_in

    async def _send(self, requests: TaskGroup) -> None:
        began = time.monotonic()
        for number in itertools.count():
            await self.room.acquire()
            requests.start_soon(self._ask, number)
            await anyio.sleep(max(0.0, began + (number + 1) / RATE - time.monotonic()))

    async def _ask(self, number: int) -> None:
        try:
            answer = await self._answer(number)
            if answer.is_error:
                self.failed.append(f"{answer.status_code} {answer.text[:200]}")
        except httpx.HTTPError as error:
            self.failed.append(repr(error))
        self.answered += 1
        self.room.release()

    async def _answer(self, number: int) -> httpx.Response:
        if number % RATE:
            return await self.client.get(PAGES[number % len(PAGES)])
        return await self.client.post(
            "/videos", files={"file": ("clip.mp4", self.clip)}, data={"languages": "es"}
        )


def test_no_request_fails_while_every_process_is_replaced(
    processes: Sequence[Api], clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """About a hundred a second, pages and uploads, while one process ends after the other."""

    def replace_all() -> None:
        for each in processes:
            each.replace()

    async def loaded(url: str, content: bytes) -> tuple[Load, float]:
        async with httpx.AsyncClient(base_url=url, timeout=HANG_SECONDS) as client:
            load = Load(client, content)
            return load, await load.during(replace_all)

    before = [each.process.pid for each in processes]
    with proxy(processes) as url:
        load, rate = anyio.run(loaded, url, clip.read_bytes())
    with capsys.disabled():
        sys.stdout.write(f"\n{load.answered} requests, {rate:.0f} a second, {load.failed}\n")
    assert [] == load.failed
    assert load.answered > 3 * RATE
    assert not set(before) & {each.process.pid for each in processes}


def test_a_process_that_is_about_to_end_says_so_and_goes_on(api: Api) -> None:
    """/ready is 503, everything else is answered, each time for the last time on its connection."""
    with httpx.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=HANG_SECONDS) as client:
        assert "connection" not in client.get("/health").headers
        api.process.send_signal(signal.SIGTERM)
        await_unready(client)
        ready, alive = client.get("/ready"), client.get("/health")
    assert (503, ["draining"]) == (ready.status_code, list(ready.json()["checks"]))
    assert (200, "close") == (alive.status_code, alive.headers["connection"])
    api.process.wait(HANG_SECONDS)


def test_an_upload_that_is_under_way_ends_well(api: Api, clip: Path) -> None:
    """However slow the client is: the process waits for it after it stopped to listen."""

    def slowly(body: bytes) -> Iterator[bytes]:
        yield body[:1000]
        api.process.send_signal(signal.SIGTERM)
        _await_refusal(api.port)
        assert api.process.poll() is None
        yield body[1000:]

    url = f"http://127.0.0.1:{api.port}/videos"
    form = httpx.Request(
        "POST", url, files={"file": ("clip.mp4", clip.read_bytes())}, data={"languages": "es"}
    )
    body, kind = form.read(), form.headers["content-type"]
    answer = httpx.post(
        url, content=slowly(body), headers={"content-type": kind}, timeout=HANG_SECONDS
    )
    assert 202 == answer.status_code
    api.process.wait(HANG_SECONDS)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_of_events_does_not_keep_a_process(api: Api, clip: Path, told: int) -> None:
    """It ends without `end`, so its client comes back to another process."""
    with httpx.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=HANG_SECONDS) as client:
        file, asked = {"file": clip.read_bytes()}, {"languages": "es"}
        video_id = client.post("/videos", files=file, data=asked).json()["id"]
        with client.stream("GET", f"/videos/{video_id}/events") as answer:
            lines = answer.iter_lines()
            assert "event: video.queued" in itertools.islice(lines, 10)
            api.process.send_signal(told)
            assert "event: end" not in list(lines)
    api.process.wait(HANG_SECONDS)


def await_unready(client: httpx.Client) -> None:
    wait_until(lambda: client.get("/ready").status_code == 503)


def _await_refusal(port: int) -> None:
    """Wait until nobody listens on the port any more."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(lambda: not listens(), pause=0.1)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=HANG_SECONDS).status_code == 200
    except httpx.HTTPError:
        return False
