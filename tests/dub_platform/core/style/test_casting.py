"""Casting: who speaks with which voice."""

from __future__ import annotations

import pytest

from dub_platform.core.style.casting import Casting


@pytest.mark.parametrize(
    ("language", "speaker", "voice"),
    [
        ("es", "1", "A"),
        ("es", "2", "B"),
        ("es", "3", "C"),
        ("ca", "2", "B"),
        ("ca", "Ana María", "E"),
        ("ca", "3", "D"),
        ("", "", "D"),
    ],
)
def test_the_most_particular_voice_is_taken(language: str, speaker: str, voice: str) -> None:
    """A speaker in a language, a speaker in any, a language, and then the default."""
    casting = Casting.parse(" es:1=A, *:2 = B,es=C ,*:Ana María=E, default=D, ")
    assert voice == casting.voice(language, speaker)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "default=VOICE"),
        ("es=A", "default=VOICE"),
        ("default=A, es", "'es' is not of the form"),
        ("default=A, es:=B", "'es:=B' is not of the form"),
        ("default=A, es:1=", "'es:1=' is not of the form"),
        ("default=A, spanish=B", "'spanish=B' is not of the form"),
        ("default=A, es=B=C", "'es=B=C' is not of the form"),
        ("default=A, es=B C", "'es=B C' is not of the form"),
    ],
)
def test_what_is_no_casting_is_refused(text: str, wrong: str) -> None:
    """The error says which entry is wrong."""
    with pytest.raises(ValueError, match=wrong):
        Casting.parse(text)
