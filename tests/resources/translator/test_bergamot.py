"""Bergamot: which models lead where, and what becomes of what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dub_platform.core.errors import (
    EngineFailedError,
    EngineUnavailableError,
    LanguageNotAvailableError,
)
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Line, Transcript
from resources.translator import bergamot
from resources.translator.apertium import ApertiumTranslator
from resources.translator.bergamot import BergamotTranslator, PairModel
from resources.translator.capabilities import Pair
from resources.translator.ladder import TranslatorLadder

PAIRS: Sequence[Pair] = (("en", "pt"), ("pt", "en"), ("de", "en"), ("en", "ja"), ("de", "pt"))


def model(pair: Pair, folder: Path = Path("/nowhere")) -> PairModel:
    """The files that a pair would have."""
    return PairModel(f"bergamot/{'-'.join(pair)} 0a", *(folder / name for name in "mstl"))


class Watched(BergamotTranslator):
    """Says which models a text went through, and adds what it is told to."""

    adds = ""

    def _ask(self, model: PairModel, texts: Sequence[str]) -> Sequence[str]:
        way = model.engine.removeprefix("bergamot/").removesuffix(" 0a")
        return [f"{text} {way}{self.adds}" for text in texts]


@pytest.fixture
def translator() -> Watched:
    """One with a model for each of these pairs."""
    return Watched({pair: model(pair) for pair in PAIRS})


def say(translator: BergamotTranslator, source: str, language: str) -> tuple[str, str]:
    """What becomes of a line, and which engine is noted for it."""
    transcript = Transcript(source, "test", (Line(7, 0.0, 1.0, "Haus da"),))
    answer = translator.translate(transcript, language)
    return answer.lines[0].text, answer.engine


def test_what_there_is_no_model_for_goes_by_english(translator: Watched) -> None:
    """And a pair that has one of its own does not; the receipt names the weights of both."""
    assert ("Haus da de-pt", "bergamot/de-pt 0a") == say(translator, "de", "pt")
    by_english = ("Haus da de-en en-ja", "bergamot/de-en 0a, bergamot/en-ja 0a")
    assert by_english == say(translator, "de", "ja")


def test_what_leads_somewhere_is_offered(translator: Watched) -> None:
    """From each language, and from one that nobody has named."""
    offered = {code: translator.targets(code) for code in ("en", "de", "ja", "xx")}
    assert {"en": ("ja", "pt"), "de": ("en", "ja", "pt"), "ja": (), "xx": ()} == offered
    assert ("en", "ja", "pt") == translator.targets(AUTO)


@pytest.mark.parametrize("pair", [("ja", "en"), ("de", "fr"), ("en", "en"), (AUTO, "pt")])
def test_another_pair_is_refused_with_those_there_are(translator: Watched, pair: Pair) -> None:
    """And with how others are got."""
    with pytest.raises(LanguageNotAvailableError, match=r"en into ja, pt.*dub-admin models get"):
        say(translator, *pair)


def test_a_line_whose_digits_differ_is_told_of(translator: Watched) -> None:
    """By its id, not by its words; it is spoken all the same."""
    translator.adds = " 30"
    with capture_logs() as logs:
        say(translator, "en", "pt")
    assert [("a translation has other digits than its line", 7)] == [
        (log["event"], log["line"]) for log in logs
    ]
    assert "Haus" not in str(logs)


def test_files_that_are_no_model_are_an_error(tmp_path: Path) -> None:
    """Which says how to see that, and keeps the engine's words; no panic reaches anybody."""
    for name in "mstl":
        (tmp_path / name).write_bytes(b"no model" * 100)
    translator = BergamotTranslator({("en", "pt"): model(("en", "pt"), tmp_path)})
    for _ in range(2):
        with pytest.raises(EngineFailedError, match="dub-admin models verify") as failed:
            say(translator, "en", "pt")
        assert "Error" in str(failed.value.detail)
    translator.close()


def test_a_machine_without_the_package_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, translator: Watched
) -> None:
    """When a server starts."""
    translator.check()
    monkeypatch.setattr(bergamot, "PACKAGE", "a_package_that_is_not_here")
    with pytest.raises(
        EngineUnavailableError, match=r"install\.sh -e '\.\[local\]'.*IMAGE_EXTRAS=local"
    ):
        translator.check()


class TestLadder:
    """Translators by preference."""

    def test_a_pair_is_for_the_first_that_knows_it(self, translator: Watched) -> None:
        """Apertium for what only it has, and whoever it was is noted."""
        ladder = TranslatorLadder([translator, ApertiumTranslator()])
        lines = (Line(1, 0.0, 1.0, "the house"),)
        transcript = Transcript("en", "test", lines)
        portuguese, spanish = (ladder.translate(transcript, code) for code in ("pt", "es"))
        assert ("the house en-pt", "bergamot/en-pt 0a") == (
            portuguese.lines[0].text,
            portuguese.engine,
        )
        assert ("la casa", True) == (
            spanish.lines[0].text.lower(),
            spanish.engine.startswith("apertium"),
        )
        assert {"ja", "pt", "es", "ca"} <= set(ladder.targets("en"))
        assert portuguese.engine == ladder.engine_for("en", "pt")
        ladder.close()

    def test_what_nobody_knows_is_refused(self, translator: Watched) -> None:
        """With what there is."""
        ladder = TranslatorLadder([translator])
        with pytest.raises(LanguageNotAvailableError, match=r"English into ja, pt"):
            ladder.translate(Transcript("en", "test", ()), "fr")
