"""Takes: lines spoken once, checked, and kept under a key of all that shapes them.

    take = TakeKeeper(store, voice, folders).take_of(line, "es", speaker="1")

A take that is kept is never spoken again and never paid again. A recording is kept only after
it was decoded, holds speech, and is as long as a line of its length can be.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from pydantic import TypeAdapter

from dub_platform.core.errors import BadTakeError
from dub_platform.core.keys import take_key
from dub_platform.core.speech import Take, TranslatedLine
from resources.store import Store
from resources.voice import Voice
from resources.workfolder import WorkFolders

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME_SECONDS = 0.01
# Speech is what is within this of the loudest moment; breath and codec noise lie below.
SPEECH_RANGE_DB = 40.0
SILENCE_DB = -60.0
# The onset is kept whole: a plosive's burst is shorter and softer than its vowel.
LEAD_SECONDS = 0.01
TAIL_SECONDS = 0.04
# No voice speaks 25 letters a second, or needs 2 s and half a second for each character.
FASTEST_LETTERS = 25.0
SLOWEST_SECONDS = 0.5
ALLOWED_SECONDS = 2.0

_RECEIPT = TypeAdapter(Take)


@dataclass(frozen=True)
class TakeKeeper:
    """Speaks lines with a voice, or finds that they were spoken before."""

    store: Store
    voice: Voice
    folders: WorkFolders

    def take_of(self, line: TranslatedLine, language: str, *, speaker: str) -> Take:
        """The take of this line. Raises BadTakeError, EngineFailedError, StorageError."""
        shape = self.voice.shape(language, speaker)
        key = take_key(text=line.text, engine=self.voice.engine, shape=shape)
        receipt = f"takes/{key[:2]}/{key}.json"
        if self.store.exists(receipt):
            kept = _RECEIPT.validate_json(self.store.get_bytes(receipt))
            return dataclasses.replace(kept, line_id=line.id, reused=True)
        take = self._spoken(line, language, speaker, key)
        # The receipt is written last: a take without one is spoken again, never half believed.
        self.store.put_bytes(receipt, _RECEIPT.dump_json(take))
        return take

    def _spoken(self, line: TranslatedLine, language: str, speaker: str, key: str) -> Take:
        with self.folders.new("take") as folder:
            wav, flac = folder / "take.wav", folder / "take.flac"
            self.voice.speak(line.text, language, speaker=speaker, into=wav)
            sound, rate = _decoded(wav)
            start, end = speech_bounds(sound, rate)
            _refuse_implausible(line.text, end - start)
            soundfile.write(flac, sound, rate, subtype="PCM_16")
            audio_key = f"takes/{key[:2]}/{key}.flac"
            self.store.put_file(audio_key, flac)
        return Take(
            line_id=line.id,
            key=key,
            audio_key=audio_key,
            seconds=len(sound) / rate,
            speech_start=start,
            speech_end=end,
            characters=len(line.text),
            cost_usd=self.voice.cost_usd(line.text),
        )


def speech_bounds(sound: NDArray[np.float32], rate: int) -> tuple[float, float]:
    """Where speech starts and ends in a mono recording, in seconds. Raises BadTakeError."""
    frame = int(rate * FRAME_SECONDS)
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    if not len(frames):
        raise BadTakeError("The voice answered with an empty recording. Try the line again.")
    levels = 10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    loud = np.flatnonzero(levels > max(levels.max() - SPEECH_RANGE_DB, SILENCE_DB))
    if not len(loud):
        raise BadTakeError("The voice answered with silence. Try the line again, or reword it.")
    start = max(0.0, float(loud[0]) * FRAME_SECONDS - LEAD_SECONDS)
    end = min(len(sound) / rate, float(loud[-1] + 1) * FRAME_SECONDS + TAIL_SECONDS)
    return start, end


def _decoded(recording: Path) -> tuple[NDArray[np.float32], int]:
    try:
        sound, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadTakeError(
            "The voice answered with something that is not a recording. Try the line again.",
            detail=str(error),
        ) from error
    return sound.mean(axis=1), int(rate)


def _refuse_implausible(text: str, seconds: float) -> None:
    shortest = sum(map(str.isalnum, text)) / FASTEST_LETTERS
    longest = ALLOWED_SECONDS + SLOWEST_SECONDS * len(text)
    if not shortest <= seconds <= longest:
        raise BadTakeError(
            f"The voice spoke {len(text)} characters in {seconds:.2f} s, which no voice does: the "
            "recording is cut off or wrong. Try the line again, or reword it."
        )
