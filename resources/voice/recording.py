"""Recordings of a line: decoded for real, and refused where no voice can have made them.

    recording = decode_recording(Path("take.mp3"))
    start, end = find_speech(recording, "Buenos días.")    # raises BadTakeError
    rests = find_rests(take, Path("take.flac"))
    halves = outline_takes([(take, Path("take.flac")), ...])

Half an MP3 decodes without an error and its header claims the whole, so what counts is how much
sound comes out of the decoder, whether speech is in it, and whether it is as long as its text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import soundfile

from dub_platform.core.errors import BadTakeError, EngineFailedError
from dub_platform.core.speech import Span, Take
from resources.media.ffmpeg import PLACES, scale_outline
from resources.system.disk import translating_full_disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Speech is surely in 10 ms that are this near to the loudest, and from there it goes on through
# every millisecond that is this near (Rabiner and Sambur 1975): a soft consonant belongs to it, the
# breath that was drawn before it does not.
SURE_MS, SURE_RANGE_DB, SPEECH_RANGE_DB = 10, 25.0, 40.0
SILENCE_DB = -60.0
# A plosive is silent before it bursts.
LONGEST_CLOSURE_MS = 80
# No voice speaks 25 letters a second, or needs 2 s and half a second for each character.
FASTEST_LETTERS = 25.0
# The same few letters three times or more: hahaha, nooooo.
_REPEATED = re.compile(r"(\w{1,4}?)\1{2,}", re.IGNORECASE)
SLOWEST_SECONDS = 0.5
ALLOWED_SECONDS = 2.0
# Encoders pad and miscount by a few frames; a file that was cut off lacks more than that.
WHOLE_SHARE = 0.95


@dataclass(frozen=True)
class Recording:
    """Mono `sound` (frames,) between -1 and 1, at `rate` frames a second."""

    sound: NDArray[np.float32]
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.sound) / self.rate


def decode_recording(source: Path | IO[bytes]) -> Recording:
    """Return the sound of a file whose header says what it is. Raises BadTakeError."""
    try:
        with soundfile.SoundFile(source) as file:
            claimed, rate = int(file.frames), int(file.samplerate)
            sound = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadTakeError(
            "The voice answered with something that is not a recording. Try the line again.",
            detail=str(error),
        ) from error
    if len(sound) < WHOLE_SHARE * claimed:
        raise BadTakeError(
            f"The voice answered with {len(sound) / rate:.2f} s of a recording that claims to be "
            f"{claimed / rate:.2f} s: it is cut off. Try the line again."
        )
    return Recording(sound.mean(axis=1), rate)


def from_pcm(content: bytes, rate: int) -> Recording:
    """Return the sound of bare 16-bit little-endian mono samples."""
    samples = np.frombuffer(content[: len(content) // 2 * 2], "<i2")
    return Recording(samples.astype(np.float32) / np.float32(32768), rate)


def write_sound(path: Path, sound: NDArray[Any], rate: int) -> None:
    """Write 16-bit WAV, or FLAC where the path ends so.

    Raises StorageFullError, and EngineFailedError where it cannot be written for another reason.
    """
    file = io.BytesIO()
    # libsndfile does not say why it could not write: to memory it always can.
    soundfile.write(file, sound, rate, "PCM_16", format=path.suffix[1:])
    try:
        with translating_full_disk(path.name):
            path.write_bytes(file.getvalue())
    except OSError as error:
        raise EngineFailedError(
            f"{path.name} was made, but could not be written. Try again.", detail=str(error)
        ) from error


def find_speech(recording: Recording, text: str) -> tuple[float, float]:
    """Tell where the speech of this text starts and ends, in seconds. Raises BadTakeError."""
    start, end = find_speech_bounds(recording.sound, recording.rate)
    # Who laughs writes more of it than is spoken.
    letters = _REPEATED.sub(r"\1\1", text)
    shortest = sum(map(str.isalnum, letters)) / FASTEST_LETTERS
    longest = ALLOWED_SECONDS + SLOWEST_SECONDS * len(text)
    if not shortest <= end - start <= longest:
        raise BadTakeError(
            f"The voice spoke {len(text)} characters in {end - start:.2f} s, which no voice does: "
            "the recording is cut off or wrong. Try the line again, or reword it."
        )
    return start, end


def find_speech_bounds(sound: NDArray[np.float32], rate: int) -> tuple[float, float]:
    """Tell where speech starts and ends in a mono recording, to a millisecond. Raises
    BadTakeError."""
    powers = _measure_powers(sound, rate)
    levels = _measure_levels(powers)
    if not len(levels):
        raise BadTakeError("The voice answered with an empty recording. Try the line again.")
    if levels.max() <= SILENCE_DB:
        raise BadTakeError("The voice answered with silence. Try the line again, or reword it.")
    sure = np.flatnonzero(levels > max(levels.max() - SURE_RANGE_DB, SILENCE_DB)) * SURE_MS
    loud = _find_loud(powers)
    start, end = -_find_end(-loud[::-1], -sure[0] - SURE_MS), _find_end(loud, sure[-1]) + 1
    return start / 1000, min(len(sound) / rate, end / 1000)


def find_rests(take: Take, path: Path) -> tuple[Span, ...]:
    """Tell where the voice is silent in a take's speech, in seconds from where that starts.

    To a millisecond, and only what is longer than the silence before a plosive. Nowhere in a file
    that cannot be read: who mixes it says what is wrong with it.
    """
    try:
        recording = decode_recording(path)
    except BadTakeError:
        return ()
    first, last = round(1000 * take.speech_start), round(1000 * take.speech_end)
    loud = _find_loud(_measure_powers(recording.sound, recording.rate)[first:last])
    return tuple(
        Span((int(one) + 1) / 1000, int(other) / 1000)
        for one, other in pairwise(loud)
        if other - one > LONGEST_CLOSURE_MS
    )


def outline_takes(recordings: Sequence[tuple[Take, Path]]) -> list[int]:
    """Tell how loud takes are one after another, as `ffmpeg.outline` tells of a file.

    One of them is in memory at a time. Raises BadTakeError.
    """
    loud, counts, begin = np.zeros(PLACES), np.zeros(PLACES), 0.0
    seconds = sum(take.seconds for take, _ in recordings)
    for take, path in recordings:
        recording = decode_recording(path)
        times = begin + np.arange(len(recording.sound)) / recording.rate
        places = np.minimum((times * PLACES / seconds).astype(np.intp), PLACES - 1)
        loud += np.bincount(places, np.abs(recording.sound), PLACES)
        counts += np.bincount(places, minlength=PLACES)
        begin += take.seconds
    return scale_outline(np.sqrt(loud / np.maximum(counts, 1)))


def _measure_levels(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the level of every 10 ms."""
    return _decibels(powers[: len(powers) // SURE_MS * SURE_MS].reshape(-1, SURE_MS).mean(axis=1))


def _find_loud(powers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the milliseconds that may be speech."""
    loudest = _measure_levels(powers).max(initial=SILENCE_DB)
    return np.flatnonzero(_decibels(powers) > max(loudest - SPEECH_RANGE_DB, SILENCE_DB))


def _measure_powers(sound: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Return the mean power of every whole millisecond."""
    borders = np.round(np.arange(len(sound) * 1000 // rate + 1) * rate / 1000).astype(int)
    sums = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])[borders]
    return np.asarray(np.diff(sums) / np.diff(borders))


def _decibels(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10.0 * np.log10(powers + 1e-12))


def _find_end(loud: NDArray[np.intp], moment: int) -> int:
    """Return the last loud millisecond before the first pause after `moment`."""
    later = loud[loud >= moment]
    pauses = np.flatnonzero(np.diff(later) > LONGEST_CLOSURE_MS)
    return int(later[pauses[0]] if len(pauses) else later[-1])
