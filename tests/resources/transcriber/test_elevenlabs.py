"""ElevenLabs' Scribe over HTTP: what is sent, what is made of the answers, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dub_platform.core.errors import (
    LanguageNotAvailableError,
    ProviderAnswerError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from dub_platform.core.speech import Span
from resources.store.local import LocalStore
from resources.system.calls import CallPolicy
from resources.transcriber.elevenlabs import ElevenLabsTranscriber
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.speech import music, write_wav
from tests.support.servers.providers.accounts import Accounts
from tests.support.servers.providers.elevenlabs_audio import ElevenLabsAudioServer
from tests.support.servers.providers.openai_audio import Said, always
from tests.support.servers.providers.speech_provider import Fault, Faults

TEXT = "Good morning, and welcome to the harbor."
QUICK = CallPolicy(try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS, first_pause=0.001)
SPEECH = (Span(0.5, 3.5), Span(4.5, 6.5))
Make = Callable[..., ElevenLabsTranscriber]


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """Seven seconds in which something sounds."""
    path = tmp_path / "speech.wav"
    write_wav(path, music(7.0))
    return path


@pytest.fixture
def server() -> Iterator[ElevenLabsAudioServer]:
    """ElevenLabs, which hears the same in every sound."""
    with ElevenLabsAudioServer(always(Said(TEXT))) as started:
        yield started


@pytest.fixture
def make(server: ElevenLabsAudioServer, tmp_path: Path) -> Make:
    """A transcriber at the local server."""

    def made(key: str = server.key, model: str = "scribe_v2") -> ElevenLabsTranscriber:
        return ElevenLabsTranscriber(
            key,
            model,
            store=LocalStore(tmp_path / "store", "http://127.0.0.1"),
            ledger=Accounts.below(tmp_path).ledger(),
            base_url=server.origin,
            policy=QUICK,
        )

    return made


def test_words_come_with_marks_times_and_how_sure_they_are(
    server: ElevenLabsAudioServer, make: Make, audio: Path
) -> None:
    """In one request for all of the speech, which alone is sent; spaces and sounds are no words."""
    heard = make().transcribe(audio, SPEECH, "en", video_id="ID")
    words = [word for segment in heard.segments for word in segment.words]
    assert TEXT.split() == [word.text for word in words]
    assert all(any(span.start <= w.start < w.end <= span.end for span in SPEECH) for w in words)
    assert {0.82} == {round(word.confidence, 2) for word in words}
    [asked] = server.asked()
    expected = {
        "model_id": "scribe_v2",
        "language_code": "en",
        "timestamps_granularity": "word",
        "diarize": "true",
        "tag_audio_events": "false",
    }
    assert expected == asked.fields
    assert asked.seconds < 7.0


def test_who_speaks_is_told(server: ElevenLabsAudioServer, make: Make, audio: Path) -> None:
    """By numbers, in the order in which they speak first."""
    server.speakers, server.words_a_turn = 2, 2
    heard = make().transcribe(audio, SPEECH[:1], "en")
    assert ["1", "2", "1", "2"] == [segment.speaker for segment in heard.segments]
    assert ["Good", "morning,"] == [word.text for word in heard.segments[0].words]


def test_speakers_of_several_requests_are_not_taken_for_each_other(
    server: ElevenLabsAudioServer, make: Make, audio: Path
) -> None:
    """The first one of the one need not be the first one of the other."""
    server.speakers, server.words_a_turn = 2, 2
    transcriber = make()
    transcriber.longest = 3.3
    heard = transcriber.transcribe(audio, SPEECH, "en")
    assert (2, {"1"}) == (len(server.asked()), {segment.speaker for segment in heard.segments})


def test_the_language_is_told_by_the_answer(
    server: ElevenLabsAudioServer, make: Make, audio: Path
) -> None:
    """Nothing is named then; the platform's code is in the answer."""
    server.hears = always(Said("Bom dia, e bem-vindos ao porto.", language="portuguese"))
    assert "pt" == make().transcribe(audio, SPEECH, "auto").language
    [asked] = server.asked()
    assert "language_code" not in asked.fields


def test_what_it_is_unsure_of_is_marked(
    server: ElevenLabsAudioServer, make: Make, audio: Path
) -> None:
    """By the same limit as of the other recognisers."""
    server.hears = always(Said(TEXT, log_probability=-2.0))
    heard = make().transcribe(audio, SPEECH, "en")
    assert {"the recogniser is unsure of it"} == {
        word.doubt for segment in heard.segments for word in segment.words
    }


def test_a_wrong_key_is_named_and_hidden(make: Make, audio: Path) -> None:
    """The setting to look at, and no letter of the key."""
    key = "sk_wrong_0123456789abcdef"
    with pytest.raises(ProviderRefusedError) as refused:
        make(key).transcribe(audio, SPEECH, "en")
    assert "ElevenLabs" in refused.value.sentence
    assert key not in f"{refused.value.sentence} {refused.value.detail}"


@pytest.mark.parametrize("fault", [Fault.WRONG_JSON, Fault.HTML, Fault.EMPTY_BODY])
def test_an_answer_that_is_none_is_said(
    server: ElevenLabsAudioServer, make: Make, audio: Path, fault: Fault
) -> None:
    """After all tries, and the next time is asked again."""
    server.faults = Faults([fault] * 3)
    with pytest.raises(ProviderAnswerError, match="it is not a transcription"):
        make().transcribe(audio, SPEECH, "en")
    assert make().transcribe(audio, SPEECH, "en").segments


@pytest.mark.parametrize("fault", [Fault.TOO_MANY_FOR_NOW, Fault.ERROR, Fault.HALF_BODY])
def test_what_passes_is_tried_again(
    server: ElevenLabsAudioServer, make: Make, audio: Path, fault: Fault
) -> None:
    """Without a word to anybody."""
    server.faults = Faults([fault])
    assert make().transcribe(audio, SPEECH, "en").segments
    assert 2 == len(server.asked())


def test_what_does_not_pass_is_said(server: ElevenLabsAudioServer, make: Make, audio: Path) -> None:
    """With the provider's name."""
    server.faults = Faults([Fault.ERROR] * 9)
    with pytest.raises(ProviderUnavailableError, match="ElevenLabs"):
        make().transcribe(audio, SPEECH, "en")


def test_a_language_that_it_does_not_know_is_not_asked_for(
    server: ElevenLabsAudioServer, make: Make, audio: Path
) -> None:
    """Captions are the way then."""
    with pytest.raises(LanguageNotAvailableError, match="captions"):
        make().transcribe(audio, SPEECH, "eo")
    assert () == server.asked()


def test_its_answers_are_of_the_form_that_the_package_has(
    server: ElevenLabsAudioServer, make: Make, audio: Path
) -> None:
    """ElevenLabs' own client reads what the local server says."""
    from elevenlabs import SpeechToTextChunkResponseModel
    from elevenlabs.client import ElevenLabs

    client = ElevenLabs(api_key=server.key, base_url=server.origin)
    answer = client.speech_to_text.convert(
        model_id="scribe_v2", file=("speech.wav", audio.read_bytes(), "audio/wav"), diarize=True
    )
    assert isinstance(answer, SpeechToTextChunkResponseModel)
    spoken = [word for word in answer.words if word.type == "word"]
    assert (TEXT, "eng") == (answer.text, answer.language_code)
    assert (TEXT.split(), "speaker_0") == ([word.text for word in spoken], spoken[0].speaker_id)
