"""What each process of `benchmarks/local.py` does: one piece of work, told as a line of JSON.

    python -m benchmarks.local_work '{"work": "listen", "engine": "faster-whisper", ...}'

A process does one thing alone, so that the memory that is seen of it is of that. Seconds are those
of the work itself, with the engine loaded and asked once before.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg as graphs
import psutil

from dub_platform import wiring
from dub_platform.core.speech import Line, Transcript, Word
from dub_platform.core.style.brief import Brief
from dub_platform.engines import provisions
from dub_platform.observability.logs import configure_logging
from dub_platform.settings import Settings
from resources.media.vad import SileroSpeechFinder
from resources.providers.paid_once import Bill
from resources.store.local import LocalStore
from resources.transcriber.chunks import Chunk
from resources.transcriber.decoding import Result
from resources.transcriber.faster_whisper import CTranslate2Decoder
from resources.voice.port import Reading
from resources.voice.recording import decode_recording
from tests.support.recipes.clips import LONG, SHORT
from tests.support.recipes.media import run
from tests.support.recipes.speech import count_wrong_words, plain_words

# As many as in five minutes of talk.
LINES = tuple(dict.fromkeys((*LONG, *SHORT)))
SPOKEN: Mapping[str, Sequence[str]] = {
    "en": LONG,
    "es": (
        "Mi padre era pescador, y me enseñó a leer el viento en las olas.",
        "El agua está fría, pero a la gente de aquí le encanta el mar.",
        "Hoy el mercado está lleno de pescado fresco y de pan.",
        "Los niños jugaban en el jardín cuando empezó la lluvia.",
        "Deberíamos haber salido antes de la tormenta.",
    ),
    "pt": (
        "Meu pai era pescador e me ensinou a ler o vento.",
        "Hoje o mercado está cheio de peixe fresco e de pão.",
        "As crianças brincavam no jardim quando a chuva começou.",
        "A água é fria, mas as pessoas daqui amam o mar.",
        "Volte amanhã, e nós mostraremos o velho farol.",
    ),
}
Answer = dict[str, float | str | int]


@dataclass
class Spent:
    """Seconds on the clock, and of the processor, of this process and those it started."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measuring() -> Iterator[Spent]:
    """Measures what is done within it."""
    spent, began, used = Spent(), time.monotonic(), _cpu_seconds()
    yield spent
    spent.wall, spent.cpu = time.monotonic() - began, _cpu_seconds() - used


def _cpu_seconds() -> float:
    found = 0.0
    mine = psutil.Process()
    for each in (mine, *mine.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            # Of children that have ended and were waited for, too: a fork speaks each of Piper's
            # lines.
            found += times.user + times.system + times.children_user + times.children_system
    return found


def listen(job: Mapping[str, Any]) -> Answer:
    """A recording is heard, twice; the second time counts."""
    audio, said = Path(job["audio"]), plain_words(job["said"])
    speech = SileroSpeechFinder().find(audio)
    transcriber = wiring.transcriber(_settings(job), _store(job))
    transcriber.transcribe(audio, speech, "en")
    with measuring() as spent:
        heard = transcriber.transcribe(audio, speech, "en")
    words = plain_words(" ".join(word.text for each in heard.segments for word in each.words))
    wrong = count_wrong_words(said, words) / len(said)
    return _rates(spent, job["seconds"]) | {"wer": wrong}


def translate(job: Mapping[str, Any]) -> Answer:
    """Lines are translated, the first of them before time is taken."""
    translator = wiring.translator(_settings(job), _store(job))
    lines = tuple(Line(at, 3.0 * at, 3.0 * at + 2, text) for at, text in enumerate(LINES))
    translator.translate(Transcript("en", "recipe", lines[:1]), job["language"])
    with measuring() as spent:
        translator.translate(Transcript("en", "recipe", lines), job["language"], Brief())
    translator.close()
    return {
        "lines_per_s": len(lines) / spent.wall,
        "cpu_lines_per_s": len(lines) / max(spent.cpu, 1e-3),
    }


def speak(job: Mapping[str, Any]) -> Answer:
    """Lines are spoken, as many side by side as the voice allows, and heard again by Whisper."""
    from concurrent.futures import ThreadPoolExecutor

    voice, language = wiring.voice(_settings(job)), job["language"]
    with tempfile.TemporaryDirectory() as at:
        folder = Path(at)

        def say(number: int, text: str) -> float:
            path = folder / f"{number}.wav"
            voice.speak(Reading(text, language), into=path, bill=Bill())
            return decode_recording(path).seconds

        texts = SPOKEN[language]
        say(0, texts[0])
        with measuring() as spent, ThreadPoolExecutor(voice.parallel) as threads:
            seconds = sum(threads.map(say, range(len(texts)), texts))
        voice.close()
        heard = _hear_takes(job, [folder / f"{number}.wav" for number in range(len(texts))])
    wrong = sum(
        count_wrong_words(plain_words(text), plain_words(words))
        for text, words in zip(texts, heard, strict=True)
    )
    return _rates(spent, seconds) | {
        "wer": wrong / len(plain_words(" ".join(texts))),
        "engine": voice.engine_for(language),
    }


def _hear_takes(job: Mapping[str, Any], takes: Sequence[Path]) -> list[str]:
    """The words of each take, by the plain library and none of the platform's own."""
    from faster_whisper import WhisperModel

    folder = provisions.models(_settings(job)).find("whisper", "base").folder
    ear = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
    return [
        " ".join(
            each.text
            for each in ear.transcribe(
                str(take), language=job["language"], beam_size=1, temperature=0.0
            )[0]
        )
        for take in takes
    ]


def dub(job: Mapping[str, Any]) -> Answer:
    """A video through the whole pipeline, gates and all, until it is released."""
    from tests.support.rig.workshop import open_workshop

    if job.get("by_rote"):
        _hear_by_rote(job["said"])
    with tempfile.TemporaryDirectory(prefix="dub-local-") as at:
        clip = Path(job["clip"])
        if clip.suffix == ".wav":
            clip = _loop(clip, Path(at), job["seconds"])
        with open_workshop(Path(at), **job["settings"]) as workshop, measuring() as spent:
            video_id = workshop.hand_in(clip, job["language"])
            workshop.prepare(video_id)
            workshop.dub(video_id, job["language"])
            released = workshop.registry.dub(video_id, job["language"]).status
    assert "released" == released.value, released
    return _rates(spent, job["seconds"]) | {"seconds": spent.wall}


def _loop(sound: Path, folder: Path, seconds: float) -> Path:
    """A film of nothing, with the sound again and again."""
    path = folder / "looped.mp4"
    pictures = graphs.input("color=black:size=64x36:rate=1", format="lavfi")["v:0"]
    heard = graphs.input(str(sound), stream_loop=-1)["a:0"]
    run(graphs.output(pictures, heard, str(path), acodec="aac", preset="ultrafast", t=seconds))
    return path


def _hear_by_rote(said: str) -> None:
    """Let the decoder say the same of each chunk, in no time: all about it is as it was."""
    words = said.split()

    def encode(decoder: CTranslate2Decoder, chunks: Sequence[Chunk]) -> list[int]:
        return [len(chunk.sound(decoder.source)) for chunk in chunks]

    def tell(_: CTranslate2Decoder, encoded: Sequence[int]) -> list[dict[str, float]]:
        return [{"en": 1.0} for _ in encoded]

    def decode(_: CTranslate2Decoder, encoded: Sequence[int], *__: Any) -> list[Result]:
        return [Result(said, [1], 0.0, 0.0) for _ in encoded]

    def time_words(_: CTranslate2Decoder, chunk: Chunk, *__: Any) -> list[Word]:
        step = chunk.seconds / len(words)
        return [Word(word, at * step, (at + 0.9) * step, 0.9) for at, word in enumerate(words)]

    parrot: Any = CTranslate2Decoder
    parrot.encode, parrot.odds, parrot.decode, parrot.time = encode, tell, decode, time_words


def _rates(spent: Spent, seconds: float) -> Answer:
    return {"rtf": spent.wall / seconds, "cpu_rtf": spent.cpu / seconds}


def _settings(job: Mapping[str, Any]) -> Settings:
    return Settings(home=Path(job["home"]), **job["settings"])


def _store(job: Mapping[str, Any]) -> LocalStore:
    return LocalStore(Path(job["home"]) / "store", "http://127.0.0.1")


WORK: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {
    "listen": listen,
    "translate": translate,
    "speak": speak,
    "dub": dub,
}


if __name__ == "__main__":
    configure_logging("console", "ERROR")
    warnings.simplefilter("ignore")
    asked = json.loads(sys.argv[1])
    print(json.dumps(WORK[asked["work"]](asked)))  # noqa: T201
