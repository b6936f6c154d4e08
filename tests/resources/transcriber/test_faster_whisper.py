"""Whisper on CTranslate2, with real weights and without a network."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.core.errors import EngineUnavailableError, LanguageNotAvailableError
from dub_platform.core.speech import Heard, Span
from dub_platform.core.text.lines import regroup
from dub_platform.settings import Settings
from resources.models.installed import Model, ModelFolder
from resources.store.local import LocalStore
from resources.transcriber.decoding import Decoding
from resources.transcriber.doubts import Doubts
from resources.transcriber.faster_whisper import FasterWhisperTranscriber
from resources.transcriber.port import Transcriber
from tests.resources.transcriber.test_chunks import silence
from tests.support import weights
from tests.support.recipes.speech import BOATS, FISHERMAN, MARKET, WATER, make_speech

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("weights")]

SAID = [(0.5, FISHERMAN), (5.0, WATER), (9.0, MARKET), (13.0, BOATS)]
SPEECH = (Span(0.5, 4.0), Span(5.0, 7.7), Span(9.0, 12.1), Span(13.0, 16.6))
# Nothing that the model says is sure enough, so all of it is tried again by chance.
NEVER_SURE = Decoding((0.0, 0.8), doubts=Doubts(least_log_probability=1.0))


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sentences in 17 s."""
    path = tmp_path_factory.mktemp("audio") / "speech.wav"
    make_speech(path, SAID, seconds=17.0)
    return path


@pytest.fixture(scope="module")
def models() -> ModelFolder:
    """Two real models."""
    return weights.bring("whisper/base", "whisper/tiny.en")


@pytest.fixture(scope="module")
def base(models: ModelFolder) -> Model:
    """The one of all languages."""
    return models.find("whisper", "base")


def transcriber(model: Model, decoding: Decoding | None = None) -> FasterWhisperTranscriber:
    """One that has this model."""
    return FasterWhisperTranscriber(model.folder, model.engine, decoding=decoding or Decoding())


def words(heard: Heard) -> list[str]:
    """All words, with their times."""
    return [f"{w.text} {w.start:.2f}" for segment in heard.segments for w in segment.words]


def test_the_language_is_recognised_and_marks_make_lines(audio: Path, base: Model) -> None:
    """Sentences end with their marks, which pocketsphinx does not write."""
    heard = transcriber(base).transcribe(audio, SPEECH, "auto")
    assert "en" == heard.language
    assert heard.why.startswith("Its language was recognised as en, with ")
    lines = regroup(heard.segments, SPEECH)
    assert [4, True] == [len(lines), all(line.text.endswith(".") for line in lines)]


def test_another_language_than_was_named_is_told(audio: Path, base: Model) -> None:
    """What it writes down then is not what was said."""
    assert "en" == transcriber(base).transcribe(audio, SPEECH, "es").other_language


def test_a_model_of_english_knows_english_alone(audio: Path, models: ModelFolder) -> None:
    """Its folder tells, whatever it is called."""
    english = transcriber(models.find("whisper", "tiny.en"))
    assert (False, ("en",)) == (english.detects_languages, english.languages())
    assert len(words(english.transcribe(audio, SPEECH[1:2], "en"))) > 5
    with pytest.raises(LanguageNotAvailableError, match="DUB_WHISPER_MODEL"):
        english.transcribe(audio, SPEECH, "es")


def test_a_language_that_the_model_lacks_is_refused(audio: Path, base: Model) -> None:
    """Cantonese came with large-v3."""
    with pytest.raises(LanguageNotAvailableError, match="'yue'"):
        transcriber(base).transcribe(audio, SPEECH, "yue")


def test_the_same_sound_gives_the_same_words(audio: Path, base: Model) -> None:
    """Also where they are drawn by chance, and where two listen at once."""
    wanting = transcriber(base, NEVER_SURE)
    spans = [[span] for span in SPEECH[:2]]
    alone = [words(wanting.transcribe(audio, span, "en")) for span in spans]
    with ThreadPoolExecutor(2) as threads:
        together = list(
            threads.map(lambda span: words(wanting.transcribe(audio, span, "en")), spans)
        )
    assert all(alone)
    assert alone == together


def test_what_stays_doubtful_is_marked(audio: Path, base: Model) -> None:
    """With the same words as of the other engines."""
    heard = transcriber(base, NEVER_SURE).transcribe(audio, SPEECH[:1], "en")
    doubts = {word.doubt for segment in heard.segments for word in segment.words}
    assert {"the recogniser is unsure of it"} == doubts


def test_three_hours_need_no_more_memory_than_a_minute(tmp_path: Path, base: Model) -> None:
    """The last word lies at their end, and only speech was ever read."""
    long, short = silence(tmp_path / "long.wav", 3 * 3600), silence(tmp_path / "short.wav", 60)
    peaks = [_measure_peak(base, path, at) for path, at in ((short, 50.0), (long, 10_790.0))]
    assert max(peaks) < 1.1 * min(peaks)


def test_an_idle_model_gives_its_memory_back(audio: Path, base: Model) -> None:
    """To the system, and the next recording is heard as before."""
    program = (
        "from pathlib import Path\n"
        "import psutil\n"
        "from dub_platform.core.speech import Span\n"
        "from resources.transcriber.faster_whisper import LOADED, FasterWhisperTranscriber\n"
        "from tests.support.patience import wait_until\n"
        "def measure(): return psutil.Process().memory_info().rss\n"
        f"folder, audio = Path({str(base.folder)!r}), Path({str(audio)!r})\n"
        "listening = FasterWhisperTranscriber(folder, 'base', 'cpu', 1)\n"
        "first = listening.transcribe(audio, [Span(5.0, 7.7)], 'en')\n"
        "with LOADED.lend(folder, 'cpu', 1, idle_seconds=0.01):\n"
        "    held = measure()\n"
        # Its weights are 74 million, a byte each.
        "wait_until(lambda: measure() < held - 74e6)\n"
        "print(first == listening.transcribe(audio, [Span(5.0, 7.7)], 'en'))"
    )
    assert "True\n" == _run(program).stdout


def _measure_peak(model: Model, audio: Path, at: float) -> int:
    """The most memory of a process that listens at two places."""
    program = (
        "import resource\n"
        "from pathlib import Path\n"
        "from dub_platform.core.speech import Span\n"
        "from resources.transcriber.faster_whisper import FasterWhisperTranscriber\n"
        f"listening = FasterWhisperTranscriber(Path({str(model.folder)!r}), 'base', 'cpu', 1)\n"
        f"speech = [Span(1.0, 3.0), Span({at}, {at + 2})]\n"
        f"listening.transcribe(Path({str(audio)!r}), speech, 'en')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    return int(_run(program).stdout)


def _run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )


def test_nothing_is_looked_for_in_a_hub(audio: Path, base: Model, tmp_path: Path) -> None:
    """In a process that could reach none: a proxy that nobody answers at."""
    program = (
        "from pathlib import Path\n"
        "from dub_platform.core.speech import Span\n"
        "from resources.transcriber.faster_whisper import FasterWhisperTranscriber\n"
        f"listening = FasterWhisperTranscriber(Path({str(base.folder)!r}), 'base', 'cpu', 1)\n"
        f"heard = listening.transcribe(Path({str(audio)!r}), [Span(5.0, 7.7)], 'en')\n"
        "print(len(heard.segments))"
    )
    done = _run(program, HTTPS_PROXY="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hub"))
    assert ("1\n", "", False) == (done.stdout, done.stderr, (tmp_path / "hub").exists())


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_model_that_is_damaged_is_named_with_what_to_do(
    audio: Path, base: Model, tmp_path: Path, name: str
) -> None:
    """And what the library said of it."""
    folder = tmp_path / "damaged"
    shutil.copytree(base.folder, folder)
    (folder / name).chmod(0o644)
    (folder / name).write_bytes((folder / name).read_bytes()[:1000])
    listening = FasterWhisperTranscriber(folder, "base")
    with pytest.raises(EngineUnavailableError, match="dub-admin models verify") as refused:
        listening.transcribe(audio, SPEECH, "en")
    assert refused.value.detail


def test_a_folder_without_its_tokenizer_is_refused_at_once(base: Model, tmp_path: Path) -> None:
    """The library would ask a hub for another one in the middle of a video."""
    folder = tmp_path / "half"
    shutil.copytree(base.folder, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EngineUnavailableError, match=r"lacks tokenizer\.json"):
        FasterWhisperTranscriber(folder, "base")


def test_the_settings_name_a_model_or_a_folder(models: ModelFolder, tmp_path: Path) -> None:
    """A model that is not there is named with its size and the command, when a server starts."""
    store = LocalStore(tmp_path / "store", "http://127.0.0.1")

    def make(model: str) -> Transcriber:
        chosen = Settings(transcriber="faster-whisper", models_dir=models.root, whisper_model=model)
        return wiring.transcriber(chosen, store)

    digest = models.find("whisper", "tiny.en").digest
    assert make("tiny.en").engine.endswith(f"whisper/tiny.en {digest}")
    folder = str(models.find("whisper", "base").folder)
    assert (True, True) == (make(folder).detects_languages, make(folder).engine.endswith(folder))
    with pytest.raises(EngineUnavailableError, match=r"\(486 MB\).*models get whisper/small"):
        make("small")


def test_without_the_extra_it_says_how_to_install_it(
    base: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is looked for before anything of it is imported."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EngineUnavailableError, match=r"install\.sh .*\[local\]"):
        transcriber(base)
