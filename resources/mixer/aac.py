"""AAC made in pieces that join to one stream, and the M4A around it.

    packets = encoded(sound, into=Path("piece.aac")).between(25, 925)
    sound = decoded([packets])
    write([packets, ...], frames, Path("track.m4a"))

Packet p of a stream holds a window of 2048 samples from (p - 1) * 1024 on, and its decoder adds up
the halves of two windows to 1024 samples. A packet depends on no other, so where two encoders had
the same samples around a border, the packets of one go on after those of the other. What is before
sample 0, the encoder's delay, is left out by the file's edit list, and so is what is after the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dub_platform.core.mixing import RATE
from resources.mixer.pieces import AAC_FRAME
from resources.system.disk import full_disk_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

BIT_RATE = 192_000
# The encoder's own manual calls it better and much faster than the other above 64 kbit/s. Intensity
# stereo is for fewer bits than there are: without it the coding noise of a mix is 5 dB lower.
OPTIONS = {"aac_coder": "fast", "aac_is": "0"}
# An edit list counts in the film's time, which would be whole milliseconds.
_FILE_OPTIONS = {"movflags": "+faststart", "movie_timescale": str(RATE)}
# How much is handed to the encoder at once: it cuts that into frames by itself.
_HANDED_FRAMES = 64 * AAC_FRAME


@dataclass(frozen=True)
class Packets:
    """Packets of a stream, in order: so many of `sizes` bytes, from byte `offset` of `file` on."""

    file: Path
    sizes: NDArray[np.int32]
    offset: int = 0

    def between(self, first: int, last: int) -> Packets:
        """Those from number `first` to `last`, exclusive."""
        offset = self.offset + int(self.sizes[:first].sum())
        return replace(self, sizes=self.sizes[first:last], offset=offset)

    def last(self, count: int) -> Packets:
        """The last so many, or all there are."""
        return self.between(max(0, len(self.sizes) - count), len(self.sizes))

    def __iter__(self) -> Iterator[bytes]:
        with self.file.open("rb") as file:
            file.seek(self.offset)
            for size in self.sizes.tolist():
                yield file.read(size)


def encoded(sound: Sound, *, into: Path) -> Packets:
    """The packets of `sound` (2, frames), the first of them from before its first sample."""
    sizes = []
    with full_disk_named(into.name), into.open("wb") as out:
        for packet in _packets(sound):
            sizes.append(out.write(packet))
    return Packets(into, np.array(sizes, np.int32))


def _packets(sound: Sound) -> Iterator[Any]:
    import av

    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.bit_rate, encoder.options = RATE, BIT_RATE, OPTIONS
    encoder.format, encoder.layout = "fltp", "stereo"
    for first in range(0, sound.shape[1], _HANDED_FRAMES):
        samples = np.ascontiguousarray(sound[:, first : first + _HANDED_FRAMES])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def decoded(streams: Sequence[Packets]) -> Sound:
    """The samples of packets that follow each other, but for the first: (2, frames)."""
    import av

    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = _configuration()
    count = sum(len(packets.sizes) for packets in streams)
    sound = np.empty((2, count * AAC_FRAME), np.float32)
    at = 0
    for packets in streams:
        for packet in packets:
            for frame in decoder.decode(av.Packet(packet)):
                sound[:, at : at + frame.samples] = frame.to_ndarray()
                at += frame.samples
    return sound[:, AAC_FRAME:at]


def _configuration() -> bytes:
    """AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1): AAC-LC, 48 kHz, two channels."""
    object_type, rate_index, channels = 2, 3, 2
    return (object_type << 11 | rate_index << 7 | channels << 3).to_bytes(2, "big")


def write(streams: Sequence[Packets], frames: int, path: Path) -> None:
    """Write the stream, of which `frames` are to be heard, as M4A. Raises StorageFullError."""
    import av

    with (
        full_disk_named(path.name),
        av.open(str(path), "w", format="ipod", options=_FILE_OPTIONS) as out,
    ):
        stream = out.add_stream("aac", rate=RATE, layout="stereo", options=OPTIONS)
        stream.bit_rate = BIT_RATE
        begin = -AAC_FRAME
        for packets in streams:
            for content in packets:
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, Fraction(1, RATE)
                packet.pts = packet.dts = begin
                packet.duration = min(AAC_FRAME, frames - begin)
                packet.is_keyframe = True
                out.mux(packet)
                begin += AAC_FRAME
