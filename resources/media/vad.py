"""Where a voice is in a recording, found by Silero's voice activity detector.

    speech = SileroSpeechFinder().find(Path("speech.wav"))

The model is the `.onnx` file in the `silero-vad` package, run on onnxruntime: the package
itself cannot be imported, because it wants torch, which nothing here needs.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import wave
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.errors import EngineUnavailableError, MediaToolError
from dub_platform.core.speech import Span

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

RATE = 16_000
_FRAME = 512
_CONTEXT = 64
_FRAME_SECONDS = _FRAME / RATE

_LOADING = threading.Lock()


class SileroSpeechFinder:
    """Speech starts at a probability of 0.5 and goes on until it stays under 0.35 for 0.15 s."""

    enter = 0.5
    leave = 0.35
    least_speech = 0.25
    # Finds every pause of 0.3 s: the model hears a voice for 0.1 s after it has ended. With less,
    # sentences are parted at their commas.
    least_silence = 0.15
    padding = 0.03

    def find(self, wav: Path) -> tuple[Span, ...]:
        """The stretches with a voice in a 16 kHz mono 16-bit WAV, ordered, apart.

        Memory does not grow with the recording. Raises MediaToolError for any other file.
        """
        with open_speech(wav) as source:
            seconds = source.getnframes() / RATE
            spans = list(self._spans(_probabilities(source)))
        return tuple(_padded(spans, self.padding, seconds))

    def _spans(self, probabilities: Iterable[float]) -> Iterator[Span]:
        start, voiced = None, 0.0
        time = 0.0
        for number, probability in enumerate(probabilities):
            time = number * _FRAME_SECONDS
            if probability >= (self.enter if start is None else self.leave):
                start = time if start is None else start
                voiced = time + _FRAME_SECONDS
            elif start is not None and time - voiced >= self.least_silence:
                yield from self._long_enough(start, voiced)
                start = None
        if start is not None:
            yield from self._long_enough(start, voiced)

    def _long_enough(self, start: float, end: float) -> Iterator[Span]:
        if end - start >= self.least_speech:
            yield Span(start, end)


def open_speech(wav: Path) -> wave.Wave_read:
    """The recording, opened. Raises MediaToolError unless it is 16 kHz mono 16-bit WAV."""
    try:
        source = wave.open(str(wav), "rb")  # noqa: SIM115 - the caller closes it
    except (wave.Error, EOFError) as error:
        raise MediaToolError(
            f"{wav.name} is not a WAV file, so no speech can be found in it.", detail=str(error)
        ) from error
    shape = (source.getframerate(), source.getnchannels(), source.getsampwidth())
    if shape != (RATE, 1, 2):
        source.close()
        raise MediaToolError(
            f"{wav.name} is not 16 kHz mono 16-bit sound, which recognition wants.",
            detail=f"rate {shape[0]} Hz, {shape[1]} channels, {shape[2]} bytes a sample",
        )
    return source


def _probabilities(source: wave.Wave_read) -> Iterator[float]:
    """How probable a voice is, for each frame of 32 ms. The model carries its state along."""
    session = _session()
    state = np.zeros((2, 1, 128), np.float32)
    context = np.zeros((1, _CONTEXT), np.float32)
    rate = np.array(RATE, np.int64)
    for frame in _frames(source):
        sound = np.concatenate((context, frame), axis=1)
        probability, state = session.run(None, {"input": sound, "state": state, "sr": rate})
        context = sound[:, -_CONTEXT:]
        yield float(probability[0, 0])


def _frames(source: wave.Wave_read) -> Iterator[NDArray[np.float32]]:
    """The sound in frames of (1, 512) samples between -1 and 1, the last filled with silence."""
    while block := source.readframes(_FRAME):
        frame = np.zeros((1, _FRAME), np.float32)
        samples = np.frombuffer(block, "<i2")
        frame[0, : len(samples)] = samples / np.float32(32768)
        yield frame


def _padded(spans: list[Span], padding: float, seconds: float) -> Iterator[Span]:
    for span in spans:
        yield Span(max(0.0, span.start - padding), min(seconds, span.end + padding))


def _session() -> onnxruntime.InferenceSession:
    # Two threads that ask at once would otherwise load it twice.
    with _LOADING:
        return _loaded_session()


@lru_cache(maxsize=1)
def _loaded_session() -> onnxruntime.InferenceSession:
    # Else it tells its maker about every process that it runs in, over the internet.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(_model()), options, providers=["CPUExecutionProvider"])


def _model() -> Path:
    found = importlib.util.find_spec("silero_vad")
    if found is None or found.origin is None:
        raise EngineUnavailableError(
            "Speech cannot be found, because the package silero-vad is not installed. "
            "Install the platform's dependencies again."
        )
    return Path(found.origin).parent / "data" / "silero_vad.onnx"
