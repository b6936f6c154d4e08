"""Voices by preference: each language is spoken by the first that knows it.

    voice = VoiceLadder([kokoro, piper, EspeakVoice()])
    voice.engine_for("en"), voice.engine_for("pl")      # "kokoro/v1.0-int8 ...", "espeak-ng ..."

Whose turn it is is told, in what a dub notes as its engine and in its manifest; it depends on what
is installed alone, never on what fails: a voice that cannot speak a line is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.core.languages import nearest_voice
from resources.providers.paid_once import Bill
from resources.voice.port import Reading, Voice


class VoiceLadder:
    """Several voices as one. The last ones are for what the first do not speak."""

    keeps_pace = True

    def __init__(self, voices: Sequence[Voice]) -> None:
        self.engine = " > ".join(voice.engine for voice in voices)
        self.parallel = max(voice.parallel for voice in voices)
        self.voices = tuple(voices)

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({code for voice in self.voices for code in voice.languages()}))

    def engine_for(self, language: str) -> str:
        return self._speaker_of(language).engine_for(language)

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        return self._speaker_of(reading.language).shape(reading)

    def cost_usd(self, text: str) -> float:
        return max(voice.cost_usd(text) for voice in self.voices)

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        self._speaker_of(reading.language).speak(reading, into=into, bill=bill)

    def close(self) -> None:
        for voice in self.voices:
            voice.close()

    def _speaker_of(self, language: str) -> Voice:
        for voice in self.voices:
            if nearest_voice(language, voice.languages()):
                return voice
        raise LanguageNotAvailableError(
            f"No voice here speaks {language!r}. They speak {', '.join(self.languages())}."
        )
