"""Programs that are kept running, connected by pipes, and asked one question after the other.

    stages = [["lt-proc", "-z", "en.bin"], ["lt-proc", "-z", "es.bin"]]
    pipeline = WarmPipeline("Apertium", stages, end=b"[]\0")
    answer = pipeline.ask(b"the house", seconds=10)
    pipeline.close()

No shell is involved. The programs end with this process, because their input closes.
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
    """A pipeline that starts with the first question. Threads take turns.

    It ends after `idle_seconds` without a question, and starts again with the next one.

    Question and answer both end with `end`, which must occur nowhere else in them.
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
        """Return what the last program answers; `seconds` is the limit for everything.

        A pipeline that has died is started again, once. Raises EngineFailedError, and
        EngineUnavailableError if a program is not installed.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            self._cancel_timer()
            try:
                return self._answer(question, deadline)
            finally:
                self._set_timer()

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the running programs, first stage first."""
        running = self._running
        return tuple(stage.pid for stage in running.stages) if running else ()

    def close(self) -> None:
        """End the programs; the next question starts them again."""
        with self._lock:
            self._cancel_timer()
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

    def _cancel_timer(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _set_timer(self) -> None:
        """Set the timer that ends the programs if no question comes."""
        if self._running and self._idle_seconds < math.inf:
            self._idle = threading.Timer(self._idle_seconds, self._end_if_idle)
            self._idle.daemon = True
            self._idle.start()

    def _end_if_idle(self) -> None:
        with self._lock:
            # A question that came while this waited for the lock has set another timer.
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
            # After an interrupt the answer stays in the pipe, and the next question would read it.
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
        """End the programs; return what they last wrote to standard error."""
        running, self._running = self._running, None
        return running.stop() if running else ""


class _Running:
    """The running programs of one start."""

    def __init__(self, stages: Sequence[Sequence[str]]) -> None:
        self.stages: list[subprocess.Popen[bytes]] = []
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        try:
            for command in stages:
                self.stages.append(self._start_stage(command))
        except OSError:
            self.stop()
            raise
        self._stdin = _pipe_end(self.stages[0].stdin)
        self._stdout = _pipe_end(self.stages[-1].stdout)
        os.set_blocking(self._stdin, False)

    def _start_stage(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        before = self.stages[-1].stdout if self.stages else None
        # In a session of its own, Ctrl-C in the terminal does not reach the program before this
        # process has decided what to do.
        stage = subprocess.Popen(
            command,
            stdin=before or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        if before:
            # A copy kept open here would hide from the previous stage that this one died.
            before.close()
        return stage

    def exchange(self, message: bytes, end: bytes, deadline: float) -> bytes:
        """Send the message and return the answer.

        Raises BrokenPipeError if a program has ended, TimeoutError at the deadline.
        """
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
