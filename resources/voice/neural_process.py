"""A voice model on the processor, in a process of its own: JSON lines in, WAV files out.

    $ python -I neural_process.py piper en_US-joe-medium.onnx 1
    {"breaths": [[1, 0, 20, 0, 2]], "pace": 1.0, "feed": {"noise_scale": 0.667}, "rate": 22050, \
"path": "take.wav"}
    {"seconds": 0.41}

Piper is random: its graph draws numbers from where the line before has left them. So each line is
spoken by a fork, from the same untouched state, and repeats itself to the byte. Kokoro draws none,
and its threads would not be in a fork. `NeuralVoice` starts it; it ends when its input closes.
"""

from __future__ import annotations

import json
import os
import sys
import wave
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import onnxruntime

SEED = 1
# Between two breaths, in seconds.
PAUSE = 0.12
STYLE = 256


class Model:
    """A model, loaded. `threads` is how many it computes with."""

    def __init__(self, path: str, threads: int) -> None:
        onnxruntime.set_seed(SEED)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Threads that wait awake take half of the time that others on this machine would have.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # What it has to say of a graph is nothing that an operator can change.
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [each.name for each in self._session.get_inputs()]

    def run(self, feed: Mapping[str, Any]) -> Any:
        """Return the sound of a breath, between -1 and 1."""
        sound = self._session.run(None, dict(feed))[0]
        return np.asarray(sound, np.float32).ravel()


def speak_piper(model: Model, ids: Sequence[int], pace: float, about: Mapping[str, Any]) -> Any:
    """Return the sound of a breath."""
    scales = [about["noise_scale"], about["length_scale"] / pace, about["noise_w"]]
    feed = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array(scales, np.float32),
    }
    if "sid" in model.inputs:
        feed["sid"] = np.array([about["speaker"]], np.int64)
    return model.run(feed)


def speak_kokoro(model: Model, ids: Sequence[int], pace: float, about: Mapping[str, Any]) -> Any:
    """Return the sound of a breath. A voice has a style for each number of phonemes."""
    styles = read_styles(about["style"])
    # Two exports of the model are about, which name this differently.
    tokens = "tokens" if "tokens" in model.inputs else "input_ids"
    feed = {
        tokens: np.array([[0, *ids, 0]], np.int64),
        "style": styles[min(len(ids), len(styles)) - 1].reshape(1, STYLE),
        "speed": np.array([pace], np.float32),
    }
    return model.run(feed)


@lru_cache(maxsize=64)
def read_styles(path: str) -> Any:
    """Return the styles in a voice's file, float32."""
    return np.fromfile(path, "<f4").reshape(-1, STYLE)


SPEAKS = {"piper": speak_piper, "kokoro": speak_kokoro}


def speak(kind: str, model: Model, request: Mapping[str, Any]) -> float:
    """Write what is asked for to its path as mono 16-bit WAV; its seconds."""
    rate: int = request["rate"]
    sounds: list[Any] = []
    for ids in request["breaths"]:
        if sounds:
            sounds.append(np.zeros(round(PAUSE * rate), np.float32))
        sounds.append(SPEAKS[kind](model, ids, request["pace"], request["feed"]))
    sound = np.concatenate(sounds)
    with wave.open(request["path"], "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(sound, -1.0, 1.0) * 32767).astype("<i2").tobytes())
    return len(sound) / rate


def answer(kind: str, model: Model, line: str) -> dict[str, float | str | None]:
    """Tell what a request line is answered with: the seconds spoken, or the error with its
    number."""
    try:
        return {"seconds": speak(kind, model, json.loads(line))}
    except Exception as error:  # noqa: BLE001 - whatever a model's file makes of a line
        words = f"{type(error).__name__}: {error}"
        return {"error": words, "number": getattr(error, "errno", None)}


def answer_aside(kind: str, model: Model, line: str) -> None:
    """Print the answer from a fork. A crash takes one line, not the process."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"error": f"it crashed with status {status}"}), flush=True)
        return
    try:
        print(json.dumps(answer(kind, model, line)), flush=True)
    except BaseException:  # noqa: BLE001 - a forked child must never run its parent's code
        os._exit(1)
    os._exit(0)


def main(kind: str, path: str, threads: str) -> None:
    """Answer request lines until there are no more."""
    model = Model(path, int(threads))
    replies = answer_aside if int(threads) == 1 else _answer_here
    for line in sys.stdin:
        replies(kind, model, line)


def _answer_here(kind: str, model: Model, line: str) -> None:
    print(json.dumps(answer(kind, model, line)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
