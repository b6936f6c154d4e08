"""The mixer: bed and takes made one track.

    mixed = BlockMixer().mix(bed, parts, timeline, speech, into=folder)

The sound is mixed in blocks of ten seconds, so memory does not grow with length: the bed is
read, ducked where anyone speaks, and the takes are added where the timeline has them. It is
mixed twice, once into a loudness meter and once into the encoder, because a gain that is
measured beats one that is guessed.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ffmpeg as graphs
import numpy as np
import soundfile

from dub_platform.core import loudness, mixing
from dub_platform.core.errors import MediaToolError
from dub_platform.core.mixing import RATE, Envelope
from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import Timeline
from resources.disk import full_disk_named
from resources.media import ffmpeg
from resources.stretching import spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

BLOCK_FRAMES = 10 * RATE
ENCODINGS = 4
# The limiter works on four times the rate, where peaks between samples are samples.
LIMITER_RATE = 4 * RATE
# What is kept free below the ceiling at first, because AAC adds peaks of its own.
HEADROOM_DB = 0.7


@dataclass(frozen=True)
class Mixed:
    """The encoded track (M4A, AAC, 48 kHz stereo) and what was measured on it."""

    path: Path
    loudness: ffmpeg.Loudness


class Mixer(Protocol):
    """Makes tracks."""

    def mix(
        self,
        bed: Path,
        bed_lufs: float,
        takes: Sequence[tuple[Take, Path]],
        timeline: Timeline,
        speech: Sequence[Span],
        *,
        into: Path,
    ) -> Mixed:
        """The track: `bed` (48 kHz stereo) ducked at `speech` and at every take, with the takes.

        `takes` are the timeline's, each with its recording. The track lasts as long as the
        timeline, or as its last take where that runs past the end. Raises MediaToolError,
        StorageFullError.
        """
        ...


@dataclass(frozen=True)
class _Voice:
    """One take ready to be added: mono float32 at 48 kHz on disk, from frame `first`.

    It may be before the track's beginning, by what is heard before the speech.
    """

    first: int
    sound: Sound


class BlockMixer:
    """Mixes with numpy between two ffmpeg processes."""

    def mix(
        self,
        bed: Path,
        bed_lufs: float,
        takes: Sequence[tuple[Take, Path]],
        timeline: Timeline,
        speech: Sequence[Span],
        *,
        into: Path,
    ) -> Mixed:
        with _unreadable_sound_named():
            voices = _prepared(takes, timeline, into)
            busy, sides_db = _busy(timeline, speech), _sides_depth_db(bed, mixing.voiced(speech))
            mix = _Mix(
                bed=bed,
                frames=round((timeline.seconds + timeline.overrun) * RATE),
                voices=voices,
                voice_gain=_linear(_voice_gain_db(voices, bed_lufs)),
                middle=mixing.ducked(busy, depth_db=mixing.VOICE_DEPTH_DB),
                sides=mixing.ducked(busy, depth_db=sides_db),
            )
            return _encoded(mix, into / "track.m4a")


@dataclass(frozen=True)
class _Mix:
    """Everything the blocks are made of; they can be made as often as needed."""

    bed: Path
    frames: int
    voices: Sequence[_Voice]
    voice_gain: float
    middle: Envelope
    sides: Envelope

    def blocks(self) -> Iterator[bytes]:
        """The mix as interleaved little-endian float32 stereo."""
        with soundfile.SoundFile(self.bed) as bed:
            for first in range(0, self.frames, BLOCK_FRAMES):
                count = min(BLOCK_FRAMES, self.frames - first)
                source = bed.read(count, dtype="float32", always_2d=True, fill_value=0.0)
                yield self._block(source, first).astype("<f4").tobytes()

    def _block(self, source: Sound, first: int) -> Sound:
        middle = source.mean(axis=1)
        side = (source[:, 0] - source[:, 1]) / 2
        middle *= self.middle.at(first, len(source))
        side *= self.sides.at(first, len(source))
        middle += self.voice_gain * _voice_block(self.voices, first, len(source))
        return np.stack([middle + side, middle - side], axis=1)


@contextlib.contextmanager
def _unreadable_sound_named() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise MediaToolError(
            "A sound that this track is made of cannot be read: it is damaged in the store. "
            "Materialize audio and speech again.",
            detail=str(error),
        ) from error


def _busy(timeline: Timeline, speech: Sequence[Span]) -> tuple[Span, ...]:
    """When the original voice must not be followed: while it or a take speaks."""
    spoken = [Span(placement.start, placement.end) for placement in timeline.placements]
    return (*mixing.voiced(speech), *spoken)


def _prepared(takes: Sequence[tuple[Take, Path]], timeline: Timeline, folder: Path) -> list[_Voice]:
    by_line = {take.line_id: (take, path) for take, path in takes}
    prepared = []
    for placement in timeline.placements:
        take, path = by_line[placement.line_id]
        kept = folder / f"voice-{placement.line_id}.f32"
        voice = spoken(take, path, placement.tempo)
        # numpy's own writing does not say why it fails.
        with full_disk_named(kept.name):
            kept.write_bytes(voice.sound.tobytes())
        sound: Sound = np.memmap(kept, np.float32, mode="r")
        prepared.append(_Voice(round(placement.start * RATE) - voice.lead, sound))
    return prepared


def _voice_block(voices: Sequence[_Voice], first: int, frames: int) -> Sound:
    block: Sound = np.zeros(frames, dtype=np.float32)
    for voice in voices:
        start = max(first, voice.first)
        end = min(first + frames, voice.first + len(voice.sound))
        if start < end:
            block[start - first : end - first] += voice.sound[
                start - voice.first : end - voice.first
            ]
    return block


def _voice_gain_db(voices: Sequence[_Voice], bed_lufs: float) -> float:
    """The gain that makes the dub as loud as what it replaces, both as measured."""
    if not voices:
        return 0.0
    spoken = (np.stack([v.sound, v.sound], axis=1).astype("<f4").tobytes() for v in voices)
    said = ffmpeg.feed(ffmpeg.loudness_meter(_pipe().audio), spoken)
    lufs = ffmpeg.parsed_loudness(said).lufs
    target = bed_lufs if bed_lufs > loudness.SILENCE_LUFS else loudness.TARGET_LUFS
    return loudness.gain_db(lufs, target)


def _sides_depth_db(bed: Path, speech: Sequence[Span]) -> float:
    """Whether the sides of the bed hold the voice, measured with and without speech."""
    speaking = mixing.ducked(mixing.merged(speech, within=0.5), depth_db=-100.0)
    energy, weight = np.zeros(2), np.zeros(2)
    with soundfile.SoundFile(bed) as source:
        first = 0
        for block in source.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
            power = np.square((block[:, 0] - block[:, 1]) / 2)
            voiced = speaking.at(first, len(block)) < 0.5
            energy += (power[voiced].sum(), power[~voiced].sum())
            weight += (voiced.sum(), (~voiced).sum())
            first += len(block)
    in_speech, elsewhere = energy / np.maximum(weight, 1)
    return mixing.sides_depth_db(in_speech, elsewhere)


def _encoded(mix: _Mix, path: Path) -> Mixed:
    """Encode until what comes out of the decoder is as loud as it should be.

    A limiter takes some loudness away and AAC adds some peak; both are measured on the encoded
    file and made good in the next try.
    """
    measured = ffmpeg.parsed_loudness(
        ffmpeg.feed(ffmpeg.loudness_meter(_pipe().audio), mix.blocks())
    )
    gain_db = loudness.gain_db(measured.lufs)
    ceiling_db = loudness.TRUE_PEAK_DB - HEADROOM_DB
    for attempt in itertools.count(1):
        ffmpeg.feed(_encoder(gain_db, ceiling_db, path), mix.blocks())
        mixed = Mixed(path, ffmpeg.loudness(path))
        if loudness.is_on_target(mixed.loudness.lufs, mixed.loudness.true_peak_db):
            break
        if attempt == ENCODINGS or mixed.loudness.lufs <= loudness.SILENCE_LUFS:
            break
        gain_db += loudness.TARGET_LUFS - mixed.loudness.lufs
        ceiling_db -= max(0.0, mixed.loudness.true_peak_db - loudness.TRUE_PEAK_DB)
    return mixed


def _encoder(gain_db: float, ceiling_db: float, path: Path) -> Any:
    return (
        _pipe()
        .audio.filter("volume", f"{gain_db:.3f}dB")
        .filter("aresample", LIMITER_RATE)
        .filter("alimiter", limit=_linear(ceiling_db), level=0, attack=1, release=50)
        .filter("aresample", RATE)
        .output(str(path), acodec="aac", audio_bitrate="192k", movflags="+faststart")
    )


def _pipe() -> Any:
    return graphs.input("pipe:", format="f32le", ar=RATE, channel_layout="stereo")


def _linear(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))
