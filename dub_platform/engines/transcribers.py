"""Our recognisers, as pyproject.toml names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dub_platform.engines import provisions
from dub_platform.engines.declarations import Chosen, TranscriberEngine
from resources.transcriber.capabilities import (
    ELEVENLABS_USD,
    OPENAI_USD,
    TranscriberFacts,
    whisper_facts,
)

if TYPE_CHECKING:
    from resources.store.port import Store
    from resources.transcriber.port import Transcriber


def make_pocketsphinx(_chosen: Chosen, _store: Store) -> Transcriber:
    from resources.transcriber.pocketsphinx import PocketsphinxTranscriber

    return PocketsphinxTranscriber()


def make_faster_whisper(chosen: Chosen, _store: Store) -> Transcriber:
    from resources.transcriber.faster_whisper import FasterWhisperTranscriber

    settings = chosen.settings
    folder, name = Path(settings.whisper_model).expanduser(), settings.whisper_model
    # A folder of one's own, which the manager of models knows nothing of.
    if not (folder.is_absolute() or folder.is_dir()):
        model = chosen.models.find("whisper", settings.whisper_model)
        folder, name = model.folder, model.engine
    return FasterWhisperTranscriber(
        folder.absolute(),
        name,
        settings.whisper_device,
        settings.most_threads,
        idle_seconds=settings.model_idle_seconds,
    )


def make_whisper(chosen: Chosen, _store: Store) -> Transcriber:
    from resources.transcriber.whisper import WhisperTranscriber

    settings, name = chosen.settings, chosen.settings.whisper_model
    return WhisperTranscriber(
        name,
        settings.whisper_device,
        threads=settings.most_threads,
        idle_seconds=settings.model_idle_seconds,
        checkpoint=_find_checkpoint(chosen, name),
    )


def _find_checkpoint(chosen: Chosen, name: str) -> Path | None:
    """Where the model of this name is; None for a file of one's own, or a name of none."""
    from resources.transcriber.whisper import MODELS, SHORT_NAMES

    if name not in MODELS:
        return None
    file = f"{SHORT_NAMES.get(name, name)}.pt"
    return chosen.models.find("whisper-torch", file).path(file)


def make_openai(chosen: Chosen, store: Store) -> Transcriber:
    from resources.transcriber.openai import OpenAITranscriber

    settings = chosen.settings
    server = settings.openai_server("transcription")
    return OpenAITranscriber(
        provisions.secret(server.key),
        settings.openai_transcription_model,
        store=store,
        ledger=chosen.ledger,
        usd_per_minute=_openai_facts(chosen).usd_per_minute,
        base_url=server.base_url,
        key_setting=server.key_variable,
        policy=provisions.policy(settings, server),
    )


def make_elevenlabs(chosen: Chosen, store: Store) -> Transcriber:
    from resources.transcriber.elevenlabs import ElevenLabsTranscriber

    settings = chosen.settings
    return ElevenLabsTranscriber(
        provisions.secret(settings.elevenlabs_api_key),
        settings.elevenlabs_transcription_model,
        store=store,
        ledger=chosen.ledger,
        usd_per_minute=_price_minutes(chosen, ELEVENLABS_USD).usd_per_minute,
        base_url=settings.elevenlabs_base_url,
        policy=chosen.policy,
    )


def _openai_facts(chosen: Chosen) -> TranscriberFacts:
    is_free = chosen.settings.openai_server("transcription").is_free
    return _price_minutes(chosen, 0.0 if is_free else OPENAI_USD)


def _price_minutes(chosen: Chosen, listed: float) -> TranscriberFacts:
    usd = provisions.agreed_usd(listed, chosen.settings.price_transcription_per_minute_usd)
    return TranscriberFacts(detects_languages=True, usd_per_minute=usd)


POCKETSPHINX = TranscriberEngine(
    about="PocketSphinx on the processor: English, a word at a time, without marks.",
    facts=lambda _: TranscriberFacts(detects_languages=False),
    make=make_pocketsphinx,
)
FASTER_WHISPER = TranscriberEngine(
    about="Whisper on the processor or a GPU, by CTranslate2.",
    needs="the extra `local`, a model",
    facts=lambda chosen: whisper_facts(chosen.settings.whisper_model),
    make=make_faster_whisper,
)
WHISPER = TranscriberEngine(
    about="OpenAI's Whisper, by torch.",
    needs="the extra `whisper`, a model",
    facts=lambda chosen: whisper_facts(chosen.settings.whisper_model),
    make=make_whisper,
)
OPENAI = TranscriberEngine(
    about="OpenAI, or any server that speaks its API.",
    needs="a key",
    facts=_openai_facts,
    make=make_openai,
)
ELEVENLABS = TranscriberEngine(
    about="ElevenLabs' Scribe, which tells speakers apart.",
    needs="a key",
    facts=lambda chosen: _price_minutes(chosen, ELEVENLABS_USD),
    make=make_elevenlabs,
)
