"""Hears takes again, by a recogniser of their language: do they say what is written?

    hearer = TakeHearer(transcriber, refuses=True)
    for other in hearer.find_misspoken(takes, {0: "Buenos días.", ...}, "es", into=folder):
        other.sentence          # "Line 0 was to say `Buenos días.` and `Hasta luego` is heard."

All takes are heard together, in chunks as a video is; what seems to be another text is heard once
more by itself, so that no neighbour can have led the recogniser astray.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dub_platform.core.languages import nearest
from dub_platform.core.speech import Span, Take
from dub_platform.core.text.hearing import is_misspoken
from dub_platform.core.text.quotes import quote
from resources.media.sound import SPEECH_RATE
from resources.transcriber.port import Transcriber
from resources.voice.recording import decode_recording
from resources.voice.spoken_text import spell_out

# Between two takes, so that their words are told apart.
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Misspoken:
    """A line whose take says something else."""

    line_id: int
    text: str
    heard: str

    @property
    def sentence(self) -> str:
        heard = quote(self.heard) if self.heard else "nothing"
        return f"Line {self.line_id} was to say {quote(self.text)} and {heard} is heard."


@dataclass(frozen=True)
class TakeHearer:
    """One recogniser. `refuses` is whether a dub with such takes is not to be released."""

    transcriber: Transcriber
    refuses: bool

    def knows(self, language: str) -> bool:
        return self._find_known(language) is not None

    def _find_known(self, language: str) -> str | None:
        """Return the recogniser's name of a language, of which it knows no regions, or None."""
        return nearest(language, self.transcriber.languages())

    def find_misspoken(
        self,
        takes: Sequence[tuple[Take, Path]],
        texts: Mapping[int, str],
        language: str,
        *,
        into: Path,
    ) -> tuple[Misspoken, ...]:
        """The lines, by their ids, whose takes say something else, in order.

        None in a language that the recogniser does not know. Raises BadTakeError, ProviderError.
        """
        known = self._find_known(language)
        if known is None:
            return ()
        doubted = takes
        # A second time by themselves, each alone in its sound.
        for together in (True, False):
            heard = self._hear(doubted, known, into, together=together)
            doubted = [
                (take, path)
                for take, path in doubted
                if _is_other(texts[take.line_id], heard[take.line_id], language)
            ]
        return tuple(
            Misspoken(take.line_id, texts[take.line_id], heard[take.line_id]) for take, _ in doubted
        )

    def _hear(
        self, takes: Sequence[tuple[Take, Path]], language: str, into: Path, *, together: bool
    ) -> Mapping[int, str]:
        heard: dict[int, str] = {}
        for some in [takes] if together else [[each] for each in takes]:
            spans = dict(_write_sound(into / "takes.wav", some))
            found = self.transcriber.transcribe(into / "takes.wav", list(spans.values()), language)
            words = [word for segment in found.segments for word in segment.words]
            for line_id, span in spans.items():
                within = [word.text for word in words if span.start <= word.start < span.end]
                heard[line_id] = " ".join(within)
        return heard


def _is_other(text: str, heard: str, language: str) -> bool:
    # Both in words, because a recogniser writes "$5" of what was spelled out for the voice.
    return is_misspoken(spell_out(text, language), spell_out(heard, language))


def _write_sound(path: Path, takes: Sequence[tuple[Take, Path]]) -> Iterator[tuple[int, Span]]:
    """Write the takes one after another at 16 kHz; where the speech of each lies in the sound."""
    from scipy.signal import resample_poly

    pause, at = np.zeros(round(PAUSE_SECONDS * SPEECH_RATE), "<i2"), 0
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SPEECH_RATE)
        for take, file in takes:
            recording = decode_recording(file)
            common = math.gcd(recording.rate, SPEECH_RATE)
            sound = resample_poly(recording.sound, SPEECH_RATE // common, recording.rate // common)
            out.writeframes(pause.tobytes())
            out.writeframes((32_767 * sound.clip(-1.0, 1.0)).astype("<i2").tobytes())
            start = (at + len(pause)) / SPEECH_RATE
            at += len(pause) + len(sound)
            yield take.line_id, Span(start + take.speech_start, start + take.speech_end)
        out.writeframes(pause.tobytes())
