"""Voice models of a few kilobytes, in the form of Piper's and Kokoro's: they hum their phonemes.

    write_piper(folder / "voice.onnx", language="es", people=4)
    write_kokoro(folder / "kokoro.onnx", ["ef_dora", "em_alex"])
    install_kokoro(models_dir, ["ef_dora", "em_alex"])      # as dub-admin models get does

Each phoneme is a tone of its own, as long as the pace says and as high as the voice is; Piper's has
the noise in it that Piper's have, from the same dice. Lengths are about those of speech.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from resources.models.bundles import Bundles, install
from resources.models.installed import ModelFolder
from tests.support.servers.models import a_file, make_entry

PIPER_RATE = 22_050
# A phoneme of Piper's has a pad beside it, which is as long.
_PIPER_FRAMES, _KOKORO_FRAMES = 770, 1_500
_LOUD, _NOISE = 0.3, 0.02
_IR, _OPSET = 9, 17
SIGNS = " abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔəɚɛɜɡɣɪɫɬɲɹɾʁʃʊʌʎʒʔʰʲˈˌːθβχ̩̃.,;:!?—…-'"


def write_piper(path: Path, *, language: str, people: int = 1) -> Path:
    """A model at `path` and its description beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    nodes = [*_pick("scales", 1, "long"), *_pick("scales", 0, "noisy")]
    if people > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
        nodes.append(helper.make_node("Cast", ["sid"], ["who"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Squeeze", ["who"], ["height"]))
    else:
        nodes.append(helper.make_node("Identity", ["zero"], ["height"]))
    nodes += _hum("input", "long", "height", _PIPER_FRAMES)
    nodes += [
        helper.make_node("RandomNormalLike", ["tone"], ["dice"]),
        helper.make_node("Mul", ["dice", "noise"], ["hiss"]),
        helper.make_node("Mul", ["hiss", "noisy"], ["some"]),
        helper.make_node("Add", ["tone", "some"], ["output"]),
    ]
    _save(path, nodes, inputs)
    about = {
        "audio": {"sample_rate": PIPER_RATE},
        "espeak": {"voice": language},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "num_speakers": people,
        "speaker_id_map": {f"p{n}": n for n in range(people)} if people > 1 else {},
        "phoneme_id_map": {sign: [number] for number, sign in enumerate(["_", "^", "$", *SIGNS])},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(about), "utf-8")
    return path


def write_kokoro(path: Path, voices: Sequence[str]) -> Path:
    """A model at `path`, and these voices below `voices/` beside it."""
    (path.parent / "voices").mkdir(parents=True, exist_ok=True)
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    nodes = [
        helper.make_node("Squeeze", ["speed"], ["fast"]),
        helper.make_node("Reciprocal", ["fast"], ["long"]),
        helper.make_node("ReduceMean", ["style"], ["height"], keepdims=0),
        *_hum("tokens", "long", "height", _KOKORO_FRAMES),
        helper.make_node("Identity", ["tone"], ["output"]),
    ]
    _save(path, nodes, inputs)
    for number, name in enumerate(voices):
        styles = np.full((510, 256), number, "<f4")
        (path.parent / "voices" / f"{name}.bin").write_bytes(styles.tobytes())
    return path


def install_piper(models: Path, name: str, language: str) -> None:
    """The same where the platform looks for it."""
    _install(models, "piper", name, write_piper(_desk(models) / "voice.onnx", language=language))


def install_kokoro(models: Path, voices: Sequence[str]) -> None:
    """The same where the platform looks for it, called tiny."""
    _install(models, "kokoro", "tiny", write_kokoro(_desk(models) / "kokoro.onnx", voices))


def _desk(models: Path) -> Path:
    return models.parent / f"{models.name}-made"


def _install(models: Path, kind: str, name: str, model: Path) -> None:
    """Bring what lies beside a model into the folder of models, and clear the desk."""
    desk = model.parent
    files = [
        a_file(path.relative_to(desk).as_posix(), path.read_bytes())
        for path in sorted(desk.rglob("*"))
        if path.is_file()
    ]
    entry = make_entry(kind, name, *files)
    install(ModelFolder(models), entry, Bundles.open([desk], [entry]), lambda _: None)
    shutil.rmtree(desk)


def _pick(given: str, place: int, name: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Constant", [], [f"{name}_at"], value_int=place),
        helper.make_node("Gather", [given, f"{name}_at"], [name]),
    ]


def _hum(ids: str, long: str, height: str, frames: int) -> list[onnx.NodeProto]:
    """The tone of these numbers, one after the other."""
    return [
        helper.make_node("Squeeze", [ids, "axis0"], ["row"]),
        helper.make_node("Shape", ["row"], ["count"]),
        helper.make_node("Cast", ["count"], ["count_f"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["each"], value_float=float(frames)),
        helper.make_node("Mul", ["each", long], ["frames"]),
        helper.make_node("Squeeze", ["count_f"], ["count_s"]),
        helper.make_node("Mul", ["frames", "count_s"], ["all"]),
        helper.make_node("Range", ["zero", "all", "one"], ["moments"]),
        helper.make_node("Div", ["moments", "frames"], ["places"]),
        helper.make_node("Floor", ["places"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["index_"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["count"], ["count_i"]),
        helper.make_node("Sub", ["count_i", "one_i"], ["last"]),
        helper.make_node("Min", ["index_", "last"], ["index"]),
        helper.make_node("Gather", ["row", "index"], ["said"]),
        helper.make_node("Cast", ["said"], ["said_f"], to=TensorProto.FLOAT),
        # Radians a frame: a hundred hertz and some more for each number, all higher for some.
        helper.make_node("Mul", ["said_f", "step"], ["above"]),
        helper.make_node("Mul", [height, "higher"], ["raised"]),
        helper.make_node("Add", ["above", "base"], ["pitch"]),
        helper.make_node("Add", ["pitch", "raised"], ["turns"]),
        helper.make_node("CumSum", ["turns", "axis_first"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "loud"], ["tone"]),
    ]


def _save(
    path: Path, nodes: Sequence[onnx.NodeProto], inputs: Sequence[onnx.ValueInfoProto]
) -> None:
    constants = {
        "zero": np.float32(0.0),
        "one": np.float32(1.0),
        "one_i": np.int64(1),
        "axis0": np.array([0], np.int64),
        "axis_first": np.int64(0),
        "base": np.float32(0.03),
        "step": np.float32(0.001),
        "higher": np.float32(0.004),
        "loud": np.float32(_LOUD),
        "noise": np.float32(_NOISE),
    }
    used = {name for node in nodes for name in node.input}
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["frames_said"])
    graph = helper.make_graph(
        list(nodes),
        "hum",
        list(inputs),
        [output],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
            if name in used
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
