"""Who speaks with which of a provider's voices.

    casting = Casting.parse("es:1=VOICE_A, *:2=VOICE_B, ca=VOICE_C, default=VOICE_D")
    casting.voice("es", "1")    # VOICE_A

A person keeps their voice before a language has its own: `es:1` (a speaker in a language), then
`*:1` (a speaker in every language), then `es` (a language), then `default`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# What a casting calls whoever's turn it is, where its voices take turns.
IN_TURN = "in-turn"
_ENTRY = re.compile(
    r"(?P<who>default|(?:[a-z]{2,3}|\*):[^=,]+|[a-z]{2,3})\s*=\s*(?P<voice>[^=,\s]+)"
)


@dataclass(frozen=True)
class Casting:
    """The voices by whom they are for, written as above. There always is a default."""

    voices: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, default: str = "") -> Casting:
        """The casting that a setting spells out, with a `default` for where it names none.

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
        """The voice of this speaker in this language."""
        for who in (f"{language}:{speaker}", f"*:{speaker}", language):
            if who in self.voices:
                return self.voices[who]
        return self.voices["default"]
