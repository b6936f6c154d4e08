"""Ways to change the tempo of speech, for `benchmarks.stretch` to compare.

    for stretcher in list_installed():
        faster = stretcher.stretch(sound, 22_050, 1.2)

Each takes mono float32 (frames,), its rate and a tempo, and gives mono float32 at the same rate,
just as its library hands it over. Those whose library is not here are left out: they come with
the `bench` extra, for dubbing needs none of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from resources.media.time_stretch import stretch

Sound = NDArray[np.float32]
Stretch = Callable[[Sound, int, float], Sound]


def atempo(sound: Sound, rate: int, tempo: float) -> Sound:
    """ffmpeg's WSOLA, in this process."""
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=rate, layout="mono")
    graph.link_nodes(
        source, graph.add("atempo", f"{tempo:.6f}"), graph.add("abuffersink")
    ).configure()
    frame = av.AudioFrame.from_ndarray(sound[np.newaxis, :], format="flt", layout="mono")
    frame.sample_rate = rate
    graph.push(frame)
    graph.push(None)
    return np.concatenate(list(_pull(graph)))


def _pull(graph: Any) -> Iterator[Sound]:
    import av

    try:
        while True:
            yield graph.pull().to_ndarray()[0]
    except (av.error.EOFError, av.error.BlockingIOError):
        return


def sonic(sound: Sound, rate: int, tempo: float) -> Sound:
    """PICOLA: whole pitch periods are left out or repeated. It is in eSpeak NG's library."""
    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    library.sonicCreateStream.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(library.sonicCreateStream(rate, 1))
    library.sonicSetSpeed(stream, ctypes.c_float(tempo))
    pointer = ctypes.POINTER(ctypes.c_float)
    library.sonicWriteFloatToStream(stream, sound.ctypes.data_as(pointer), len(sound))
    library.sonicFlushStream(stream)
    made = np.empty(library.sonicSamplesAvailable(stream), np.float32)
    library.sonicReadFloatFromStream(stream, made.ctypes.data_as(pointer), len(made))
    library.sonicDestroyStream(stream)
    return made


def rubber_band_finer(sound: Sound, rate: int, tempo: float) -> Sound:
    """A phase vocoder of several resolutions (R3), that locks phases and keeps transients."""
    import pedalboard

    made: Sound = pedalboard.time_stretch(sound, rate, tempo, preserve_formants=False)[0]
    return made


def rubber_band_faster(sound: Sound, rate: int, tempo: float) -> Sound:
    """A phase vocoder (R2) that resets phases at transients."""
    import pedalboard

    made: Sound = pedalboard.time_stretch(sound, rate, tempo, high_quality=False)[0]
    return made


def signalsmith(sound: Sound, rate: int, tempo: float) -> Sound:
    """A phase vocoder that predicts phases across bins."""
    import python_stretch

    engine = python_stretch.Signalsmith.Stretch()
    engine.preset(1, rate)
    engine.timeFactor = tempo
    return np.asarray(engine.process(sound[np.newaxis, :]), np.float32)[0]


def praat(sound: Sound, rate: int, tempo: float) -> Sound:
    """TD-PSOLA: periods are found first, then overlapped and added."""
    import parselmouth

    recording = parselmouth.Sound(sound.astype(np.float64), rate)
    made = parselmouth.praat.call(recording, "Lengthen (overlap-add)", 75, 600, 1 / tempo)
    return np.asarray(made.values[0], np.float32)


def audiostretchy(sound: Sound, rate: int, tempo: float) -> Sound:
    """Time-domain harmonic scaling of 16-bit samples."""
    from audiostretchy.stretch import TDHSAudioStretch

    engine = TDHSAudioStretch(rate // 333, rate // 55, 1, 0)
    samples = (sound * 32767).astype("<i2")
    room = np.zeros(engine.output_capacity(len(samples), 1 / tempo) + rate, "<i2")
    count = engine.process_samples(samples, len(samples), room, 1 / tempo)
    count += engine.flush(room[count:])
    return room[:count].astype(np.float32) / np.float32(32768)


def audiotsm(sound: Sound, rate: int, tempo: float) -> Sound:
    """WSOLA in numpy."""
    from audiotsm import wsola
    from audiotsm.io.array import ArrayReader, ArrayWriter

    writer = ArrayWriter(1)
    frame = round(0.03 * rate)
    wsola(1, speed=tempo, frame_length=frame, synthesis_hop=frame // 2, tolerance=frame // 3).run(
        ArrayReader(sound[np.newaxis, :]), writer
    )
    return np.asarray(writer.data[0], np.float32)


@dataclass(frozen=True)
class Stretcher:
    """One way to change the tempo, by its name, the package it is from and that one's licence."""

    name: str
    stretch: Stretch
    package: str
    licence: str

    @property
    def version(self) -> str:
        """Raises PackageNotFoundError."""
        return f"{self.package} {version(self.package)}"


OURS = Stretcher("ours", stretch, "dub-platform", "ours")
ATEMPO = Stretcher("atempo", atempo, "av", "LGPL")
OTHERS = (
    ATEMPO,
    Stretcher("sonic", sonic, "espeakng-loader", "Apache-2.0, in a GPL-3 library"),
    Stretcher("Rubber Band R3", rubber_band_finer, "pedalboard", "GPL-3"),
    Stretcher("Rubber Band R2", rubber_band_faster, "pedalboard", "GPL-3"),
    Stretcher("Signalsmith", signalsmith, "python-stretch", "MIT"),
    Stretcher("Praat PSOLA", praat, "praat-parselmouth", "GPL-3"),
    Stretcher("TDHS", audiostretchy, "audiostretchy", "BSD-3-Clause"),
    Stretcher("WSOLA", audiotsm, "audiotsm", "MIT"),
)


def list_installed() -> Iterator[Stretcher]:
    """Yield our stretcher, and those that it can be compared with here."""
    yield OURS
    for other in OTHERS:
        try:
            other.version  # noqa: B018 - it raises where the package is not here
        except PackageNotFoundError:
            continue
        yield other
