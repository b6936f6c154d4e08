"""Whisper on checkpoints made here: the package's own code loads, decodes and aligns them."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dub_platform import wiring
from dub_platform.core.errors import EngineUnavailableError, LanguageNotAvailableError
from dub_platform.core.speech import Heard, Span
from dub_platform.settings import Settings
from resources.media.vad import open_speech
from resources.models.catalogue import read_catalogue
from resources.store.local import LocalStore
from resources.transcriber.chunks import Chunk, cut, pack
from resources.transcriber.decoding import Decoding, Listener
from resources.transcriber.doubts import Doubts
from resources.transcriber.whisper import (
    LOADED,
    MODELS,
    SHORT_NAMES,
    TorchDecoder,
    WhisperTranscriber,
    load,
)
from resources.transcriber.whisper_languages import CODES
from tests.resources.transcriber.test_chunks import silence
from tests.support.recipes.speech import BOATS, FISHERMAN, MARKET, WATER, make_speech
from tests.support.recipes.whisper import random, reading, speaking

pytestmark = pytest.mark.xdist_group("whisper")

TEXT = " The people here love the sea."
SAID = [(0.5, FISHERMAN), (5.0, WATER), (9.0, MARKET), (13.0, BOATS)]
SPEECH = (Span(0.5, 4.0), Span(5.0, 7.7), Span(9.0, 12.1), Span(13.0, 16.6))
# What a random checkpoint says is doubtful from its first token to its last, which never comes.
NO_DOUBTS = Decoding((0.0,), longest_text=20, doubts=Doubts(-1e9, 1e9))
ONCE = Decoding((0.0,))
NEVER_UNSURE = Doubts(least_log_probability=-1e9)


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sentences in 17 s."""
    path = tmp_path_factory.mktemp("audio") / "speech.wav"
    make_speech(path, SAID, seconds=17.0)
    return path


@pytest.fixture(scope="module")
def says(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A checkpoint that says a text, made once for each."""
    folder, made = tmp_path_factory.mktemp("checkpoints"), dict[tuple[object, ...], str]()

    def checkpoint(text: str = TEXT, **how: bool | str) -> str:
        key = (text, *sorted(how.items()))
        if key not in made:
            made[key] = str(speaking(folder / f"{len(made)}.pt", text, **how))  # type: ignore[arg-type]
        return made[key]

    return checkpoint


@pytest.fixture(scope="module")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One that says what nobody knows."""
    return str(random(tmp_path_factory.mktemp("checkpoints") / "random.pt"))


def texts(heard: Heard) -> list[str]:
    """Each segment's words as a sentence."""
    return [" ".join(word.text for word in segment.words) for segment in heard.segments]


def test_its_threads_wait_asleep() -> None:
    """So says their library when it is loaded: threads that spin take the cores of other runs."""
    chosen = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    loaded = subprocess.run(
        [sys.executable, "-c", "import resources.transcriber.whisper, torch; torch.ones(9).sum()"],
        env={**chosen, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "GOMP_SPINCOUNT = '0'" in loaded.stderr


def test_words_come_with_their_times_and_how_sure_they_are(
    audio: Path, says: Callable[..., str]
) -> None:
    """One chunk of four sentences: its text lies over all of them, in order and inside them."""
    heard = WhisperTranscriber(says()).transcribe(audio, SPEECH, "en")
    words = [word for segment in heard.segments for word in segment.words]
    assert TEXT.split() == [word.text for word in words]
    assert all(word.confidence > 0.9 and not word.doubt for word in words)
    assert all(type(time) is float for word in words for time in (word.start, word.end))
    assert [] == [
        word
        for word in words
        if not any(span.start <= word.start < word.end <= span.end for span in SPEECH)
    ]
    assert "" == heard.why


def test_words_lie_where_the_model_attends(audio: Path, tmp_path: Path) -> None:
    """Two sentences in one chunk: each word is in the recording where it was in the chunk."""
    # The second piece starts after the first, which has 0.1 s around it, and a pause of 0.5 s.
    said = [(Span(0.1, 3.7), " The people here"), (Span(4.3, 6.7), " love the sea.")]
    transcriber = WhisperTranscriber(str(reading(tmp_path / "reads.pt", said)))
    first, second = transcriber.transcribe(audio, SPEECH[:2], "en").segments
    assert ["The", "people", "here"] == [word.text for word in first.words]
    assert ["love", "the", "sea."] == [word.text for word in second.words]
    assert pytest.approx([0.5, 1.7, 2.9], abs=0.1) == [word.start for word in first.words]
    assert pytest.approx([5.0, 5.6, 6.2], abs=0.1) == [word.start for word in second.words]


def test_a_checkpoint_says_which_heads_time_its_words(
    says: Callable[..., str], tmp_path: Path
) -> None:
    """Whisper knows them of its own models by name, and takes half of all for a file."""
    import torch

    saved = torch.load(says(), weights_only=True)
    named = tmp_path / "named.pt"
    torch.save({**saved, "alignment_heads": [[1, 0]]}, named)
    heads = [load(path, "cpu").alignment_heads.to_dense() for path in (says(), str(named))]
    assert [[[False, False], [True, True]], [[False, False], [True, False]]] == [
        each.tolist() for each in heads
    ]


def test_its_text_is_that_of_whispers_own_transcribe(audio: Path, random_checkpoint: str) -> None:
    """Many chunks decoded together give what `whisper.transcribe` gives for each alone."""
    import whisper

    model = load(random_checkpoint, "")
    with open_speech(audio) as source:
        chunks = [Chunk((piece,)) for piece in cut(source, SPEECH, shortest=20.0, longest=28.0)]
        decoded = Listener(TorchDecoder(model, source, 8), NO_DOUBTS).decode(chunks, "en")
        ours = [each.result.text for each in decoded]
        theirs = [
            whisper.transcribe(
                model,
                chunk.sound(source),
                language="en",
                temperature=0.0,
                sample_len=NO_DOUBTS.longest_text,
                without_timestamps=True,
                compression_ratio_threshold=None,
                logprob_threshold=None,
                no_speech_threshold=None,
                fp16=False,
            )["text"].strip()
            for chunk in chunks
        ]
    assert theirs == ours
    assert len(set(ours)) > 1


@pytest.mark.long
def test_the_size_of_a_batch_changes_nothing(audio: Path, random_checkpoint: str) -> None:
    """One at a time, or all of them: the words and their times are the same."""

    def heard(batch: int) -> list[list[str]]:
        transcriber = WhisperTranscriber(random_checkpoint, decoding=NO_DOUBTS)
        transcriber.longest, transcriber.batch = 5.0, batch
        segments = transcriber.transcribe(audio, SPEECH, "en").segments
        return [[f"{w.text} {w.start:.2f}" for w in each.words] for each in segments]

    assert heard(1) == heard(8)


def test_the_language_is_recognised_when_it_is_not_named(
    audio: Path, says: Callable[..., str]
) -> None:
    """The platform's code of it is in the answer, and how sure that is in the reason."""
    heard = WhisperTranscriber(says(language="tl")).transcribe(audio, SPEECH, "auto")
    assert "fil" == heard.language
    assert heard.why.startswith("Its language was recognised as fil, with ")


@pytest.mark.parametrize(("named", "other"), [("en", "es"), ("es", ""), ("auto", "")])
def test_another_language_than_was_named_is_told(
    says: Callable[..., str], audio: Path, named: str, other: str
) -> None:
    """It would write down what is said as if it were the other; its own limit goes with it."""
    heard = WhisperTranscriber(says(language="es")).transcribe(audio, SPEECH, named)
    assert (other, math.exp(-1.0)) == (heard.other_language, heard.least_confidence)


@pytest.mark.parametrize(
    ("text", "how", "reason"),
    [
        (TEXT, {"unsure": True, "no_speech": True}, "found no speech there"),
        pytest.param(
            " And so on and on." * 12,
            {},
            "said the same words over and over",
            marks=pytest.mark.long,
        ),
        (" Thank you." * 6, {}, "said the same words over and over"),
    ],
    ids=["silence", "long loop", "short loop"],
)
def test_what_is_worse_than_nothing_is_left_out_and_said(
    audio: Path, says: Callable[..., str], text: str, how: dict[str, bool], reason: str
) -> None:
    """No words, and the reason with the places: what was left out is never left out in silence."""
    # Who is unsure of the words is unsure of the silence too.
    decoding = Decoding((0.0,), doubts=Doubts(most_no_speech=0.05))
    transcriber = WhisperTranscriber(says(text, **how), decoding=decoding)
    heard = transcriber.transcribe(audio, SPEECH[:2], "en")
    assert () == heard.segments
    assert f"Speech at 0.5 s, 5.0 s was left out, because the recogniser {reason}." == heard.why


@pytest.mark.parametrize(
    ("how", "decoding", "doubt"),
    [
        ({"unsure": True}, ONCE, "the recogniser is unsure of it"),
        (
            {},
            Decoding((0.0,), longest_text=4),
            "the recogniser stopped at its longest text, so its end may be missing",
        ),
    ],
    ids=["unsure", "cut off"],
)
def test_doubtful_words_are_kept_and_marked(
    audio: Path, says: Callable[..., str], how: dict[str, bool], decoding: Decoding, doubt: str
) -> None:
    """They may be right, and a person who looks at the lines sees which these are."""
    heard = WhisperTranscriber(says(**how), decoding=decoding).transcribe(audio, SPEECH[:1], "en")
    words = [word for segment in heard.segments for word in segment.words]
    assert words
    assert {doubt} == {word.doubt for word in words}


def test_a_doubtful_chunk_is_listened_to_again_by_its_pieces(
    audio: Path, says: Callable[..., str]
) -> None:
    """What is wrong with one sentence is not held against those beside it."""
    unsure = WhisperTranscriber(says(unsure=True), decoding=ONCE)
    assert [TEXT.strip()] * 2 == texts(unsure.transcribe(audio, SPEECH[:2], "en"))
    sure = WhisperTranscriber(says(), decoding=ONCE)
    assert TEXT.strip() == " ".join(texts(sure.transcribe(audio, SPEECH[:2], "en")))


def test_what_is_doubted_is_tried_at_higher_temperatures(
    audio: Path, says: Callable[..., str]
) -> None:
    """Words are drawn by chance then, but by the same chance for the same sound every time."""
    wanting = Decoding((0.0, 0.8, 0.8, 0.8, 0.8), longest_text=20, doubts=NEVER_UNSURE)
    loop = says(" again" * 12, unsure=True)
    one, other = (
        WhisperTranscriber(loop, decoding=wanting).transcribe(audio, SPEECH[:1], "en")
        for _ in range(2)
    )
    assert 1 == len(one.segments)
    assert one == other
    assert () == WhisperTranscriber(loop, decoding=ONCE).transcribe(audio, SPEECH, "en").segments


def test_the_model_is_loaded_once_for_all_who_ask(random_checkpoint: str) -> None:
    """Threads that ask together get the same one, and so does everybody later."""
    barrier = threading.Barrier(4)

    def ask(_: int) -> int:
        barrier.wait()
        # With as many threads as no other test asks for, so that it is not here yet.
        with LOADED.lend(random_checkpoint, "cpu", 3) as model:
            return id(model)

    with ThreadPoolExecutor(4) as threads:
        models = set(threads.map(ask, range(4)))
    with LOADED.lend(random_checkpoint, "cpu", 3) as model:
        assert {id(model)} == models


def test_two_at_once_do_not_hear_each_others_words(audio: Path, random_checkpoint: str) -> None:
    """Runs that share the model in one process answer as they do alone."""
    transcriber = WhisperTranscriber(random_checkpoint, decoding=NO_DOUBTS)
    alone = [transcriber.transcribe(audio, [span], "en") for span in SPEECH]
    with ThreadPoolExecutor(4) as threads:
        together = list(
            threads.map(lambda span: transcriber.transcribe(audio, [span], "en"), SPEECH)
        )
    assert alone == together


def test_without_speech_the_model_is_not_even_loaded(tmp_path: Path) -> None:
    """A silent video costs nothing: the checkpoint here could not be loaded."""
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no checkpoint")
    heard = WhisperTranscriber(str(broken)).transcribe(tmp_path / "never-opened.wav", [], "en")
    assert () == heard.segments


def test_a_broken_checkpoint_is_named(audio: Path, tmp_path: Path) -> None:
    """With the settings to look at, and what torch said of it."""
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no checkpoint")
    with pytest.raises(EngineUnavailableError, match="DUB_WHISPER_MODEL") as refused:
        WhisperTranscriber(str(broken)).transcribe(audio, SPEECH, "en")
    assert refused.value.detail


def test_a_model_that_is_not_here_is_named_at_the_start(tmp_path: Path) -> None:
    """With its size and the command that gets it; nobody downloads it meanwhile."""
    chosen = Settings(transcriber="whisper", models_dir=tmp_path, whisper_model="turbo")
    with pytest.raises(
        EngineUnavailableError,
        match=r"whisper-torch/large-v3-turbo\.pt \(1,618 MB\).*dub-admin models get whisper-torch",
    ):
        wiring.transcriber(chosen, LocalStore(tmp_path / "store", "http://dub.test"))


def test_no_name_is_looked_up_on_the_internet(audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the package downloads what it knows by name."""
    import whisper

    asked: list[str] = []
    monkeypatch.setattr(whisper, "_download", lambda *told: asked.append(told[0]))
    with pytest.raises(EngineUnavailableError, match="no run downloads one"):
        WhisperTranscriber("base").transcribe(audio, SPEECH, "en")
    assert [] == asked


def test_a_model_of_the_catalogue_has_the_package_s_sum_and_place() -> None:
    """Which are in the addresses that the package knows."""
    import whisper

    for name in {SHORT_NAMES.get(name, name) for name in MODELS}:
        entry = read_catalogue()[f"whisper-torch/{name}.pt"]
        [file] = entry.files
        assert whisper._MODELS[name] == entry.address(file)
        assert f"sha256:{whisper._MODELS[name].split('/')[-2]}" == file.sum


def test_a_model_of_the_catalogue_times_words_by_the_package_s_heads(
    says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does when it loads one by its name."""
    import whisper

    heads = [[False, True], [False, False]]
    dump = base64.b85encode(gzip.compress(np.array(heads).tobytes()))
    monkeypatch.setitem(whisper._ALIGNMENT_HEADS, "tiny", dump)
    loaded = load(says(), "cpu", 0, "tiny")
    assert heads == loaded.alignment_heads.to_dense().tolist()


def test_a_model_that_does_not_exist_is_refused_at_once(tmp_path: Path) -> None:
    """Neither a name nor a file: that is said when the platform starts, and not in a video."""
    with pytest.raises(EngineUnavailableError, match=r"DUB_WHISPER_MODEL is 'enormous'.*turbo"):
        WhisperTranscriber("enormous")


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages are looked for before anything of them is imported."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        EngineUnavailableError, match=r"install\.sh -e '\.\[whisper\]'.*IMAGE_EXTRAS=whisper"
    ):
        WhisperTranscriber("turbo")


def test_a_language_the_checkpoint_lacks_is_refused(audio: Path, says: Callable[..., str]) -> None:
    """Cantonese came with large-v3: models before it do not know it, and those in English none."""
    with pytest.raises(LanguageNotAvailableError, match="'yue'"):
        WhisperTranscriber(says()).transcribe(audio, SPEECH, "yue")
    assert ("en",) == WhisperTranscriber("base.en").languages()
    assert {"en", "fil", "nb", "yue"} <= set(WhisperTranscriber("large-v3").languages())


def test_it_knows_what_the_package_knows() -> None:
    """The names of models and the order of languages are the package's."""
    import whisper
    from whisper.tokenizer import LANGUAGES

    assert whisper.available_models() == list(MODELS)
    assert tuple(LANGUAGES) == CODES


def test_importing_it_does_not_import_torch() -> None:
    """The API and the keyless platform start without it."""
    program = (
        "import sys, resources.transcriber.whisper; print({'torch', 'whisper'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "set()\n" == said.stdout


def test_three_hours_are_listened_to_in_chunks(tmp_path: Path, says: Callable[..., str]) -> None:
    """The last word lies at their end, and only speech was ever read."""
    audio = silence(tmp_path / "long.wav", seconds=3 * 3600)
    speech = (Span(1.0, 3.0), Span(10_790.0, 10_792.0))
    heard = WhisperTranscriber(says()).transcribe(audio, speech, "en")
    assert 10_790.0 <= heard.segments[-1].words[-1].end <= 10_792.0
    with open_speech(audio) as source:
        (chunk,) = pack(cut(source, speech, shortest=20.0, longest=28.0), 28.0)
        assert chunk.seconds < 5.0
