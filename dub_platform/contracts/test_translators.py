"""The translators of other packages, or the one that DUB_TRANSLATOR names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dub_platform import wiring
from dub_platform.contracts.buying import VIDEO, require_paid_once
from dub_platform.contracts.translators import SENTENCES, TranslatorContract, transcript_for
from dub_platform.core.languages import AUTO
from dub_platform.core.style.brief import Brief
from dub_platform.engines import TranslatorEngine, TranslatorFacts, choose
from dub_platform.settings import Settings
from resources.translator.port import Translator


@pytest.fixture(scope="module")
def translator(translator_settings: Settings) -> Iterator[Translator]:
    made = wiring.translator(translator_settings, wiring.store(translator_settings))
    yield made
    made.close()


@pytest.fixture(scope="module")
def facts(translator_settings: Settings) -> TranslatorFacts:
    choice = choose(translator_settings, TranslatorEngine)
    return choice.ask(choice.declared.facts)


class TestTranslator(TranslatorContract):
    """What every translator promises, and what this one declares."""

    def test_it_is_what_is_declared(self, translator: Translator, facts: TranslatorFacts) -> None:
        """Its pairs, and whether it heeds a wording."""
        for source in (AUTO, "xx", *SENTENCES):
            assert facts.targets(source) == translator.targets(source)
        assert facts.heeds_wording == translator.heeds_wording

    def test_nothing_is_paid_twice(
        self, translator_settings: Settings, facts: TranslatorFacts
    ) -> None:
        """What was bought is found by the next process, and a cap stops what would be bought."""

        def buy(settings: Settings, text: str) -> float:
            made = wiring.translator(settings, wiring.store(settings))
            asked = transcript_for(made, text)
            target = made.targets(asked.language)[0]
            answer = made.translate(asked, target, Brief(video_id=VIDEO))
            made.close()
            return answer.cost_usd

        is_paid = facts.usd_per_million_output_tokens > 0.0
        require_paid_once(translator_settings, buy, "The boat is here.", is_paid=is_paid)
