"""From settings to engines: one variable per role, and nothing else knows the settings.

    store = wiring.store(Settings())

An engine that lacks what it needs says so here, when a server starts, and not in the middle of a
video.
"""

from __future__ import annotations

from collections.abc import Callable

from dub_platform.core.cost import Caps, Prices
from dub_platform.registry import Registry, Source, SqlRegistry
from dub_platform.registry.ledger import PaidCalls
from dub_platform.settings import PRICES_TAKEN_ON, Settings
from resources.downloader import Downloader, Downloaders, UploadDownloader, YouTubeDownloader
from resources.ledger import CappedLedger, Ledger
from resources.mixer import BlockMixer, Mixer
from resources.probe import Prober
from resources.store import LocalStore
from resources.takes import TakeKeeper
from resources.transcriber import PocketsphinxTranscriber, Transcriber
from resources.translator import ApertiumTranslator, Translator
from resources.voice import EspeakVoice, Voice
from resources.workfolder import WorkFolders


def registry(settings: Settings) -> Registry:
    """The registry, on whatever database the settings name."""
    return SqlRegistry.at(settings.registry_url)


def store(settings: Settings) -> LocalStore:
    """DUB_STORE: local."""
    return LocalStore(settings.store_dir, f"{settings.base_url}/media")


def folders(settings: Settings) -> WorkFolders:
    """Where steps write before the store has it."""
    return WorkFolders(settings.spool_dir)


def downloader(settings: Settings) -> Downloaders:
    """DUB_DOWNLOADER: youtube takes uploads too."""
    engines: dict[Source, Downloader] = {Source.UPLOAD: UploadDownloader(store(settings))}
    if settings.downloader == "youtube":
        engines[Source.YOUTUBE] = YouTubeDownloader(settings.max_video_length)
    return Downloaders(engines)


def probe(settings: Settings) -> Prober:
    """What refuses files that cannot be dubbed."""
    return Prober(settings.max_video_length)


def transcriber(_: Settings) -> Transcriber:
    """DUB_TRANSCRIBER: pocketsphinx."""
    return PocketsphinxTranscriber()


def translator(_: Settings) -> Translator:
    """DUB_TRANSLATOR: apertium. Raises EngineUnavailableError where it is not installed."""
    engine = ApertiumTranslator()
    engine.check()
    return engine


def voice(_: Settings) -> Voice:
    """DUB_VOICE: espeak."""
    return EspeakVoice()


def mixer(_: Settings) -> Mixer:
    """The one mixer there is."""
    return BlockMixer()


def takes(settings: Settings) -> TakeKeeper:
    """The voice, with the memory of what it has spoken."""
    return TakeKeeper(store(settings), voice(settings), folders(settings))


def prices(settings: Settings) -> Prices:
    """What the chosen engines charge; the keyless ones charge nothing."""
    translated, spoken = settings.translator != "apertium", settings.voice != "espeak"
    return Prices(
        taken_on=PRICES_TAKEN_ON,
        transcription_per_minute=(
            settings.price_transcription_per_minute_usd if settings.transcriber == "openai" else 0.0
        ),
        translation_per_million_input_tokens=(
            settings.price_translation_per_million_input_tokens_usd if translated else 0.0
        ),
        translation_per_million_output_tokens=(
            settings.price_translation_per_million_output_tokens_usd if translated else 0.0
        ),
        speech_per_thousand_characters=(
            settings.price_speech_per_thousand_characters_usd if spoken else 0.0
        ),
    )


def paid_calls(settings: Settings) -> PaidCalls:
    """The table of what was paid, in the registry's database."""
    return PaidCalls.at(settings.registry_url)


def ledger(settings: Settings) -> Ledger:
    """What is paid, under the caps of this deployment."""
    caps = Caps(settings.cost_cap_per_video_usd, settings.cost_cap_per_day_usd)
    return CappedLedger(paid_calls(settings), caps)


def targets(settings: Settings) -> Callable[[str], tuple[str, ...]]:
    """What a source language can be dubbed into: translated and then spoken."""
    translates, speaks = translator(settings), frozenset(voice(settings).languages())
    return lambda source: tuple(code for code in translates.targets(source) if code in speaks)
