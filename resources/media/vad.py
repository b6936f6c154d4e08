"""Finds speech in a recording, with Silero's voice activity detector.

    speech = SileroSpeechFinder().find(Path("speech.wav"))

The model is the `.onnx` file of the package `silero-vad`, run on onnxruntime. The package itself
cannot be imported, because it needs torch.
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
    """Finds speech: it begins at a probability of 0.5, and ends after 0.15 s below 0.35."""

    enter = 0.5
    leave = 0.35
    least_speech = 0.25
    # The model still reports speech 0.1 s after its end, so this finds every pause of 0.3 s. A
    # smaller value would split sentences at commas.
    least_silence = 0.15
    padding = 0.03

    def find(self, wav: Path) -> tuple[Span, ...]:
        """Return the spans with speech in a 16 kHz mono 16-bit WAV, in order and without overlap.

        Memory does not grow with the length. Raises MediaToolError for any other file.
        """
        with open_speech(wav) as source:
            seconds = source.getnframes() / RATE
            spans = list(self._spans(_probabilities(source)))
        return tuple(_pad(spans, self.padding, seconds))

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
    """Open the recording. Raises MediaToolError unless it is a 16 kHz mono 16-bit WAV."""
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
    """Yield the probability of speech for each frame of 32 ms, with the model's state carried
    along."""
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
    """Yield the sound as (1, 512) samples between -1 and 1; the last frame is padded with
    silence."""
    while block := source.readframes(_FRAME):
        frame = np.zeros((1, _FRAME), np.float32)
        samples = np.frombuffer(block, "<i2")
        frame[0, : len(samples)] = samples / np.float32(32768)
        yield frame


def _pad(spans: list[Span], padding: float, seconds: float) -> Iterator[Span]:
    for span in spans:
        yield Span(max(0.0, span.start - padding), min(seconds, span.end + padding))


def _session() -> onnxruntime.InferenceSession:
    # Without the lock, two threads at once would load the model twice.
    with _LOADING:
        return _load_session()


@lru_cache(maxsize=1)
def _load_session() -> onnxruntime.InferenceSession:
    # Otherwise onnxruntime reports each process to its maker over the internet.
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
