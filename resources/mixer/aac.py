"""AAC that is encoded in pieces and joined to one stream, and the M4A around it.

    packets = encode(sound, into=Path("piece.aac")).between(25, 925)
    sound = decode([packets])
    write([packets, ...], frames, Path("track.m4a"))

Packet p of a stream holds a window of 2048 samples from (p - 1) * 1024 on; a decoder adds the
halves of two windows to get 1024 samples. Packets do not depend on each other. So if two encoders
had the same samples around a border, the packets of one can follow those of the other. The file's
edit list cuts off what is before sample 0 (the encoder's delay) and after the end.
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
from resources.system.disk import translating_full_disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

BIT_RATE = 192_000
# The encoder's manual calls `fast` better and much faster than `twoloop` above 64 kbit/s. Intensity
# stereo saves bits that are not scarce here: without it the coding noise of a mix is 5 dB lower.
OPTIONS = {"aac_coder": "fast", "aac_is": "0"}
# Edit lists count in the movie's time scale, whose default is too coarse: milliseconds.
_FILE_OPTIONS = {"movflags": "+faststart", "movie_timescale": str(RATE)}
# The frames given to the encoder in one call; it splits them by itself.
_HANDED_FRAMES = 64 * AAC_FRAME


@dataclass(frozen=True)
class Packets:
    """Consecutive packets of a stream, of `sizes` bytes each, from byte `offset` of `file` on."""

    file: Path
    sizes: NDArray[np.int32]
    offset: int = 0

    def between(self, first: int, last: int) -> Packets:
        """Return the packets from number `first` to `last`, exclusive."""
        offset = self.offset + int(self.sizes[:first].sum())
        return replace(self, sizes=self.sizes[first:last], offset=offset)

    def last(self, count: int) -> Packets:
        """Return the last `count` packets, or all if there are fewer."""
        return self.between(max(0, len(self.sizes) - count), len(self.sizes))

    def __iter__(self) -> Iterator[bytes]:
        with self.file.open("rb") as file:
            file.seek(self.offset)
            for size in self.sizes.tolist():
                yield file.read(size)


def encode(sound: Sound, *, into: Path) -> Packets:
    """Encode `sound` (2, frames). The first packet lies before the first sample."""
    sizes = []
    with translating_full_disk(into.name), into.open("wb") as out:
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


def decode(streams: Sequence[Packets]) -> Sound:
    """Decode consecutive packets to (2, frames); the first packet only settles the decoder."""
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
    """Return the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) of AAC-LC, 48 kHz, two channels."""
    object_type, rate_index, channels = 2, 3, 2
    return (object_type << 11 | rate_index << 7 | channels << 3).to_bytes(2, "big")


def write(streams: Sequence[Packets], frames: int, path: Path) -> None:
    """Write the packets as M4A, which plays `frames` frames. Raises StorageFullError."""
    import av

    with (
        translating_full_disk(path.name),
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
