"""ElevenLabs: what its requests say, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import (
    LanguageNotAvailableError,
    ProviderError,
    ProviderRefusedError,
)
from dub_platform.core.style.casting import Casting
from resources.providers.paid_once import Bill
from resources.system.calls import CallPolicy
from resources.voice.capabilities import MODELS
from resources.voice.elevenlabs import ElevenLabsVoice, Expression
from resources.voice.port import Reading
from tests.support.servers.providers.elevenlabs_server import VOICES, ElevenLabsServer
from tests.support.servers.providers.speech_provider import Order, RefusedError, Request
from tests.support.servers.receivers import receiving

TEXT = "Mi padre era pescador y me enseñó a leer el viento."
READING = Reading(TEXT, "es", previous="Buenos días.", following="El agua está fría.")
CASTING = Casting.parse(f"es:2={VOICES[1]}, *:1={VOICES[2]}, fr={VOICES[3]}, default={VOICES[0]}")

MakeVoice = Callable[..., ElevenLabsVoice]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ElevenLabsServer]:
    """One that does as asked."""
    with ElevenLabsServer(tmp_path / "asked.jsonl") as opened:
        yield opened


@pytest.fixture
def make(server: ElevenLabsServer) -> MakeVoice:
    """Makes voices that talk to it."""

    def voice(casting: Casting = CASTING, **options: object) -> ElevenLabsVoice:
        return ElevenLabsVoice(server.key, casting, base_url=server.url, **options)  # type: ignore[arg-type]

    return voice


def spoken(voice: ElevenLabsVoice, into: Path, reading: Reading = READING) -> Bill:
    """What it cost."""
    bill = Bill()
    voice.speak(reading, into=into, bill=bill)
    return bill


def test_a_request_is_as_documented(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path
) -> None:
    """Text, model, voice, settings, format and both neighbours; no language where it is refused."""
    voice = make(expression=Expression(stability=0.3, speed=1.1))
    spoken(voice, tmp_path / "take.wav")
    (asked,) = server.asked()
    assert (VOICES[2], "pcm", 24_000) == (asked["voice"], asked["codec"], asked["rate"])
    assert {
        "model": "eleven_multilingual_v2",
        "model_id": "eleven_multilingual_v2",
        "output_format": "pcm_24000",
        "text": TEXT,
        "previous_text": "Buenos días.",
        "next_text": "El agua está fría.",
        "voice_settings": {"stability": 0.3, "similarity_boost": 0.75, "style": 0.0, "speed": 1.1},
    } == asked["noted"]


@pytest.mark.parametrize(
    "model", ["eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_flash_v2", "eleven_v3"]
)
def test_no_markup_reaches_a_model(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path, model: str
) -> None:
    """Not in a line nor beside it: some models obey tags, others what stands in brackets."""
    text = '<break time="60s"/> [shouts] <phoneme alphabet="ipa" ph="x">one</phoneme> & two ]]>'
    plain = '‹break time="60s"/› (shouts) ‹phoneme alphabet="ipa" ph="x"›one‹/phoneme› & two ))›'
    spoken(make(model=model), tmp_path / "take.wav", Reading(text, "en", "1", text, text))
    noted = server.asked()[0]["noted"]
    told = [noted[name] for name in ("text", "previous_text", "next_text") if name in noted]
    assert {plain} == set(told)
    assert (3 if MODELS[model].stitches else 1) == len(told)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("eleven_multilingual_v2", {"previous_text", "next_text"}),
        ("eleven_flash_v2_5", {"previous_text", "next_text", "language_code"}),
        ("eleven_v3", {"language_code"}),
    ],
)
def test_a_model_is_told_what_it_takes(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path, model: str, told: set[str]
) -> None:
    """Neighbours and the language code are each refused by some of them."""
    voice = make(model=model)
    spoken(voice, tmp_path / "take.wav")
    optional = {"previous_text", "next_text", "language_code"}
    assert told == optional & server.asked()[0]["noted"].keys()
    assert told - {"language_code"} == optional & voice.shape(READING).keys()


def test_each_speaker_has_the_voice_they_were_given(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path
) -> None:
    """In this language, in all of them, the language's own, or the default."""
    cast = [("es", "2"), ("es", "1"), ("fr", "2"), ("de", "2")]
    voice = make()
    for language, speaker in cast:
        spoken(voice, tmp_path / "take.wav", Reading(TEXT, language, speaker))
    assert [VOICES[1], VOICES[2], VOICES[3], VOICES[0]] == [
        entry["voice"] for entry in server.asked()
    ]


def test_all_that_shapes_the_sound_is_in_the_shape(make: MakeVoice) -> None:
    """Another model, voice, language, setting, format or neighbour is another take."""
    shapes = [
        make().shape(READING),
        make(model="eleven_flash_v2_5").shape(READING),
        make(expression=Expression(stability=0.4)).shape(READING),
        make(output_format="mp3_44100_128").shape(READING),
        make(casting=Casting.parse(f"default={VOICES[4]}")).shape(READING),
        make().shape(Reading(TEXT, "pt", previous="Buenos días.", following="El agua está fría.")),
        make().shape(Reading(TEXT, "es", previous="Buenos días.")),
        make().shape(Reading(TEXT, "es", following="El agua está fría.")),
    ]
    assert len(shapes) == len({str(shape) for shape in shapes})
    assert str(make(parallel=9, policy=CallPolicy(tries=1)).shape(READING)) == str(shapes[0])


def test_the_bill_is_what_the_answer_says(make: MakeVoice, tmp_path: Path) -> None:
    """A character of a fast model counts half, and the estimate knows."""
    voice = make(model="eleven_flash_v2_5", usd_per_1000_characters=0.2)
    bill = spoken(voice, tmp_path / "take.wav")
    assert (round(len(TEXT) / 2), "req_000001") == (bill.units, bill.request_id)
    assert pytest.approx(bill.units * 0.2 / 1000) == bill.cost_usd
    assert pytest.approx(bill.cost_usd, rel=0.05) == voice.cost_usd(TEXT)


def test_a_take_is_as_long_in_mp3_as_in_pcm(make: MakeVoice, tmp_path: Path) -> None:
    """It is decoded to the same WAV but for its rate."""
    import soundfile

    pcm, mp3 = tmp_path / "pcm.wav", tmp_path / "mp3.wav"
    spoken(make(), pcm)
    spoken(make(output_format="mp3_44100_128"), mp3)
    assert pytest.approx(soundfile.info(pcm).duration, abs=0.06) == soundfile.info(mp3).duration
    assert (24_000, 44_100) == (soundfile.info(pcm).samplerate, soundfile.info(mp3).samplerate)


def test_only_pcm_and_mp3_are_understood(make: MakeVoice) -> None:
    """Another format is refused when the engine is made."""
    for output_format in ("opus_48000_32", "wav", "pcm", "pcm_24000_1_2"):
        with pytest.raises(ValueError, match="neither pcm_RATE nor mp3_RATE_KBPS"):
            make(output_format=output_format)


def test_what_a_model_does_not_speak_is_refused_before_it_is_asked(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path
) -> None:
    """Catalan is spoken by the newest model only."""
    with pytest.raises(LanguageNotAvailableError, match="eleven_multilingual_v2 does not speak"):
        spoken(make(), tmp_path / "take.wav", Reading("Bon dia.", "ca"))
    assert [] == server.asked()
    spoken(make(model="eleven_v3"), tmp_path / "take.wav", Reading("Bon dia.", "ca"))


def test_a_model_that_is_not_known_yet_is_taken_for_the_newest(make: MakeVoice) -> None:
    """It is told the language and no neighbours, which every model takes."""
    assert MODELS["eleven_v3"].languages == make(model="eleven_v9").languages()
    assert "previous_text" not in make(model="eleven_v9").shape(READING)


@pytest.mark.parametrize(
    "options",
    [{"model": "eleven_v9"}, {"expression": Expression(speed=2.0)}],
    ids=["model", "speed"],
)
def test_what_elevenlabs_does_not_know_is_refused_once(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path, options: dict[str, object]
) -> None:
    """A mistake in the settings is the same at the next try, and nothing is charged for it."""
    with pytest.raises(ProviderRefusedError):
        spoken(make(**options), tmp_path / "take.wav")
    assert [0] == [entry["charged_characters"] for entry in server.asked()]


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """The key is in a header that would go along."""
    with receiving() as provider, receiving() as other:
        provider.answers, provider.location = [307], other.url
        voice = ElevenLabsVoice("sk_" + "0" * 48, CASTING, base_url=provider.url)
        with pytest.raises(ProviderError, match="307"):
            spoken(voice, tmp_path / "take.wav")
        assert provider.got
        assert [] == other.got


def test_an_empty_account_is_told_from_a_wrong_key(
    make: MakeVoice, server: ElevenLabsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are answered with 401, but different things help."""

    def read(_: Request) -> Order:
        raise RefusedError(401, "quota_exceeded", "You have 0 credits remaining.")

    monkeypatch.setattr(server, "read", read)
    with pytest.raises(ProviderRefusedError, match="no credit left: 401: quota_exceeded: You have"):
        spoken(make(), tmp_path / "take.wav")
    assert 1 == len(server.asked())


def test_a_plan_that_is_full_is_waited_for(tmp_path: Path) -> None:
    """More at once than the plan allows is tried again, and all lines are spoken."""
    with ElevenLabsServer(tmp_path / "asked.jsonl", at_once=2) as server:
        policy = CallPolicy(tries=20, first_pause=0.05, longest_pause=0.2)
        voice = ElevenLabsVoice(server.key, CASTING, base_url=server.url, policy=policy)

        def speak(number: int) -> Bill:
            return spoken(voice, tmp_path / f"{number}.wav")

        bills = at_once([lambda number=number: speak(number) for number in range(6)])  # type: ignore[misc]
        refused = [entry for entry in server.asked() if entry["status"] == 429]
    assert [len(TEXT)] * 6 == [bill.units for bill in bills]
    assert refused
