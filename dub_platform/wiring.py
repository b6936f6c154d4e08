"""From settings to engines: one variable per role, and nothing else knows the settings.

    store = wiring.store(Settings())
    wiring.targets(Settings())("en")        # from what engines say of themselves; none is imported

An engine that lacks what it needs says so here, when a server starts, and not in the middle of a
video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.languages import AUTO
from dub_platform.core.mixing import SIDES_DEPTH_DB, Ducking
from dub_platform.core.service.cost import Caps, Prices
from dub_platform.core.style.casting import IN_TURN, Casting
from dub_platform.observability.reports import Reporter
from dub_platform.registry import Registry, Source, SqlRegistry
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.first_answers import FirstAnswers
from dub_platform.registry.ledger import PaidCalls
from dub_platform.registry.speaking_rates import SpeakingRates
from dub_platform.registry.tallies import Tallies
from dub_platform.registry.transactions.events import EventLog
from dub_platform.registry.webhooks import Webhooks
from dub_platform.settings import PRICES_TAKEN_ON, OpenAIServer, Settings
from resources.catalogue.removal import Remover
from resources.media.probe import Prober
from resources.models.catalogue import read_catalogue
from resources.models.installed import Model, ModelFolder
from resources.providers.ledger import CappedLedger, Ledger
from resources.store.local import LocalStore
from resources.store.port import Store
from resources.system.calls import CallPolicy
from resources.system.workfolder import WorkFolders
from resources.transcriber.capabilities import USD_PER_MINUTE, tells_languages
from resources.translator.capabilities import TranslatorFacts, facts_of_translator
from resources.voice.capabilities import facts_of_voice

if TYPE_CHECKING:
    from resources.catalogue.retention import Retention
    from resources.downloader.port import Downloaders
    from resources.fitting.rewriter import Rewriter
    from resources.fitting.speaker import Speaker
    from resources.fitting.speaking_rates import Paces
    from resources.mixer.mixing import Mixing
    from resources.mixer.port import Mixer
    from resources.separator.beds import BedKeeper
    from resources.separator.port import Separator
    from resources.transcriber.port import Transcriber
    from resources.translator.bergamot import PairModel
    from resources.translator.port import Translator
    from resources.voice.port import Voice
    from resources.voice.takes import TakeKeeper

REDIS_SECONDS = 1.0
DRAFT_SECONDS = 30.0
# The models that are named where none of the kind is here.
KOKORO, PIPER, BERGAMOT = "v1.0-int8", "en_US-joe-medium", "en-pt"
AS_USUAL = CallPolicy()
# A model on a machine of one's own writes a page in minutes, and nobody charges for a try.
OWN_SERVER = CallPolicy(try_seconds=600.0, deadline_seconds=1800.0)
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


def store(settings: Settings, s3: Any = None) -> Store:
    """DUB_STORE: local, r2. `s3` is a boto3 client to use instead of one of our own."""
    if settings.store == "local":
        return LocalStore(settings.store_dir, f"{settings.base_url}/media")
    # boto3 costs a process three tenths of a second.
    from resources.store.s3 import S3Store

    return S3Store(
        s3 or bucket_client(settings),
        bucket=settings.r2_bucket,
        public_bucket=settings.r2_public_bucket,
        public_url=settings.r2_public_url or f"{settings.base_url}/media",
        is_public=bool(settings.r2_public_url),
    )


def bucket_client(settings: Settings) -> Any:
    """A boto3 client for the two buckets of DUB_STORE=r2."""
    from resources.store.s3 import client

    keys = secret(settings.r2_access_key_id), secret(settings.r2_secret_access_key)
    return client(settings.r2_endpoint, *keys)


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


def models(settings: Settings) -> ModelFolder:
    """DUB_MODELS_DIR: the weights of engines on this machine, which runs only read."""
    return ModelFolder(settings.models_folder)


def transcriber(settings: Settings, kept: Store) -> Transcriber:
    """DUB_TRANSCRIBER: pocketsphinx, faster-whisper, whisper, openai, elevenlabs.

    Raises EngineUnavailableError.
    """
    if settings.transcriber == "faster-whisper":
        return _faster_whisper(settings)
    if settings.transcriber == "whisper":
        from resources.transcriber.whisper import WhisperTranscriber

        return WhisperTranscriber(
            settings.whisper_model,
            settings.whisper_device,
            threads=settings.most_threads,
            idle_seconds=settings.model_idle_seconds,
        )
    if settings.transcriber == "openai":
        return _openai_transcriber(settings, kept)
    if settings.transcriber == "elevenlabs":
        from resources.transcriber.elevenlabs import ElevenLabsTranscriber

        return ElevenLabsTranscriber(
            secret(settings.elevenlabs_api_key),
            settings.elevenlabs_transcription_model,
            store=kept,
            ledger=ledger(settings),
            usd_per_minute=_transcription_price(settings),
            base_url=settings.elevenlabs_base_url,
            policy=policy(settings),
        )
    from resources.transcriber.pocketsphinx import PocketsphinxTranscriber

    return PocketsphinxTranscriber()


def _faster_whisper(settings: Settings) -> Transcriber:
    from resources.transcriber.faster_whisper import FasterWhisperTranscriber

    folder, name = Path(settings.whisper_model).expanduser(), settings.whisper_model
    # A folder of one's own, which the manager of models knows nothing of.
    if not (folder.is_absolute() or folder.is_dir()):
        model = models(settings).find("whisper", settings.whisper_model)
        folder, name = model.folder, model.engine
    return FasterWhisperTranscriber(
        folder.absolute(),
        name,
        settings.whisper_device,
        settings.most_threads,
        idle_seconds=settings.model_idle_seconds,
    )


def detects_languages(settings: Settings) -> bool:
    """Whether DUB_TRANSCRIBER can tell which language is spoken."""
    return tells_languages(settings.transcriber, settings.whisper_model)


def source_language(settings: Settings) -> str:
    """DUB_SOURCE_LANGUAGE. Raises EngineUnavailableError for an `auto` that nobody can tell."""
    if settings.source_language == AUTO and not detects_languages(settings):
        raise EngineUnavailableError(
            "DUB_SOURCE_LANGUAGE is auto, but the recogniser that DUB_TRANSCRIBER chooses cannot "
            "tell languages. Name the language, or choose faster-whisper or whisper (a model that "
            "knows more than English), openai or elevenlabs."
        )
    return settings.source_language


def _transcription_price(settings: Settings) -> float:
    """What a minute of speech costs; nothing on this machine."""
    listed = USD_PER_MINUTE.get(settings.transcriber, 0.0)
    given = settings.price_transcription_per_minute_usd
    usd = given if listed and given is not None else listed
    own = settings.transcriber == "openai"
    return _price(usd, settings.openai_server("transcription")) if own else usd


def _openai_transcriber(settings: Settings, kept: Store) -> Transcriber:
    from resources.transcriber.openai import OpenAITranscriber

    server = settings.openai_server("transcription")
    return OpenAITranscriber(
        secret(server.key),
        settings.openai_transcription_model,
        store=kept,
        ledger=ledger(settings),
        usd_per_minute=_transcription_price(settings),
        base_url=server.base_url,
        key_setting=server.key_variable,
        policy=policy(settings, server),
    )


def translator(settings: Settings, kept: Store) -> Translator:
    """DUB_TRANSLATOR: apertium, bergamot, openai. Raises EngineUnavailableError."""
    if settings.translator == "openai":
        model = settings.openai_translation_model
        return _openai_translator(settings, kept, "translation", model)
    from resources.translator.apertium import ApertiumTranslator

    if settings.translator == "bergamot":
        from resources.translator.ladder import TranslatorLadder

        return TranslatorLadder([_bergamot(settings), ApertiumTranslator()])
    engine = ApertiumTranslator()
    engine.check()
    return engine


def _openai_translator(settings: Settings, kept: Store, work: str, model: str) -> Translator:
    """A language model at the server for this work."""
    from resources.translator.chat import PATIENT, OpenAIChat, TokenPrice
    from resources.translator.openai import OpenAITranslator

    server = settings.openai_server(work)
    return OpenAITranslator(
        OpenAIChat(
            secret(server.key),
            model,
            server.base_url,
            policy(settings, server, PATIENT),
            key_setting=server.key_variable,
        ),
        TokenPrice(
            _price(settings.price_translation_per_million_input_tokens_usd, server),
            _price(settings.price_translation_per_million_output_tokens_usd, server),
        ),
        kept,
        ledger(settings),
    )


def _bergamot(settings: Settings) -> Translator:
    from resources.translator.bergamot import BergamotTranslator

    there = models(settings)
    found = there.list_installed("bergamot") or (there.find("bergamot", BERGAMOT),)
    engine = BergamotTranslator(
        {(model.entry.languages[0], model.entry.languages[1]): _pair(model) for model in found},
        idle_seconds=settings.model_idle_seconds,
    )
    engine.check()
    return engine


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


def voice(settings: Settings) -> Voice:
    """DUB_VOICE: espeak, piper, kokoro, elevenlabs, openai. Raises EngineUnavailableError."""
    if settings.voice == "elevenlabs":
        return _elevenlabs(settings)
    if settings.voice == "openai":
        return _openai_voice(settings)
    from resources.voice.espeak import EspeakVoice
    from resources.voice.ladder import VoiceLadder

    if settings.voice == "kokoro":
        return VoiceLadder([_kokoro(settings), *_piper(settings, needed=False), EspeakVoice()])
    if settings.voice == "piper":
        return VoiceLadder([*_piper(settings, needed=True), EspeakVoice()])
    return EspeakVoice()


def _openai_voice(settings: Settings) -> Voice:
    from resources.voice.openai import OpenAIVoice

    server = settings.openai_server("speech")
    price = settings.price_speech_per_thousand_characters_usd
    return OpenAIVoice(
        secret(server.key),
        Casting.parse(settings.openai_voices),
        model=settings.openai_speech_model,
        # Bare samples have the rate that OpenAI's have; a file says which it is.
        output_format="pcm" if server.is_openai else "wav",
        base_url=server.base_url,
        key_setting=server.key_variable,
        languages=settings.languages_of_speech_server,
        usd_per_1000_characters=0.0 if server.is_free else price,
        parallel=settings.speech_at_once,
        policy=policy(settings, server),
    )


def _kokoro(settings: Settings) -> Voice:
    from resources.voice.kokoro import KokoroVoice
    from resources.voice.neural import Weights

    there = models(settings)
    model = next(iter(there.list_installed("kokoro")), None) or there.find("kokoro", KOKORO)
    return KokoroVoice(
        Weights(model.path("kokoro.onnx"), model.engine),
        Casting.parse(settings.kokoro_voices, default=IN_TURN),
        threads=settings.most_threads,
        idle_seconds=settings.model_idle_seconds,
    )


def _piper(settings: Settings, *, needed: bool) -> list[Voice]:
    """Piper with all of its voices that are here, or none where none is."""
    from resources.voice.neural import Weights
    from resources.voice.piper import PiperVoice

    there = models(settings)
    found = there.list_installed("piper") or ((there.find("piper", PIPER),) if needed else ())
    weights = [Weights(model.path("voice.onnx"), model.engine) for model in found]
    casting = Casting.parse(settings.piper_voices, default=IN_TURN)
    idle_seconds = settings.model_idle_seconds
    made = PiperVoice(weights, casting, threads=settings.most_threads, idle_seconds=idle_seconds)
    return [made] if weights else []


def _elevenlabs(settings: Settings) -> Voice:
    from resources.voice.elevenlabs import ElevenLabsVoice, Expression

    return ElevenLabsVoice(
        secret(settings.elevenlabs_api_key),
        Casting.parse(settings.elevenlabs_voices),
        model=settings.elevenlabs_model,
        base_url=settings.elevenlabs_base_url,
        usd_per_1000_characters=settings.price_speech_per_thousand_characters_usd,
        parallel=settings.speech_at_once,
        expression=Expression(
            stability=settings.elevenlabs_stability,
            similarity_boost=settings.elevenlabs_similarity,
            style=settings.elevenlabs_style,
            speed=settings.elevenlabs_speed,
        ),
        output_format=settings.elevenlabs_output_format,
        policy=policy(settings),
    )


def mixer(settings: Settings) -> Mixer:
    """The one mixer there is, with what becomes of the original voice."""
    from resources.mixer.blocks import BlockMixer

    # Where the voice is taken out, the rest makes as much room as the sides of any bed do.
    depth_db = -SIDES_DEPTH_DB if settings.original == "remove" else settings.duck_depth_db
    ducking = Ducking(depth_db, settings.duck_attack_seconds, settings.duck_release_seconds)
    return BlockMixer(ducking, original=settings.original != "voice")


def separator(settings: Settings) -> Separator:
    """DUB_ORIGINAL: remove takes the voice out. Raises EngineUnavailableError."""
    if settings.original == "remove":
        from resources.separator.demucs import DemucsSeparator

        return DemucsSeparator(settings.demucs_model, settings.model_idle_seconds)
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


def rewriter(
    settings: Settings, kept: Store, keeper: TakeKeeper, translates: Translator
) -> Rewriter:
    """What says lines shorter that do not fit once they are spoken: a model of its own, or who
    translates."""
    from resources.fitting.rewriter import Rewriter

    if model := settings.openai_rewriting_model:
        translates = _openai_translator(settings, kept, "rewriting", model)
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


def policy(
    settings: Settings, server: OpenAIServer | None = None, usual: CallPolicy = AS_USUAL
) -> CallPolicy:
    """How long and how often a provider is tried, or a server of one's own, which is slower."""
    if server and server.is_free:
        usual = OWN_SERVER
    tried = settings.provider_try_seconds or usual.try_seconds
    deadline = settings.provider_deadline_seconds or max(usual.deadline_seconds, tried)
    return CallPolicy(try_seconds=tried, deadline_seconds=deadline)


def _price(usd: float, server: OpenAIServer) -> float:
    """What a server charges: one that wants no key charges nobody."""
    return 0.0 if server.is_free else usd


def prices(settings: Settings) -> Prices:
    """What the chosen engines charge; the keyless ones charge nothing."""
    writes, translated = settings.openai_server("translation"), _translator_facts(settings).is_paid
    tokens_in = settings.price_translation_per_million_input_tokens_usd
    tokens_out = settings.price_translation_per_million_output_tokens_usd
    return Prices(
        taken_on=PRICES_TAKEN_ON,
        transcription_per_minute=_transcription_price(settings),
        translation_per_million_input_tokens=_price(tokens_in, writes) if translated else 0.0,
        translation_per_million_output_tokens=_price(tokens_out, writes) if translated else 0.0,
        # As the voice itself counts, for the ledger: a character of some models is half of one.
        speech_per_thousand_characters=_speech_price(settings),
    )


def _speech_price(settings: Settings) -> float:
    facts = facts_of_voice(settings.voice, settings.elevenlabs_model)
    usd = facts.cost_usd(1000 * "a", settings.price_speech_per_thousand_characters_usd)
    return _price(usd, settings.openai_server("speech")) if settings.voice == "openai" else usd


def paid_calls(settings: Settings) -> PaidCalls:
    """The table of what was paid, in the registry's database."""
    return PaidCalls.at(settings.registry_url)


def first_answers(settings: Settings) -> FirstAnswers:
    """The table of what requests with an Idempotency-Key were answered."""
    return FirstAnswers.at(settings.registry_url)


def ledger(settings: Settings) -> Ledger:
    """What is paid, under the caps of this deployment."""
    caps = Caps(settings.cost_cap_per_video_usd, settings.cost_cap_per_day_usd)
    return CappedLedger(paid_calls(settings), caps)


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


def secret(value: SecretStr | None) -> str:
    """What a setting hides; the settings have checked that it is there."""
    return value.get_secret_value() if value else ""


def heeds_wording(settings: Settings) -> bool:
    """Whether DUB_TRANSLATOR heeds a glossary and a formality."""
    return _translator_facts(settings).heeds_wording


def targets(settings: Settings) -> Callable[[str], tuple[str, ...]]:
    """What a source language, or `auto`, can be dubbed into: translated and then spoken."""
    translates, speaks = _translator_facts(settings), frozenset(_spoken(settings))
    return lambda source: tuple(code for code in translates.targets(source) if code in speaks)


def _translator_facts(settings: Settings) -> TranslatorFacts:
    # The machine that answers requests may be without the models of those that translate.
    found = [model.entry for model in models(settings).list_installed("bergamot")]
    entries = found or [read_catalogue()[f"bergamot/{BERGAMOT}"]]
    pairs = [(entry.languages[0], entry.languages[1]) for entry in entries]
    return facts_of_translator(settings.translator, pairs)


def _spoken(settings: Settings) -> Iterator[str]:
    """The languages of DUB_VOICE, and of those that speak where it cannot."""
    there, known = models(settings), read_catalogue()
    asked = {"piper": (PIPER,), "kokoro": (KOKORO,)}.get(settings.voice, ())
    if asked:
        found = [*there.list_installed("piper"), *there.list_installed("kokoro")]
        kinds = ("piper",) if settings.voice == "piper" else ("piper", "kokoro")
        entries = [model.entry for model in found if model.entry.kind in kinds]
        # The machine that answers requests may be without the models of those that speak.
        entries += [known[f"{settings.voice}/{name}"] for name in asked]
        yield from (code for entry in entries for code in entry.languages)
    known_best = settings.languages_of_speech_server if settings.voice == "openai" else ()
    yield from known_best or facts_of_voice(settings.voice, settings.elevenlabs_model).languages
