"""Our translators, as pyproject.toml names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dub_platform.engines import provisions
from dub_platform.engines.declarations import Chosen, TranslatorEngine
from resources.models.catalogue import read_catalogue
from resources.models.coverage import pair_of
from resources.translator.capabilities import (
    TranslatorFacts,
    apertium_facts,
    bergamot_facts,
    openai_facts,
)

if TYPE_CHECKING:
    from dub_platform.settings import Settings
    from resources.models.installed import Model
    from resources.store.port import Store
    from resources.translator.bergamot import PairModel
    from resources.translator.port import Translator

# The model that is named where none of Bergamot's is here.
USUAL_PAIR = "en-pt"


def make_apertium(_chosen: Chosen, _store: Store) -> Translator:
    from resources.translator.apertium import ApertiumTranslator

    engine = ApertiumTranslator()
    engine.check()
    return engine


def make_bergamot(chosen: Chosen, _store: Store) -> Translator:
    from resources.translator.apertium import ApertiumTranslator
    from resources.translator.bergamot import BergamotTranslator
    from resources.translator.ladder import TranslatorLadder

    there = chosen.models
    found = there.list_installed("bergamot") or (there.find("bergamot", USUAL_PAIR),)
    engine = BergamotTranslator(
        {pair_of(model.entry): _pair(model) for model in found},
        idle_seconds=chosen.settings.model_idle_seconds,
    )
    engine.check()
    return TranslatorLadder([engine, ApertiumTranslator()])


def _pair(model: Model) -> PairModel:
    from resources.translator.bergamot import PairModel

    # Pairs of scripts that share no letters have a vocabulary on each side.
    shared = any(file.name == "vocab.spm" for file in model.entry.files)
    source, target = ("vocab.spm",) * 2 if shared else ("srcvocab.spm", "trgvocab.spm")
    return PairModel(
        model.engine,
        model.path("model.bin"),
        model.path(source),
        model.path(target),
        model.path("lex.bin"),
    )


def make_openai(chosen: Chosen, store: Store) -> Translator:
    return openai_translator(
        chosen.settings, store, "translation", chosen.settings.openai_translation_model
    )


def openai_translator(settings: Settings, store: Store, work: str, model: str) -> Translator:
    """Make a translator of a language model at the server for this work."""
    from resources.translator.chat import PATIENT, OpenAIChat, TokenPrice
    from resources.translator.openai import OpenAITranslator

    server, prices = settings.openai_server(work), _openai_facts(settings, work)
    return OpenAITranslator(
        OpenAIChat(
            provisions.secret(server.key),
            model,
            server.base_url,
            provisions.policy(settings, server, PATIENT),
            key_setting=server.key_variable,
        ),
        TokenPrice(prices.usd_per_million_input_tokens, prices.usd_per_million_output_tokens),
        store,
        provisions.ledger(settings),
    )


def _openai_facts(settings: Settings, work: str) -> TranslatorFacts:
    """What a model can do at the server for this work, which may be one that charges nobody."""
    if settings.openai_server(work).is_free:
        return openai_facts()
    return openai_facts(
        settings.price_translation_per_million_input_tokens_usd,
        settings.price_translation_per_million_output_tokens_usd,
    )


def _bergamot_facts(chosen: Chosen) -> TranslatorFacts:
    # The machine that answers requests may be without the models of those that translate.
    found = [model.entry for model in chosen.models.list_installed("bergamot")]
    entries = found or [read_catalogue()[f"bergamot/{USUAL_PAIR}"]]
    return bergamot_facts({pair_of(entry): entry.full_name for entry in entries})


APERTIUM = TranslatorEngine(
    about="Apertium's rules, between English and a few languages.",
    needs="Debian's packages of Apertium",
    facts=lambda _: apertium_facts(),
    make=make_apertium,
)
BERGAMOT = TranslatorEngine(
    about="Firefox' models on the processor; Apertium for what there is no model for.",
    needs="the extra `local`, a model for each pair",
    facts=_bergamot_facts,
    make=make_bergamot,
)
OPENAI = TranslatorEngine(
    about="A language model of OpenAI, or at any server that speaks its API.",
    needs="a key",
    facts=lambda chosen: _openai_facts(chosen.settings, "translation"),
    make=make_openai,
)
