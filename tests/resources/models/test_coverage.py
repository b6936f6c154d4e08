"""The catalogue's languages: whole dubs of many, each told as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.settings import Settings
from resources.models.catalogue import Entry, read_catalogue
from resources.models.choosing import choose_for
from resources.models.coverage import list_coverage
from resources.voice.capabilities import ESPEAK_LANGUAGES
from tests.support.recipes.installed_models import install_empty

COVERED = {each.code: each for each in list_coverage(read_catalogue(), ESPEAK_LANGUAGES)}
BERGAMOT = [each for each in read_catalogue().values() if each.kind == "bergamot"]


def test_many_languages_are_dubbed_into_and_from_without_an_account() -> None:
    """Twenty of them with a voice that is no robot."""
    human = [each for each in COVERED.values() if each.is_target and each.speaks]
    assert len(human) >= 20
    assert sum(each.is_source for each in COVERED.values()) >= 40
    assert sum(each.is_target for each in COVERED.values()) >= 50


def test_a_language_counts_only_if_all_of_a_dub_is_there() -> None:
    """Albanian is translated from alone; without a voice of last resort robots speak nothing."""
    albanian = COVERED["sq"]
    assert (True, False) == (albanian.is_source, albanian.is_target)
    without = {each.code: each for each in list_coverage(read_catalogue(), ())}
    assert (True, False) == (without["fr"].is_target, without["hu"].is_target)


@pytest.mark.parametrize("entry", BERGAMOT, ids=[entry.name for entry in BERGAMOT])
def test_a_pair_has_all_that_its_engine_reads(entry: Entry) -> None:
    """One vocabulary or two, and a sha256 of each file."""
    names = {file.name for file in entry.files}
    assert names - {"model.bin", "lex.bin"} in ({"vocab.spm"}, {"srcvocab.spm", "trgvocab.spm"})
    assert all(file.sum.startswith("sha256:") for file in entry.files)
    assert "-".join(entry.languages) == entry.name


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        ("en:fr", ["en-fr"]),
        ("fr:de", ["fr-en", "en-de"]),
        ("en:pt-BR,es-419", ["en-pt", "en-es"]),
        ("en:zh-TW", ["en-zh-Hant"]),
        ("zh:ja", ["zh-Hans-en", "en-ja"]),
        ("no:en", ["nb-en"]),
    ],
)
def test_a_set_has_both_models_of_a_way_by_english(asked: str, pairs: list[str]) -> None:
    """And for a region what its language has, in its script."""
    chosen = choose_for(asked, read_catalogue()).entries
    assert pairs == [entry.name for entry in chosen if entry.kind == "bergamot"]


def test_a_deployment_tells_who_makes_a_language(tmp_path: Path) -> None:
    """Two models where it goes by English, and the robot where no voice is here."""
    settings = Settings(models_dir=tmp_path, translator="bergamot", voice="kokoro")
    install_empty(tmp_path, "bergamot/fr-en", "bergamot/en-de", "piper/de_DE-thorsten-low")
    makers = wiring.makers(settings)
    by_english = (("bergamot/fr-en", "bergamot/en-de"), "piper/de_DE-thorsten-low")
    assert by_english == makers("fr", "de-AT")
    assert (("apertium",), "espeak") == makers("en", "eo")
    assert "de" in wiring.targets(settings)("fr")
