"""Who speaks with which of a provider's voices.

    casting = Casting.parse("es:1=VOICE_A, *:2=VOICE_B, ca=VOICE_C, default=VOICE_D")
    casting.voice("es", "1")    # VOICE_A

A person keeps their voice before a language has its own: `es:1` (a speaker in a language), then
`*:1` (a speaker in every language), then `es` (a language), then `default`. What is said of a
language as a region speaks it, such as `pt-BR`, goes before what is said of the language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# What a casting calls whoever's turn it is, where its voices take turns.
IN_TURN = "in-turn"
_TAG = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,4}){0,2}"
_ENTRY = re.compile(rf"(?P<who>default|(?:{_TAG}|\*):[^=,]+|{_TAG})\s*=\s*(?P<voice>[^=,\s]+)")


@dataclass(frozen=True)
class Casting:
    """The voices by whom they are for, written as above. There always is a default."""

    voices: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, default: str = "") -> Casting:
        """Read the casting that a setting spells out, with a `default` for where it names none.

        Raises ValueError, which says what is wrong.
        """
        voices = {"default": default} if default else {}
        for entry in filter(None, map(str.strip, text.split(","))):
            match = _ENTRY.fullmatch(entry)
            if match is None:
                raise ValueError(f"{entry[:60]!r} is not of the form es:1=VOICE, es=VOICE, ...")
            voices[match["who"].strip()] = match["voice"]
        if "default" not in voices:
            raise ValueError("there must be a default=VOICE for whoever has no voice of their own")
        return cls(voices)

    def voice(self, language: str, speaker: str) -> str:
        """Return the voice of this speaker in this language."""
        plain = language.partition("-")[0]
        of_speaker = (f"{language}:{speaker}", f"{plain}:{speaker}", f"*:{speaker}")
        named = (who for who in (*of_speaker, language, plain) if who in self.voices)
        return self.voices[next(named, "default")]
