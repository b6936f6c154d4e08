"""What every transcriber promises, and what `listen` makes of captions and a transcriber.

Whisper's weights cannot be made at test time, only a checkpoint that always says the same: on torch
it is held to every promise but those about what it hears. On CTranslate2 it has real weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dub_platform.contracts.transcribers import Recording, TranscriberContract, words_of
from dub_platform.core.errors import LanguageNotAvailableError, LanguageNotToldError
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Heard, Span
from dub_platform.core.text.lines import regroup
from resources.media.vad import SileroSpeechFinder
from resources.store.local import LocalStore
from resources.transcriber.elevenlabs import ElevenLabsTranscriber
from resources.transcriber.faster_whisper import FasterWhisperTranscriber
from resources.transcriber.openai import OpenAITranscriber
from resources.transcriber.pocketsphinx import PocketsphinxTranscriber
from resources.transcriber.port import Transcriber, listen
from resources.transcriber.whisper import WhisperTranscriber
from tests.support import weights
from tests.support.recipes import whisper as whisper_checkpoints
from tests.support.recipes.speech import (
    BOATS,
    FISHERMAN,
    HARBOR,
    LIGHTHOUSE,
    MARKET,
    RATE,
    WATER,
    make_speech,
    music,
    plain_words,
    say,
    write_wav,
)
from tests.support.servers.providers.accounts import Accounts
from tests.support.servers.providers.elevenlabs_audio import ElevenLabsAudioServer
from tests.support.servers.providers.openai_audio import OpenAIAudioServer

SENTENCES = [(1.0, FISHERMAN), (5.5, WATER), (9.2, MARKET), (13.4, BOATS)]


# With real weights, which are fetched.
FASTER = pytest.param(
    "faster-whisper", marks=[pytest.mark.long, pytest.mark.xdist_group("weights")]
)
# One worker has what its server has heard, and hears no sound twice.
SERVED = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"{name} hears"))
    for name in ("openai", "elevenlabs")
]
HEARING = ["pocketsphinx", *SERVED, FASTER]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper's, that says the same to every sound."""
    path = tmp_path_factory.mktemp("whisper") / "says-the-same.pt"
    return whisper_checkpoints.speaking(path, " The people here love the sea.")


@pytest.fixture
def server() -> Iterator[OpenAIAudioServer]:
    """OpenAI on this machine, with a real recogniser behind it."""
    with OpenAIAudioServer() as started:
        yield started


@pytest.fixture
def scribe() -> Iterator[ElevenLabsAudioServer]:
    """ElevenLabs on this machine, with the same recogniser behind it."""
    with ElevenLabsAudioServer() as started:
        yield started


# One worker loads torch, and not each.
WHISPER = pytest.param("whisper", marks=pytest.mark.xdist_group("whisper"))


@pytest.fixture(params=[*HEARING, WHISPER])
def transcriber(request: pytest.FixtureRequest, tmp_path: Path) -> Transcriber:
    """Each engine in turn."""
    if request.param == "whisper":
        return WhisperTranscriber(str(request.getfixturevalue("checkpoint")))
    if request.param == "faster-whisper":
        model = weights.bring("whisper/base").find("whisper", "base")
        return FasterWhisperTranscriber(model.folder, model.engine)
    if request.param == "elevenlabs":
        return ElevenLabsTranscriber(
            (scribe := request.getfixturevalue("scribe")).key,
            store=LocalStore(tmp_path / "store", "http://127.0.0.1"),
            ledger=Accounts.below(tmp_path).ledger(),
            base_url=scribe.origin,
        )
    if request.param == "openai":
        server = request.getfixturevalue("server")
        return OpenAITranscriber(
            server.key,
            "whisper-1",
            store=LocalStore(tmp_path / "store", "http://127.0.0.1"),
            ledger=Accounts.below(tmp_path).ledger(),
            base_url=server.url,
        )
    return PocketsphinxTranscriber()


class TestTranscriber(TranscriberContract):
    """The list of every recogniser, with speech that PocketSphinx understands too."""

    @pytest.fixture
    def speech(self, tmp_path: Path) -> Recording:
        audio = tmp_path / "speech.wav"
        make_speech(audio, SENTENCES[:2], seconds=10.0)
        return audio, SileroSpeechFinder().find(audio), "en"


hears = pytest.mark.parametrize("transcriber", HEARING, indirect=True)


# None of them is shorter than a line may be.
HURRIED = (FISHERMAN, "The people here know the town.", MARKET, BOATS, LIGHTHOUSE, WATER, HARBOR)


def share_heard(expected: str, heard: Heard) -> float:
    """How many of the expected words were heard, in their order."""
    said, words = plain_words(expected), plain_words(" ".join(w.text for w in words_of(heard)))
    lengths = np.zeros((len(said) + 1, len(words) + 1), int)
    for row, one in enumerate(said, 1):
        for column, other in enumerate(words, 1):
            beside = max(lengths[row - 1, column], lengths[row, column - 1])
            lengths[row, column] = lengths[row - 1, column - 1] + 1 if one == other else beside
    return float(lengths[-1, -1]) / len(said)


@hears
@pytest.mark.parametrize(
    ("bed", "least"),
    [
        pytest.param(False, 0.8, id="clean"),
        pytest.param(True, 0.7, id="music", marks=pytest.mark.long),
    ],
)
def test_it_hears_what_is_said_and_when(
    transcriber: Transcriber, tmp_path: Path, bed: bool, least: float
) -> None:
    """Most words are right, and each sentence starts within 60 ms of the truth."""
    audio = tmp_path / "speech.wav"
    spoken = make_speech(audio, SENTENCES, seconds=19.0, bed=bed)
    speech = SileroSpeechFinder().find(audio)
    heard = transcriber.transcribe(audio, speech, "en")
    assert share_heard(" ".join(text for _, text in SENTENCES), heard) >= least
    onsets = [segment.words[0].start for segment in heard.segments]
    assert len(spoken) == len(onsets)
    assert max(abs(a.start - b) for a, b in zip(spoken, onsets, strict=True)) < 0.06


@pytest.mark.long
def test_sentences_that_follow_each_other_at_once_are_lines_of_their_own(tmp_path: Path) -> None:
    """Fifteen by two voices over a soft bed, 0.30 to 0.45 s apart: each is a line that starts
    where it does, though pocketsphinx writes no marks."""
    pieces, starts, at = [np.zeros(RATE)], [], 1.0
    for number, gap in enumerate([0.30, 0.45, 0.36, 0.30, 0.40] * 3):
        said = say(HURRIED[number % len(HURRIED)], ("awb", "slt")[number % 2])
        pieces += [0.6 * said, np.zeros(round(gap * RATE))]
        starts.append(at)
        at += (len(pieces[-2]) + len(pieces[-1])) / RATE
    sound = np.concatenate([*pieces, np.zeros(RATE)])
    audio = tmp_path / "speech.wav"
    write_wav(audio, sound + music(len(sound) / RATE + 1.0, -40.0)[: len(sound)])
    speech = SileroSpeechFinder().find(audio)
    heard = PocketsphinxTranscriber().transcribe(audio, speech, "en")
    lines = regroup(heard.segments, speech)
    assert 15 == len(lines)
    late = [line.start - start for line, start in zip(lines, starts, strict=True)]
    assert max(map(abs, late)) < 0.125


@hears
def test_only_what_lies_in_the_spans_is_heard(transcriber: Transcriber, tmp_path: Path) -> None:
    """Speech outside the spans is left alone."""
    audio = tmp_path / "speech.wav"
    first, _ = make_speech(audio, SENTENCES[:2], seconds=10.0)
    heard = transcriber.transcribe(audio, [Span(first.start, first.end)], "en")
    assert share_heard(FISHERMAN, heard) >= 0.8
    assert share_heard(WATER, heard) < 0.3


@pytest.mark.long
@hears
def test_a_long_speech_without_a_pause_is_heard_to_its_end(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    """Longer than a decoder takes at once, it is still one segment with all its words."""
    audio = tmp_path / "speech.wav"
    texts = [FISHERMAN, WATER, MARKET, BOATS, HARBOR, FISHERMAN, WATER]
    write_wav(audio, np.concatenate([say(text) for text in texts]))
    speech = [Span(0.0, sum(len(say(text)) for text in texts) / RATE)]
    heard = transcriber.transcribe(audio, speech, "en")
    assert 1 == len(heard.segments)
    assert share_heard(" ".join(texts), heard) >= 0.8


@pytest.fixture
def recording(tmp_path: Path) -> tuple[Path, tuple[Span, ...]]:
    """One sentence, and where it was found."""
    audio = tmp_path / "speech.wav"
    make_speech(audio, SENTENCES[:1], seconds=6.0)
    return audio, SileroSpeechFinder().find(audio)


def captions(folder: Path, seconds: int, text: str) -> Path:
    """A captions file with one cue of four seconds."""
    path = folder / "video.srt"
    path.write_text(f"1\n00:00:0{seconds},000 --> 00:00:0{seconds + 4},000\n{text}\n")
    return path


def test_good_captions_are_preferred(
    transcriber: Transcriber, recording: tuple[Path, tuple[Span, ...]], tmp_path: Path
) -> None:
    """Captions that fit the speech are what was heard, and the reason says so."""
    heard = listen(*recording, "en", captions(tmp_path, 1, "As written."), transcriber)
    assert ["As", "written."] == [word.text for word in words_of(heard)]
    assert "captions" == heard.engine
    assert heard.why.startswith("The captions that came with the video cover ")


@hears
@pytest.mark.parametrize("beside", [True, False], ids=["shifted captions", "no captions"])
def test_otherwise_the_transcriber_listens(
    transcriber: Transcriber,
    recording: tuple[Path, tuple[Span, ...]],
    tmp_path: Path,
    beside: bool,
) -> None:
    """Captions that do not fit, or none, leave it to the transcriber, and the reason is kept."""
    path = captions(tmp_path, 5, "Of another video.") if beside else None
    heard = listen(*recording, "en", path, transcriber)
    assert share_heard(FISHERMAN, heard) >= 0.8
    assert transcriber.engine == heard.engine
    assert ("not used, because" if beside else "No captions came") in heard.why


def test_without_either_the_error_tells_about_both(
    transcriber: Transcriber, recording: tuple[Path, tuple[Span, ...]], tmp_path: Path
) -> None:
    """A language nobody here understands, with captions of no use: both reasons are given."""
    with pytest.raises(LanguageNotAvailableError) as refused:
        listen(*recording, "xx", captions(tmp_path, 5, "[Music]"), transcriber)
    assert "hand in captions" in refused.value.sentence
    assert "there are no words in them" in refused.value.sentence


def test_a_language_that_nobody_named_is_told_or_it_is_said_that_it_cannot_be(
    transcriber: Transcriber, recording: tuple[Path, tuple[Span, ...]]
) -> None:
    """One that detects languages says which it heard; with another, nothing is made up."""
    if transcriber.detects_languages:
        assert "en" == listen(*recording, AUTO, None, transcriber).language
        return
    with pytest.raises(LanguageNotToldError) as refused:
        listen(*recording, AUTO, None, transcriber)
    assert "source_language" in refused.value.sentence
    assert "No captions came" in refused.value.sentence


def test_captions_tell_their_language(
    transcriber: Transcriber, recording: tuple[Path, tuple[Span, ...]], tmp_path: Path
) -> None:
    """Nobody has to name it, and no recogniser to know it."""
    text = "Mi padre era pescador y me ense\u00f1\u00f3 a leer el viento sobre el mar."
    assert "es" == listen(*recording, AUTO, captions(tmp_path, 1, text), transcriber).language
