"""What was heard, compared with what was to be said."""

from __future__ import annotations

import pytest

from dub_platform.core.text.hearing import is_misspoken, liken

TEXT = "Hoy el mercado está lleno de pescado fresco y de pan."


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        (TEXT, "hoy el mercado esta lleno de pescado fresco y de pan"),
        # As Whisper hears eSpeak NG's Spanish: every second word is another.
        (TEXT, "Oye el mercado está yeno de pescado frescui de pan."),
        ("Welcome to St. James, Mrs. O'Neill!", "welcome to saint james missis o'neil"),
        # Too short to be sure of.
        ("Oh!", "Ah, no."),
        # Hindi, written down as Urdu.
        ("आज बाज़ार ताज़ी मछली से भरा है", "آج بازار تازی مچھلی سے بھرا ہے"),
    ],
)
def test_what_a_recogniser_writes_otherwise_is_the_same(text: str, heard: str) -> None:
    """Marks, accents, spellings, and a word misheard now and then."""
    assert not is_misspoken(text, heard)


@pytest.mark.parametrize(
    "heard",
    [
        "",
        "La gente de aquí ama el mar y sale a pescar cada día.",
        "Today the market is full of fresh fish and bread.",
        "Hoy el mercado",
        "no no no no no no no no no no no no no no no no no no",
    ],
)
def test_another_text_or_half_of_one_is_not(heard: str) -> None:
    """Nothing, another sentence, another language, a beginning, a loop."""
    assert is_misspoken(TEXT, heard)


def test_a_text_is_wholly_like_itself() -> None:
    """And not at all like one that shares no letter."""
    assert (1.0, 0.0) == (liken(TEXT, TEXT.upper()), liken("aaa", "bbb"))
