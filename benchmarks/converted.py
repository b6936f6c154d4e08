"""Whisper's weights for openai-whisper, made of those that faster-whisper reads.

    python -m benchmarks.converted FOLDER base.pt

So both are compared on the same weights, where no hub can be asked for others. What CTranslate2
joins, query, key and value, is parted again; its file is read as its own `model_spec.py` writes it.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_HEAD = 64
Variables = Mapping[str, NDArray[Any]]
State = dict[str, "torch.Tensor"]


def convert(folder: Path, into: Path) -> Path:
    """Write a checkpoint of the converted model in the folder."""
    import torch

    found = dict(_read(_Reader((folder / "model.bin").read_bytes())))
    state = _state(found)
    heads = json.loads((folder / "config.json").read_bytes())["alignment_heads"]
    halved = {name: weight.half() for name, weight in state.items()}
    torch.save(
        {"dims": _dims(state), "model_state_dict": halved, "alignment_heads": heads},
        into,
    )
    return into


class _Reader:
    """Little-endian values, one after another."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, form: str) -> int:
        [value] = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def text(self) -> str:
        return self.bytes(self.number("H")).rstrip(b"\0").decode()

    def bytes(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]


def _read(file: _Reader) -> Iterator[tuple[str, NDArray[Any]]]:
    file.number("I")
    file.text()
    file.number("I")
    for _ in range(file.number("I")):
        name = file.text()
        shape = [file.number("I") for _ in range(file.number("B"))]
        kind, size = file.number("B"), file.number("I")
        yield name, np.frombuffer(file.bytes(size), _TYPES[kind]).reshape(shape)


def _dims(state: State) -> dict[str, int]:
    vocabulary, width = state["decoder.token_embedding.weight"].shape
    return {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": len(state["encoder.positional_embedding"]),
        "n_text_ctx": len(state["decoder.positional_embedding"]),
        "n_vocab": vocabulary,
        **{f"n_{side}_state": width for side in ("audio", "text")},
        **{f"n_{side}_head": width // _HEAD for side in ("audio", "text")},
        "n_audio_layer": _count_layers(state, "encoder"),
        "n_text_layer": _count_layers(state, "decoder"),
    }


def _count_layers(state: Mapping[str, Any], side: str) -> int:
    return len({name.split(".")[2] for name in state if name.startswith(f"{side}.blocks.")})


def _state(found: Variables) -> State:
    state: State = {
        "encoder.positional_embedding": _weight(found, "encoder/position_encodings/encodings"),
        "decoder.token_embedding.weight": _weight(found, "decoder/embeddings/weight"),
        "decoder.positional_embedding": _weight(found, "decoder/position_encodings/encodings"),
        **_linear(found, "encoder.conv1", "encoder/conv1"),
        **_linear(found, "encoder.conv2", "encoder/conv2"),
        **_norm(found, "encoder.ln_post", "encoder/layer_norm"),
        **_norm(found, "decoder.ln", "decoder/layer_norm"),
    }
    for side in ("encoder", "decoder"):
        layers = {name.split("/")[1] for name in found if name.startswith(f"{side}/layer_")}
        for number in range(len(layers - {"layer_norm"})):
            state |= _layer(found, f"{side}.blocks.{number}", f"{side}/layer_{number}")
    return state


def _layer(found: Variables, ours: str, theirs: str) -> State:
    state = {
        **_norm(found, f"{ours}.attn_ln", f"{theirs}/self_attention/layer_norm"),
        **_attention(
            found, f"{ours}.attn", f"{theirs}/self_attention", [("query", "key", "value")]
        ),
        **_norm(found, f"{ours}.mlp_ln", f"{theirs}/ffn/layer_norm"),
        **_linear(found, f"{ours}.mlp.0", f"{theirs}/ffn/linear_0"),
        **_linear(found, f"{ours}.mlp.2", f"{theirs}/ffn/linear_1"),
    }
    if ours.startswith("decoder"):
        fused = [("query",), ("key", "value")]
        state |= _norm(found, f"{ours}.cross_attn_ln", f"{theirs}/attention/layer_norm")
        state |= _attention(found, f"{ours}.cross_attn", f"{theirs}/attention", fused)
    return state


def _attention(found: Variables, ours: str, theirs: str, fused: Sequence[tuple[str, ...]]) -> State:
    state: State = {}
    for number, parts in enumerate([*fused, ("out",)]):
        weights, biases = (
            _weight(found, f"{theirs}/linear_{number}/{what}").chunk(len(parts))
            for what in ("weight", "bias")
        )
        for part, weight, bias in zip(parts, weights, biases, strict=True):
            state[f"{ours}.{part}.weight"] = weight
            # Whisper's keys have none, and CTranslate2 holds zeros for them.
            if part != "key":
                state[f"{ours}.{part}.bias"] = bias
    return state


def _norm(found: Variables, ours: str, theirs: str) -> State:
    return {
        f"{ours}.weight": _weight(found, f"{theirs}/gamma"),
        f"{ours}.bias": _weight(found, f"{theirs}/beta"),
    }


def _linear(found: Variables, ours: str, theirs: str) -> State:
    return {f"{ours}.{what}": _weight(found, f"{theirs}/{what}") for what in ("weight", "bias")}


def _weight(found: Variables, name: str) -> torch.Tensor:
    import torch

    return torch.from_numpy(found[name].astype(np.float32))


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
