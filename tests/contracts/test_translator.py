"""What every translator promises."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.contracts.translators import HOSTILE, TranslatorContract
from dub_platform.core.errors import EngineUnavailableError, LanguageNotAvailableError
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Line, Transcript
from dub_platform.core.style.brief import Brief
from dub_platform.core.style.glossary import Glossary
from dub_platform.settings import Settings
from resources.store.local import LocalStore
from resources.translator.apertium import ApertiumTranslator
from resources.translator.bergamot import BergamotTranslator
from resources.translator.chat import OpenAIChat, TokenPrice
from resources.translator.ladder import TranslatorLadder
from resources.translator.openai import OpenAITranslator
from resources.translator.port import Translator
from tests.support import weights
from tests.support.processes import is_gone
from tests.support.recipes.speech import BOATS, FISHERMAN, HARBOR, LIGHTHOUSE, MARKET, WATER
from tests.support.servers.providers.accounts import Accounts
from tests.support.servers.providers.openai_server import OpenAIServer

# Of each language that Apertium can write at all: the head word of "the house", as the dictionary
# has it.
KNOWN = {"ca": "casa", "eo": "domo", "es": "casa", "gl": "casa"}
# The house, and a sentence with what is in its English, as the keyless engine writes it.
KNOWN_INTO_ENGLISH = {
    "ca": ("la casa", "El meu pare era pescador.", "father was"),
    "eo": ("la domo", "La akvo estas malvarma.", "water is cold"),
    "es": ("la casa", "Mi padre era pescador.", "father was"),
    "gl": ("a casa", "A auga está fría.", "water is cold"),
}
# Those whose data this system's release has; each is here in both directions.
HOUSE = {code: KNOWN[code] for code in ApertiumTranslator().targets("en")}
INTO_ENGLISH = {code: KNOWN_INTO_ENGLISH[code] for code in HOUSE}
# With real weights, which are fetched.
BERGAMOT = pytest.param("bergamot", marks=[pytest.mark.long, pytest.mark.xdist_group("weights")])


# One worker starts its pipelines, once for all that it promises.
WARM = pytest.param("warm", marks=pytest.mark.xdist_group("apertium"), id="apertium")


@pytest.fixture(params=[WARM, "openai", BERGAMOT])
def translator(request: pytest.FixtureRequest) -> Translator:
    """Each engine in turn."""
    made: Translator = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApertiumTranslator]:
    """Apertium, as it is installed, in a folder of its own."""
    made, place = ApertiumTranslator(), tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(place)
        for language in HOUSE:
            translated(made, language, "the house")
        yield made
        made.close()
    assert [] == list(place.iterdir()), "A line had a stage write where it works."


@pytest.fixture
def apertium() -> Iterator[ApertiumTranslator]:
    """One that has translated nothing yet: what came before can change what Catalan becomes."""
    made = ApertiumTranslator()
    yield made
    made.close()


@pytest.fixture
def openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAITranslator]:
    """A model at a server on this machine, with nothing paid for yet."""
    folder = tmp_path_factory.mktemp("openai")
    with OpenAIServer() as server:
        made = OpenAITranslator(
            OpenAIChat(server.api_key, "gpt-5.4-mini", server.base_url),
            TokenPrice(0.75, 4.50),
            LocalStore(folder / "store", "http://127.0.0.1/media"),
            Accounts.below(folder).ledger(),
        )
        yield made
        made.close()


@pytest.fixture
def bergamot(tmp_path: Path) -> Iterator[Translator]:
    """Bergamot with the pairs that packages carry, and Apertium for the others."""
    models = weights.bring("bergamot/en-pt", "bergamot/pt-en")
    settings = Settings(home=tmp_path, translator="bergamot", models_dir=models.root)
    made = wiring.translator(settings, wiring.store(settings))
    yield made
    made.close()


def transcript(*texts: str, spoken: str = "en") -> Transcript:
    """A transcript of these lines, English unless said, with ids that are not positions."""
    lines = tuple(Line(7 * n + 3, float(n), n + 0.9, text) for n, text in enumerate(texts))
    return Transcript(spoken, "test", lines)


def translated(translator: Translator, language: str, *texts: str, spoken: str = "en") -> list[str]:
    """The texts in the language."""
    asked = transcript(*texts, spoken=spoken)
    return [line.text for line in translator.translate(asked, language).lines]


class TestTranslator(TranslatorContract):
    """The list of every translator; what follows needs to know what is said."""


@pytest.mark.parametrize("language", HOUSE)
def test_a_house_is_a_house(translator: Translator, language: str) -> None:
    """A looked-up word is in the translation, in every language."""
    assert language in translator.targets("en")
    (text,) = translated(translator, language, "the house")
    assert HOUSE[language] in text.lower()


def test_every_line_is_there_under_its_id(translator: Translator) -> None:
    """Same ids, same order, each translated on its own."""
    asked = transcript(HARBOR, FISHERMAN, WATER, MARKET)
    answer = translator.translate(asked, "es")
    assert [line.id for line in asked.lines] == [line.id for line in answer.lines]
    assert ("es", translator.engine_for("en", "es")) == (answer.language, answer.engine)
    assert "puerto" in answer.lines[0].text
    assert "padre" in answer.lines[1].text


def test_the_same_line_is_translated_the_same_whatever_came_before(
    translator: Translator,
) -> None:
    """A line's translation does not depend on the lines around it."""
    alone = translated(translator, "es", WATER)
    assert alone == translated(translator, "es", HARBOR, *HOSTILE, WATER)[-1:]


@pytest.mark.parametrize("language", HOUSE)
def test_hostile_text_is_only_text(
    translator: Translator, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line has an answer, the next one too, and nothing in a line is obeyed."""
    monkeypatch.chdir(tmp_path)
    texts = translated(translator, language, *HOSTILE, "the house")
    assert [] == [text for text in texts if not text.strip()]
    assert HOUSE[language] in texts[-1].lower()
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("language", HOUSE)
def test_characters_of_the_engines_own_language_survive(
    translator: Translator, language: str
) -> None:
    """Brackets, carets, backslashes and the like come out as they went in."""
    (text,) = translated(translator, language, "[b] {c} ^d$ /e \\f @g <h> i&j *k #l ~m 😀")
    assert [] == [mark for mark in r"[]{}^$/\@<>&*#~😀" if mark not in text]


def test_a_line_keeps_its_capital_and_has_no_double_spaces(translator: Translator) -> None:
    """It can be shown as a caption as it is."""
    texts = translated(translator, "es", FISHERMAN, LIGHTHOUSE, BOATS, "He said it.")
    assert [] == [text for text in texts if text != " ".join(text.split())]
    assert [] == [text for text in texts if not text[0].isupper() or " ," in text or " ." in text]


def test_a_wording_is_heeded_as_promised(translator: Translator) -> None:
    """An engine that says it heeds none translates as if nothing had been said."""
    brief = Brief(formality="formal", glossary=Glossary({"house": {"es": "vivienda"}}))
    (told,) = translator.translate(transcript("the house"), "es", brief).lines
    word = "vivienda" if translator.heeds_wording else HOUSE["es"]
    assert word in told.text.lower()


def test_threads_get_their_own_answers(translator: Translator) -> None:
    """Two dubs translated at once do not mix their lines."""
    answers: dict[str, list[str]] = {}

    def translate(language: str, text: str) -> None:
        answers[text] = translated(translator, language, *[text] * 10)

    pairs = [("es", HARBOR), ("es", WATER), ("ca", MARKET)]
    threads = [threading.Thread(target=translate, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {text: translated(translator, code, text) * 10 for code, text in pairs} == answers


def test_it_can_be_used_after_close(translator: Translator) -> None:
    """close() lets go of what was warm; the next line warms it again."""
    before = translated(translator, "es", WATER)
    translator.close()
    assert before == translated(translator, "es", WATER)


@pytest.mark.long
@pytest.mark.xdist_group("weights")
class TestBergamot:
    """What is promised of every language, in the one that there are weights for."""

    def test_it_says_what_is_said(self, bergamot: Translator) -> None:
        """A house, a sentence, and both in the other direction; the receipt has the weights."""
        house, father = translated(bergamot, "pt", "the house", "My father was a fisherman.")
        assert "casa" in house
        assert "Meu pai" in father
        (back,) = translated(bergamot, "en", "Meu pai era pescador.", spoken="pt")
        assert "father was a fisherman" in back
        answer = bergamot.translate(transcript("the house"), "pt")
        assert re.fullmatch(r"bergamot/en-pt [0-9a-f]{12}", answer.engine)

    def test_hostile_text_is_only_text(self, bergamot: Translator) -> None:
        """Every line has an answer, and the next one too."""
        texts = translated(bergamot, "pt", *HOSTILE, "the house")
        assert [] == [text for text in texts if not text.strip()]
        assert "casa" in texts[-1]

    def test_what_models_damage_comes_through(self, bergamot: Translator) -> None:
        """Numbers, an address, tags, capitals, a name with other letters, notes and odd signs."""
        said = translated(
            bergamot,
            "pt",
            "It cost $1,299.99 in 2024.",
            "Write to <b>bob@example.org</b> or see https://example.org/a?b=1 now.",
            "PLEASE STOP THE CAR NOW",
            "Nguyễn Văn An came home.",
            "♪ la la la ♪",
            "[b] {c} ^d$ /e \\f @g <h> i&j *k #l ~m 😀",
        )
        assert {"1", "299", "99", "2024"} == set(re.findall(r"\d+", said[0]))
        assert "<b>bob@example.org</b>" in said[1]
        assert "https://example.org/a?b=1" in said[1]
        assert "PARE O CARRO" in said[2]
        assert said[3].startswith("Nguyễn Văn An ")
        assert said[4].startswith("♪ ")
        assert "[b] {c} ^d$ /e \\f @g <h> i&j *k #l ~m 😀" == said[5]

    def test_no_process_is_left_after_close(self, bergamot: Translator) -> None:
        """It is one for all pairs, and begins anew with the next line."""
        before = translated(bergamot, "pt", WATER)
        assert isinstance(bergamot, TranslatorLadder)
        engine = bergamot.translators[0]
        assert isinstance(engine, BergamotTranslator)
        started = engine._process.pids()
        assert 1 == len(started)
        bergamot.close()
        assert is_gone(*started)
        assert before == translated(bergamot, "pt", WATER)


@pytest.mark.xdist_group("apertium")
class TestApertium:
    """What only Apertium has: modes, pipelines, marks."""

    def test_every_release_has_spanish_and_catalan(self) -> None:
        """What is not here is not tried either: these two must be."""
        assert {"ca", "es"} <= set(HOUSE)

    @pytest.mark.parametrize("spoken", INTO_ENGLISH)
    def test_what_it_writes_from_english_it_writes_in_english(
        self, warm: ApertiumTranslator, spoken: str
    ) -> None:
        """A sentence of each, from the language and into no other."""
        assert ("en",) == warm.targets(spoken)
        house, sentence, said = INTO_ENGLISH[spoken]
        texts = translated(warm, "en", sentence, *HOSTILE, house, spoken=spoken)
        assert said in texts[0]
        assert texts[-1].lower() in ("the house", "the home")
        assert [] == [text for text in texts if not text.strip()]

    def test_english_keeps_its_own_capitals(self, warm: ApertiumTranslator) -> None:
        """What a Spanish sentence has in small letters, English writes in capitals."""
        (text,) = translated(warm, "en", "Mi padre y yo vemos la tele.", spoken="es")
        assert ["I", "TV"] == [word for word in re.findall(r"\w+", text) if word.isupper()]

    @pytest.mark.parametrize("pair", [("es", "ca"), ("ca", "es"), (AUTO, "es"), (AUTO, "en")])
    def test_one_of_a_pair_is_english(
        self, warm: ApertiumTranslator, pair: tuple[str, str]
    ) -> None:
        """Any other pair is refused, and a language that nobody named, with all pairs there are."""
        spoken, language = pair
        with pytest.raises(LanguageNotAvailableError) as refused:
            translated(warm, language, WATER, spoken=spoken)
        offers = dict.fromkeys(HOUSE, "en") | {"en": ", ".join(HOUSE)}
        listed = "; ".join(f"{code} into {offers[code]}" for code in sorted(offers))
        assert refused.value.sentence.endswith(f"It translates {listed}.")

    @pytest.mark.parametrize("spoken", INTO_ENGLISH)
    def test_warm_is_as_good_as_cold_into_english(
        self, apertium: ApertiumTranslator, spoken: str
    ) -> None:
        """What the command line says of each line, one after the other from one pipeline."""
        lines = [sentence for _, sentence, _ in INTO_ENGLISH.values()]
        cold = _cold(apertium, (spoken, "en"), "\n\n".join(lines)).split("\n\n")
        warm = translated(apertium, "en", *lines, spoken=spoken)
        assert [_bare(text) for text in cold] == [_bare(text) for text in warm]

    @pytest.mark.parametrize("language", HOUSE)
    def test_warm_is_as_good_as_cold(self, apertium: ApertiumTranslator, language: str) -> None:
        """The warm pipeline says what the command line says, spaces and first capital apart."""
        texts = [
            HARBOR,
            FISHERMAN,
            WATER,
            MARKET,
            LIGHTHOUSE,
            BOATS,
            "today the market is full of fresh fish and bread",
            'He said "hello" — ok…',
            "Dr. Smith paid $5.50 (or 10%) for it; didn't he?",
            "about ~5 people ~ ok",
            "Is this it? Yes! No...",
            "I'm sure they'd've gone, zzyzx.",
        ]
        cold = _cold(apertium, ("en", language), "\n\n".join(texts)).split("\n\n")
        assert [_bare(text) for text in cold] == [
            _bare(text) for text in translated(apertium, language, *texts)
        ]

    def test_unknown_words_are_not_marked(self, warm: ApertiumTranslator) -> None:
        """A word no dictionary has comes through bare."""
        (text,) = translated(warm, "es", "the zzyzx quux")
        assert ["zzyzx", "quux"] == text.split()[-2:]

    def test_one_pipeline_stays_for_each_language(self, apertium: ApertiumTranslator) -> None:
        """The second transcript meets the same processes."""
        translated(apertium, "es", WATER)
        before = pids(apertium)
        translated(apertium, "es", MARKET)
        assert before == pids(apertium)
        translated(apertium, "ca", MARKET)
        assert set(before) < set(pids(apertium))

    def test_a_killed_stage_costs_no_line(self, apertium: ApertiumTranslator) -> None:
        """Whichever stage dies between two lines, the next one is translated."""
        before = translated(apertium, "ca", WATER)
        for stage in range(len(pids(apertium))):
            os.kill(pids(apertium)[stage], signal.SIGKILL)
            assert before == translated(apertium, "ca", WATER)

    def test_no_process_is_left_after_close(self, apertium: ApertiumTranslator) -> None:
        """All stages of all languages end."""
        translated(apertium, "es", WATER)
        translated(apertium, "ca", WATER)
        started = pids(apertium)
        apertium.close()
        assert is_gone(*started)

    def test_missing_data_are_said_with_their_packages(self, tmp_path: Path) -> None:
        """Where there are no modes, there are no targets, and the check names what to install."""
        apertium = ApertiumTranslator(modes=tmp_path)
        assert () == apertium.targets("en")
        with pytest.raises(EngineUnavailableError, match="apertium-eng-spa apertium-eng-cat"):
            apertium.check()

    def test_a_machine_without_apertium_has_no_targets(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Data without the programs are of no use either; nothing fails before the check."""
        monkeypatch.setenv("PATH", str(tmp_path))
        apertium = ApertiumTranslator()
        assert ("apertium", ()) == (apertium.engine, apertium.targets("en"))

    def test_only_what_is_installed_is_a_target(self, tmp_path: Path) -> None:
        """One mode file, one pair, in one direction."""
        (tmp_path / "eng-cat.mode").write_text("cat")
        apertium = ApertiumTranslator(modes=tmp_path)
        apertium.check()
        pairs = {spoken: apertium.targets(spoken) for spoken in ("en", "ca", AUTO)}
        assert {"en": ("ca",), "ca": (), AUTO: ("ca",)} == pairs

    @pytest.mark.parametrize("mode", ["eng-spa", "en-es"])
    def test_data_are_found_under_their_older_name(self, tmp_path: Path, mode: str) -> None:
        """Ubuntu 22.04 has Spanish as it was called before."""
        (tmp_path / f"{mode}.mode").write_text("cat")
        assert ("es",) == ApertiumTranslator(modes=tmp_path).targets("en")

    def test_a_version_that_is_not_said_is_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """An older apertium answers the question with its usage."""
        (tmp_path / "apertium").write_text("#!/bin/sh\necho USAGE: apertium; exit 1\n")
        (tmp_path / "apertium").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        assert "apertium" == ApertiumTranslator().engine

    def test_the_receipt_has_the_version(self, warm: ApertiumTranslator) -> None:
        """The engine is Apertium as it is installed."""
        name, number = warm.engine.split()
        assert "apertium" == name
        assert 3 == len(number.split("."))


def pids(apertium: ApertiumTranslator) -> Sequence[int]:
    """The processes of all its pipelines, in their order."""
    return [pid for pipeline in apertium._pipelines.values() for pid in pipeline.pids()]


def _cold(apertium: ApertiumTranslator, pair: tuple[str, str], text: str) -> str:
    mode = apertium._find_mode(pair)
    assert mode
    done = subprocess.run(
        ["apertium", "-u", mode.stem],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()
