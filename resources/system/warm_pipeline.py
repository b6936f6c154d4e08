r"""Programs kept warm: connected by pipes, asked one question after the other.

    stages = [["lt-proc", "-z", "en.bin"], ["lt-proc", "-z", "es.bin"]]
    pipeline = WarmPipeline("Apertium", stages, end=b"[]\0")
    answer = pipeline.ask(b"the house", seconds=10)
    pipeline.close()

No shell is involved. The programs end when this process does, because their input closes.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from dub_platform.core.errors import EngineFailedError, EngineUnavailableError

_BLOCK = 65_536
_LAST_WORDS = 2_000


class WarmPipeline:
    """Started with the first question. Threads take turns.

    It ends when nobody has asked it anything for `idle_seconds`; the next question starts it again.

    A question and its answer both finish with `end`, which is in neither, and which no program
    writes for any other reason.
    """

    def __init__(
        self,
        name: str,
        stages: Sequence[Sequence[str]],
        end: bytes,
        *,
        idle_seconds: float = math.inf,
    ) -> None:
        self.name = name
        self.end = end
        self._stages = stages
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._idle_seconds = idle_seconds
        self._idle: threading.Timer | None = None

    def ask(self, question: bytes, *, seconds: float) -> bytes:
        """What the last program answers within `seconds`, all in all.

        A pipeline found dead is started again, once. Raises EngineFailedError, and
        EngineUnavailableError when a program is not installed.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            self._disturb()
            try:
                return self._answer(question, deadline)
            finally:
                self._rest()

    def pids(self) -> tuple[int, ...]:
        """The process ids of the programs that run now, first stage first."""
        running = self._running
        return tuple(stage.pid for stage in running.stages) if running else ()

    def close(self) -> None:
        """End the programs. The next question starts them again."""
        with self._lock:
            self._disturb()
            self._stop()

    def _answer(self, question: bytes, deadline: float) -> bytes:
        try:
            return self._exchange(question, deadline)
        except BrokenPipeError:
            self._stop()
        try:
            return self._exchange(question, deadline)
        except BrokenPipeError as error:
            raise EngineFailedError(
                f"{self.name} ended while it worked, and again after a new start.",
                detail=self._stop(),
            ) from error

    def _disturb(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _rest(self) -> None:
        """Have the programs ended if nobody comes."""
        if self._running and self._idle_seconds < math.inf:
            self._idle = threading.Timer(self._idle_seconds, self._leave)
            self._idle.daemon = True
            self._idle.start()

    def _leave(self) -> None:
        with self._lock:
            # Whoever came while this waited has had another one set.
            if threading.current_thread() is self._idle:
                self._stop()

    def _exchange(self, question: bytes, deadline: float) -> bytes:
        if self._running is None:
            self._running = self._start()
        try:
            return self._running.exchange(question + self.end, self.end, deadline)
        except TimeoutError as error:
            raise EngineFailedError(
                f"{self.name} did not answer in time and was ended. Try again.",
                detail=self._stop(),
            ) from error
        except BrokenPipeError:
            raise
        except BaseException:
            # An interrupt leaves the answer in the pipe, where the next question would find it.
            self._stop()
            raise

    def _start(self) -> _Running:
        try:
            return _Running(self._stages)
        except OSError as error:
            raise EngineUnavailableError(
                f"{self.name} cannot start, because {error.filename} cannot be run. Install it.",
                detail=str(error),
            ) from error

    def _stop(self) -> str:
        """End what runs; what it wrote to stderr last."""
        running, self._running = self._running, None
        return running.stop() if running else ""


class _Running:
    """The programs of one start."""

    def __init__(self, stages: Sequence[Sequence[str]]) -> None:
        self.stages: list[subprocess.Popen[bytes]] = []
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        try:
            for command in stages:
                self.stages.append(self._started(command))
        except OSError:
            self.stop()
            raise
        self._stdin = _pipe_end(self.stages[0].stdin)
        self._stdout = _pipe_end(self.stages[-1].stdout)
        os.set_blocking(self._stdin, False)

    def _started(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        before = self.stages[-1].stdout if self.stages else None
        # A session of its own keeps the terminal's Ctrl-C from reaching the program before its
        # owner has decided what to do about it.
        stage = subprocess.Popen(
            command,
            stdin=before or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        if before:
            # While this process holds a copy, the stage before never learns that this one died.
            before.close()
        return stage

    def exchange(self, message: bytes, end: bytes, deadline: float) -> bytes:
        """Raises BrokenPipeError when a program has ended, TimeoutError at the deadline."""
        if any(stage.poll() is not None for stage in self.stages):
            raise BrokenPipeError
        unsent, answer = memoryview(message), bytearray()
        with selectors.DefaultSelector() as pipes:
            pipes.register(self._stdin, selectors.EVENT_WRITE)
            pipes.register(self._stdout, selectors.EVENT_READ)
            while not answer.endswith(end):
                for pipe in _ready(pipes, deadline):
                    if pipe == self._stdout:
                        answer += _read(pipe)
                        continue
                    unsent = unsent[os.write(pipe, unsent) :]
                    if not unsent:
                        pipes.unregister(pipe)
        return bytes(answer[: -len(end)])

    def stop(self) -> str:
        for stage in self.stages:
            _kill(stage)
        with self._stderr as stderr:
            stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _LAST_WORDS))
            return stderr.read().decode("utf-8", "replace").strip()


def _ready(pipes: selectors.BaseSelector, deadline: float) -> list[int]:
    left = deadline - time.monotonic()
    events = pipes.select(left) if left > 0 else []
    if not events:
        raise TimeoutError
    return [key.fd for key, _ in events]


def _read(pipe: int) -> bytes:
    block = os.read(pipe, _BLOCK)
    if not block:
        raise BrokenPipeError
    return block


def _pipe_end(stream: IO[bytes] | None) -> int:
    if stream is None:
        raise ValueError("the program was started without a pipe")
    return stream.fileno()


def _kill(stage: subprocess.Popen[bytes]) -> None:
    if stage.poll() is None:
        with suppress(ProcessLookupError):
            # The whole session: a program may have forked.
            os.killpg(stage.pid, signal.SIGKILL)
    stage.wait()
    for stream in (stage.stdin, stage.stdout):
        if stream is not None:
            stream.close()
