"""Our voices, as pyproject.toml names them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dub_platform.core.style.casting import IN_TURN, Casting
from dub_platform.engines import provisions
from dub_platform.engines.declarations import Chosen, VoiceEngine
from resources.models.catalogue import read_catalogue
from resources.voice.capabilities import (
    ESPEAK_FACTS,
    ESPEAK_LANGUAGES,
    OPENAI_FACTS,
    VoiceFacts,
    codes,
    elevenlabs_facts,
)

if TYPE_CHECKING:
    from resources.voice.port import Voice

# The models that are named where none of the kind is here.
USUAL_KOKORO, USUAL_PIPER = "v1.0-int8", "en_US-joe-medium"


def make_espeak(_chosen: Chosen) -> Voice:
    from resources.voice.espeak import EspeakVoice

    return EspeakVoice()


def make_piper(chosen: Chosen) -> Voice:
    from resources.voice.espeak import EspeakVoice
    from resources.voice.ladder import VoiceLadder

    return VoiceLadder([*_piper(chosen, needed=True), EspeakVoice()])


def make_kokoro(chosen: Chosen) -> Voice:
    from resources.voice.espeak import EspeakVoice
    from resources.voice.ladder import VoiceLadder

    return VoiceLadder([_kokoro(chosen), *_piper(chosen, needed=False), EspeakVoice()])


def _kokoro(chosen: Chosen) -> Voice:
    from resources.voice.kokoro import KokoroVoice
    from resources.voice.neural import Weights

    settings, there = chosen.settings, chosen.models
    model = next(iter(there.list_installed("kokoro")), None) or there.find("kokoro", USUAL_KOKORO)
    return KokoroVoice(
        Weights(model.path("kokoro.onnx"), model.engine),
        Casting.parse(settings.kokoro_voices, default=IN_TURN),
        threads=settings.most_threads,
        idle_seconds=settings.model_idle_seconds,
    )


def _piper(chosen: Chosen, *, needed: bool) -> list[Voice]:
    """Piper with all of its voices that are here, or none where none is."""
    from resources.voice.neural import Weights
    from resources.voice.piper import PiperVoice

    settings, there = chosen.settings, chosen.models
    found = there.list_installed("piper") or ((there.find("piper", USUAL_PIPER),) if needed else ())
    weights = [Weights(model.path("voice.onnx"), model.engine) for model in found]
    casting = Casting.parse(settings.piper_voices, default=IN_TURN)
    idle_seconds = settings.model_idle_seconds
    made = PiperVoice(weights, casting, threads=settings.most_threads, idle_seconds=idle_seconds)
    return [made] if weights else []


def make_elevenlabs(chosen: Chosen) -> Voice:
    from resources.voice.elevenlabs import ElevenLabsVoice, Expression

    settings = chosen.settings
    return ElevenLabsVoice(
        provisions.secret(settings.elevenlabs_api_key),
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
        policy=chosen.policy,
    )


def make_openai(chosen: Chosen) -> Voice:
    from resources.voice.openai import OpenAIVoice

    settings = chosen.settings
    server = settings.openai_server("speech")
    price = settings.price_speech_per_thousand_characters_usd
    return OpenAIVoice(
        provisions.secret(server.key),
        Casting.parse(settings.openai_voices),
        model=settings.openai_speech_model,
        # Bare samples have the rate that OpenAI's have; a file says which it is.
        output_format="pcm" if server.is_openai else "wav",
        base_url=server.base_url,
        key_setting=server.key_variable,
        languages=settings.languages_of_speech_server,
        usd_per_1000_characters=0.0 if server.is_free else price,
        parallel=settings.speech_at_once,
        policy=provisions.policy(settings, server),
    )


def _openai_facts(chosen: Chosen) -> VoiceFacts:
    settings = chosen.settings
    is_free = settings.openai_server("speech").is_free
    return replace(
        OPENAI_FACTS,
        languages=settings.languages_of_speech_server or OPENAI_FACTS.languages,
        usd_per_1000_characters=0.0 if is_free else OPENAI_FACTS.usd_per_1000_characters,
    )


def _local_facts(chosen: Chosen, usual: str, *kinds: str) -> VoiceFacts:
    """What models of these kinds speak that are here, and eSpeak NG below them.

    The first kind is asked before the others.
    """
    entries = [model.entry for kind in kinds for model in chosen.models.list_installed(kind)]
    # The machine that answers requests may be without the models of those that speak.
    if not any(entry.kind == kinds[0] for entry in entries):
        entries.insert(0, read_catalogue()[usual])
    spoken: dict[str, str] = {}
    for entry in entries:
        spoken |= {code: entry.full_name for code in entry.languages if code not in spoken}
    return VoiceFacts(codes(*spoken, *ESPEAK_LANGUAGES), models=spoken, otherwise="espeak")


ESPEAK = VoiceEngine(
    about="eSpeak NG: over a hundred languages, by a robot.",
    facts=lambda _: ESPEAK_FACTS,
    make=make_espeak,
)
PIPER = VoiceEngine(
    about="Piper's voices on the processor; eSpeak NG for languages that none of them speaks.",
    needs="a model for each language",
    facts=lambda chosen: _local_facts(chosen, f"piper/{USUAL_PIPER}", "piper"),
    make=make_piper,
)
KOKORO = VoiceEngine(
    about="Kokoro on the processor; Piper's voices and eSpeak NG for other languages.",
    needs="a model",
    facts=lambda chosen: _local_facts(chosen, f"kokoro/{USUAL_KOKORO}", "kokoro", "piper"),
    make=make_kokoro,
)
ELEVENLABS = VoiceEngine(
    about="ElevenLabs' voices.",
    needs="a key, voices",
    facts=lambda chosen: elevenlabs_facts(chosen.settings.elevenlabs_model),
    make=make_elevenlabs,
)
OPENAI = VoiceEngine(
    about="OpenAI, or any server that speaks its API.",
    needs="a key",
    facts=_openai_facts,
    make=make_openai,
)
