"""The recognisers of other packages, or the one that DUB_TRANSCRIBER names."""

from __future__ import annotations

import pytest

from dub_platform import wiring
from dub_platform.contracts.buying import VIDEO, require_paid_once
from dub_platform.contracts.transcribers import Recording, TranscriberContract
from dub_platform.engines import TranscriberEngine, choose
from dub_platform.settings import Settings
from resources.transcriber.port import Transcriber


@pytest.fixture(scope="module")
def transcriber(transcriber_settings: Settings) -> Transcriber:
    return wiring.transcriber(transcriber_settings, wiring.store(transcriber_settings))


class TestTranscriber(TranscriberContract):
    """What every recogniser promises, and what this one declares."""

    def test_it_is_what_is_declared(
        self, transcriber: Transcriber, transcriber_settings: Settings
    ) -> None:
        """Whether it can tell languages."""
        assert transcriber.detects_languages == wiring.detects_languages(transcriber_settings)

    def test_nothing_is_paid_twice(self, transcriber_settings: Settings, speech: Recording) -> None:
        """What was bought is found by the next process, and a cap stops what would be bought."""

        def buy(settings: Settings, what: Recording) -> float:
            made = wiring.transcriber(settings, wiring.store(settings))
            audio, spans, language = what
            return made.transcribe(audio, spans, language, VIDEO).cost_usd

        choice = choose(transcriber_settings, TranscriberEngine)
        is_paid = choice.ask(choice.declared.facts).usd_per_minute > 0.0
        require_paid_once(transcriber_settings, buy, speech, is_paid=is_paid)
