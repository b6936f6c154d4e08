"""From settings to what the platform is made of: each role's engine is chosen by its name.

    store = wiring.store(Settings())
    wiring.targets(Settings())("en")        # from what engines say of themselves; none is imported

An engine that lacks what it needs says so here, when a server starts, and not in the middle of a
video.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.languages import AUTO, nearest_voice
from dub_platform.core.mixing import SIDES_DEPTH_DB, Ducking
from dub_platform.core.service.cost import Prices
from dub_platform.engines import (
    SeparatorEngine,
    StoreEngine,
    TranscriberEngine,
    TranscriberFacts,
    TranslatorEngine,
    TranslatorFacts,
    VoiceEngine,
    VoiceFacts,
    choose,
)
from dub_platform.engines.provisions import agreed_usd, ledger, paid_calls, secret
from dub_platform.engines.translators import openai_translator
from dub_platform.observability.reports import Reporter
from dub_platform.registry import Registry, Source, SqlRegistry
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.first_answers import FirstAnswers
from dub_platform.registry.speaking_rates import SpeakingRates
from dub_platform.registry.tallies import Tallies
from dub_platform.registry.transactions.events import EventLog
from dub_platform.registry.webhooks import Webhooks
from dub_platform.settings import PRICES_TAKEN_ON, Settings
from resources.catalogue.removal import Remover
from resources.media.probe import Prober
from resources.store.port import Store
from resources.system.workfolder import WorkFolders

if TYPE_CHECKING:
    from resources.catalogue.retention import Retention
    from resources.downloader.port import Downloaders
    from resources.fitting.rewriter import Rewriter
    from resources.fitting.speaker import Speaker
    from resources.fitting.speaking_rates import Paces
    from resources.listening.takes import TakeHearer
    from resources.mixer.mixing import Mixing
    from resources.mixer.port import Mixer
    from resources.separator.beds import BedKeeper
    from resources.separator.port import Separator
    from resources.transcriber.port import Transcriber
    from resources.translator.port import Translator
    from resources.voice.port import Voice
    from resources.voice.takes import TakeKeeper

REDIS_SECONDS = 1.0
DRAFT_SECONDS = 30.0
FFMPEG_CHECKED = "ffmpeg-checked.txt"


def registry(settings: Settings) -> Registry:
    """The registry, on whatever database the settings name."""
    return SqlRegistry.at(settings.registry_url)


def api_keys(settings: Settings) -> ApiKeys:
    """The keys, in the registry's database."""
    return ApiKeys.at(settings.registry_url)


def events(settings: Settings) -> EventLog:
    """What happened, in the registry's database."""
    return EventLog.at(settings.registry_url)


def webhooks(settings: Settings) -> Webhooks:
    """Who is told what happens, in the registry's database."""
    return Webhooks.at(settings.registry_url)


def store(settings: Settings, client: Any = None) -> Store:
    """DUB_STORE, by a client for its server that the process has already, if there is one.

    Raises EngineUnavailableError.
    """
    choice = choose(settings, StoreEngine)
    return choice.make(choice.declared.make, choice.chosen, client)


def folders(settings: Settings) -> WorkFolders:
    """Where steps write before the store has it."""
    return WorkFolders(settings.spool_dir)


def retention(settings: Settings, kept: Store) -> Retention:
    """What removes that which nothing refers to any more."""
    from resources.catalogue.retention import Retention

    keep = timedelta(days=settings.retention_days)
    return Retention(kept, registry(settings), folders(settings), keep, first_answers(settings))


def remover(settings: Settings, kept: Store) -> Remover:
    """What deletes that which was made of a removed video."""
    return Remover(kept, paid_calls(settings))


def downloader(settings: Settings, kept: Store) -> Downloaders:
    """DUB_DOWNLOADER: youtube takes uploads too."""
    from resources.downloader.port import Downloader, Downloaders
    from resources.downloader.upload import UploadDownloader

    engines: dict[Source, Downloader] = {Source.UPLOAD: UploadDownloader(kept)}
    if settings.downloader == "youtube":
        from resources.downloader.youtube import YouTubeDownloader

        youtube = YouTubeDownloader(
            settings.max_video_length,
            host_video=settings.host_video,
            cookies=settings.youtube_cookies,
            proxy=secret(settings.youtube_proxy) or None,
            po_token_url=settings.youtube_po_token_url.rstrip("/") or None,
        )
        youtube.check()
        engines[Source.YOUTUBE] = youtube
    return Downloaders(engines)


def ffmpeg(settings: Settings) -> None:
    """DUB_FFMPEG: what works on media in this process. Raises EngineUnavailableError."""
    from resources.media import ffmpeg as media
    from resources.media.features import require_capable

    program = settings.ffmpeg or media.find_in_wheel()
    require_capable(program, known=settings.home / FFMPEG_CHECKED)
    media.choose(program)


def probe(settings: Settings) -> Prober:
    """What refuses files that cannot be dubbed."""
    return Prober(settings.max_video_length)


def transcriber(settings: Settings, kept: Store) -> Transcriber:
    """DUB_TRANSCRIBER. Raises EngineUnavailableError."""
    choice = choose(settings, TranscriberEngine)
    return choice.make(choice.declared.make, choice.chosen, kept)


def translator(settings: Settings, kept: Store) -> Translator:
    """DUB_TRANSLATOR. Raises EngineUnavailableError."""
    choice = choose(settings, TranslatorEngine)
    return choice.make(choice.declared.make, choice.chosen, kept)


def voice(settings: Settings) -> Voice:
    """DUB_VOICE. Raises EngineUnavailableError."""
    choice = choose(settings, VoiceEngine)
    return choice.make(choice.declared.make, choice.chosen)


def detects_languages(settings: Settings) -> bool:
    """Whether DUB_TRANSCRIBER can tell which language is spoken."""
    return _transcriber_facts(settings).detects_languages


def source_language(settings: Settings) -> str:
    """DUB_SOURCE_LANGUAGE. Raises EngineUnavailableError for an `auto` that nobody can tell."""
    if settings.source_language == AUTO and not detects_languages(settings):
        raise EngineUnavailableError(
            "DUB_SOURCE_LANGUAGE is auto, but the recogniser that DUB_TRANSCRIBER chooses cannot "
            "tell languages. Name the language, or choose faster-whisper or whisper (a model that "
            "knows more than English), openai or elevenlabs."
        )
    return settings.source_language


def mixer(settings: Settings) -> Mixer:
    """The one mixer there is, with what becomes of the original voice."""
    from resources.mixer.blocks import BlockMixer

    # Where the voice is taken out, the rest makes as much room as the sides of any bed do.
    depth_db = -SIDES_DEPTH_DB if settings.original == "remove" else settings.duck_depth_db
    ducking = Ducking(depth_db, settings.duck_attack_seconds, settings.duck_release_seconds)
    return BlockMixer(ducking, original=settings.original != "voice")


def separator(settings: Settings) -> Separator:
    """DUB_ORIGINAL: remove has DUB_SEPARATOR take the voice out. Raises EngineUnavailableError."""
    if settings.original == "remove":
        choice = choose(settings, SeparatorEngine)
        return choice.ask(choice.declared.make)
    from resources.separator.ducking import DuckingSeparator

    return DuckingSeparator()


def beds(settings: Settings, kept: Store) -> BedKeeper:
    """The separator, with the memory of what it has made."""
    from resources.separator.beds import BedKeeper

    return BedKeeper(kept, separator(settings), folders(settings))


def mixing(settings: Settings, kept: Store) -> Mixing:
    """What tracks are mixed over, and what mixes them."""
    from resources.mixer.mixing import Mixing

    return Mixing(beds(settings, kept), mixer(settings))


def takes(settings: Settings, kept: Store) -> TakeKeeper:
    """The voice, with the memory of what it has spoken."""
    from resources.voice.takes import TakeKeeper

    keep = timedelta(days=settings.retention_days)
    return TakeKeeper(kept, voice(settings), folders(settings), ledger(settings), keep)


def draft_takes(settings: Settings, kept: Store) -> TakeKeeper:
    """The same for somebody who waits for one line: a provider is not tried for as long."""
    seconds = min(settings.provider_deadline_seconds or DRAFT_SECONDS, DRAFT_SECONDS)
    hurried = {
        "provider_deadline_seconds": seconds,
        "provider_try_seconds": min(settings.provider_try_seconds or seconds, seconds),
    }
    return takes(settings.model_copy(update=hurried), kept)


def take_hearer(settings: Settings, kept: Store) -> TakeHearer | None:
    """DUB_HEAR_TAKES: who hears takes again, on this machine, so that it costs nothing.

    None where nobody is to. Raises EngineUnavailableError.
    """
    if settings.hear_takes == "off":
        return None
    from resources.listening.takes import TakeHearer

    listens = settings.model_copy(update={"transcriber": "faster-whisper"})
    return TakeHearer(transcriber(listens, kept), refuses=settings.hear_takes == "refuse")


def rewriter(
    settings: Settings, kept: Store, keeper: TakeKeeper, translates: Translator
) -> Rewriter:
    """What says lines shorter that do not fit once they are spoken: a model of its own, or who
    translates."""
    from resources.fitting.rewriter import Rewriter

    if model := settings.openai_rewriting_model:
        translates = openai_translator(settings, kept, "rewriting", model)
    return Rewriter(keeper, translates, settings.rewrite_share)


def paces(settings: Settings, kept: Store, speaks: Voice) -> Paces:
    """How fast the voice speaks, as the registry's database knows it."""
    from resources.fitting.speaking_rates import Paces

    return Paces(SpeakingRates.at(settings.registry_url), speaks, kept)


def speaker(settings: Settings, kept: Store, translates: Translator) -> Speaker:
    """The voice, with what it has spoken, how fast it speaks, and what says lines shorter."""
    from resources.fitting.speaker import Speaker

    spoken = takes(settings, kept)
    rewrites = rewriter(settings, kept, spoken, translates)
    return Speaker(spoken, rewrites, paces(settings, kept, spoken.voice))


def prices(settings: Settings) -> Prices:
    """What the chosen engines charge; the keyless ones charge nothing."""
    translates = _translator_facts(settings)
    # As the voice itself counts, for the ledger: a character of some models is half of one.
    speech = _voice_facts(settings).cost_usd(
        1000 * "a", settings.price_speech_per_thousand_characters_usd
    )
    return Prices(
        taken_on=PRICES_TAKEN_ON,
        transcription_per_minute=agreed_usd(
            _transcriber_facts(settings).usd_per_minute, settings.price_transcription_per_minute_usd
        ),
        translation_per_million_input_tokens=translates.usd_per_million_input_tokens,
        translation_per_million_output_tokens=translates.usd_per_million_output_tokens,
        speech_per_thousand_characters=speech,
    )


def first_answers(settings: Settings) -> FirstAnswers:
    """The table of what requests with an Idempotency-Key were answered."""
    return FirstAnswers.at(settings.registry_url)


def tallies(settings: Settings) -> Tallies:
    """What is counted in the registry's database."""
    return Tallies.at(settings.registry_url)


def reporter(settings: Settings) -> Reporter:
    """SENTRY_DSN: whom failures are told to."""
    dsn = secret(settings.sentry_dsn)
    return Reporter(
        dsn,
        release=settings.release,
        environment=settings.environment,
        traces_sample_rate=settings.traces_sample_rate,
        secrets=settings.secrets,
    )


def redis_check(settings: Settings) -> Callable[[], None]:
    """What returns while DUB_REDIS_URL answers, and soon raises else."""
    from redis import Redis

    limits = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    client = Redis.from_url(str(settings.redis_url), **limits)

    def answers() -> None:
        client.ping()

    return answers


def heeds_wording(settings: Settings) -> bool:
    """Whether DUB_TRANSLATOR heeds a glossary and a formality."""
    return _translator_facts(settings).heeds_wording


def targets(settings: Settings) -> Callable[[str], tuple[str, ...]]:
    """What a source language, or `auto`, can be dubbed into: translated and then spoken."""
    translates = _translator_facts(settings)
    speaks = _voice_facts(settings).languages
    return lambda source: tuple(
        code for code in translates.targets(source) if nearest_voice(code, speaks)
    )


def makers(settings: Settings) -> Callable[[str, str], tuple[tuple[str, ...], str]]:
    """Who translates a source into a language here, two where it goes by English, and who speaks
    it, by the names of engines or their models."""
    translates, speaks = _translator_facts(settings), _voice_facts(settings)
    return lambda source, language: (
        translates.list_models(source, language) or (settings.translator,),
        speaks.find_model(language) or settings.voice,
    )


def _transcriber_facts(settings: Settings) -> TranscriberFacts:
    choice = choose(settings, TranscriberEngine)
    return choice.ask(choice.declared.facts)


def _translator_facts(settings: Settings) -> TranslatorFacts:
    choice = choose(settings, TranslatorEngine)
    return choice.ask(choice.declared.facts)


def _voice_facts(settings: Settings) -> VoiceFacts:
    choice = choose(settings, VoiceEngine)
    return choice.ask(choice.declared.facts)
