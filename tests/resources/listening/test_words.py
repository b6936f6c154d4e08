"""Words in a release, recognised again: those that somebody would miss are missed."""

from __future__ import annotations

from pathlib import Path

from resources.listening.words import Words, count_words
from tests.resources.listening.test_hearing import BEDS
from tests.support.recipes.hearing import SAID, SECONDS, Recipe
from tests.support.recipes.media import make_sound, noise

SPOKEN = sum(len(text.split()) for text in SAID)


def words(recipe: Recipe, folder: Path, language: str = "en") -> Words | None:
    script = recipe.script(folder)
    path = make_sound(folder / "track.m4a", recipe.mix(script))
    return count_words(path, script, dict(enumerate(recipe.said)), language, into=folder)


def lost(recipe: Recipe, folder: Path) -> int:
    found = words(recipe, folder)
    assert found
    assert SPOKEN - 2 <= found.heard <= SPOKEN
    return found.lost


def test_a_release_without_errors_has_all_its_words(tmp_path: Path) -> None:
    """Under the noise of a room; a recogniser may miss one."""
    assert lost(Recipe(), tmp_path) <= 1


def test_music_beside_the_voice_hides_no_word(tmp_path: Path) -> None:
    """As far under it as the mixer puts it."""
    assert lost(Recipe(BEDS["music"]), tmp_path) <= 1


def test_the_words_of_a_line_that_is_not_said_are_lost(tmp_path: Path) -> None:
    """All of them, and hardly any other."""
    missing = len(SAID[1].split())
    assert missing - 1 <= lost(Recipe(left_out=[1]), tmp_path) <= missing + 1


def test_the_words_at_the_end_of_a_line_that_is_cut_are_lost(tmp_path: Path) -> None:
    """ "Love the sea" is what the last nine tenths of a second say."""
    assert 2 <= lost(Recipe(tail={1: 0.9}), tmp_path) <= 5


def test_words_that_are_drowned_are_lost(tmp_path: Path) -> None:
    """By noise as loud as the voice."""
    assert lost(Recipe(noise(SECONDS, db=-18.0)), tmp_path) > SPOKEN // 2


def test_nothing_is_made_up_of_a_language_that_nobody_here_knows(tmp_path: Path) -> None:
    """Neither all words nor none."""
    assert None is words(Recipe(), tmp_path, "es")
