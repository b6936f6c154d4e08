"""Voice models on the processor: what Piper and Kokoro have in common.

    class NextVoice(NeuralVoice):
        kind, title, model_file, breath = "next", "Next", "next.onnx", 400
        def _ids(self, said: str, person: Person, language: str) -> list[int]: ...

A model is loaded in a process of its own (`neural_process.py`), as often as takes are spoken side
by side; it is kept warm, and let go of after some minutes without a line. What a text sounds like
is eSpeak NG's to say (`phonemes.py`), in the words that `spoken_text.py` makes of digits and signs.
"""

from __future__ import annotations

import json
import queue
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from langcodes import tag_distance

from dub_platform.core.errors import (
    BadTakeError,
    EngineFailedError,
    EngineUnavailableError,
    LanguageNotAvailableError,
)
from dub_platform.core.languages import nearest_voice
from dub_platform.core.style.casting import IN_TURN, Casting
from resources.providers.paid_once import Bill
from resources.system.disk import full_disk, is_full
from resources.system.programs import helper, patience
from resources.system.warm_pipeline import WarmPipeline
from resources.voice.phonemes import Phonemes, breaths
from resources.voice.port import Reading
from resources.voice.spoken_text import spell_out

# A voice that is played a little slower or faster is somebody else's; further, it is nobody's.
PITCHES = (1.0, 0.9, 1.1)
IDLE_SECONDS = 600.0
# Each process has the model once more, a few hundred megabytes.
MOST_PROCESSES = 4


@dataclass(frozen=True)
class Weights:
    """The file of a model; `engine` tells it from others of the same name."""

    path: Path
    engine: str


@dataclass(frozen=True)
class Person:
    """A voice: what a model is told to have it, in which of eSpeak NG's languages it is at home."""

    name: str
    language: str
    espeak: str
    weights: Weights
    rate: int
    feed: Mapping[str, str | int | float]
    pitch: float = 1.0


@dataclass
class _Loaded:
    """The processes that have a model, of which each speaks a line at a time."""

    processes: Sequence[WarmPipeline]
    _free: queue.LifoQueue[WarmPipeline] = field(default_factory=queue.LifoQueue)

    def __post_init__(self) -> None:
        for process in reversed(self.processes):
            self._free.put(process)

    @contextmanager
    def lend(self) -> Iterator[WarmPipeline]:
        """Lend a process that nobody speaks with; the last that somebody did is the warmest."""
        process = self._free.get()
        try:
            yield process
        finally:
            self._free.put(process)


class NeuralVoice(ABC):
    """Speaks with these people, who take turns by their order among the speakers of a video.

    `casting` names others for some; its default is whoever's turn it is. Raises
    EngineUnavailableError where it names nobody that there is.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    # The most phonemes that are said in one breath.
    breath: ClassVar[int]
    ties: ClassVar[bool] = False
    keeps_pace = True

    def __init__(
        self,
        people: Sequence[Person],
        casting: Casting | None,
        *,
        threads: int,
        parallel: int,
        idle_seconds: float,
    ) -> None:
        self.engine = self.kind
        self.parallel = parallel
        self._people = {person.name: person for person in people}
        self._casting = casting
        self._threads, self._idle_seconds = threads, idle_seconds
        self._phonemes = Phonemes(idle_seconds)
        self._lock = threading.Lock()
        self._models: dict[Path, _Loaded] = {}
        self._refuse_strangers()

    @abstractmethod
    def _ids(self, said: str, person: Person, language: str) -> list[int]:
        """Return the numbers that the model has for these phonemes."""

    def _model_pace(self, pace: float) -> float:
        """Tell what the model is told, to speak so many times as fast."""
        return pace

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({person.language for person in self._people.values()}))

    def engine_for(self, language: str) -> str:
        engines = (person.weights.engine for person in self._at_home(language))
        return ", ".join(dict.fromkeys(engines))

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        person = self._person(reading)
        said = spell_out(reading.text, reading.language)
        return {
            "engine": person.weights.engine,
            "voice": person.name,
            "pitch": person.pitch,
            "language": person.espeak,
            **({"pace": reading.pace} if reading.pace != 1.0 else {}),
            **({"said": said} if said != reading.text else {}),
        }

    def cost_usd(self, text: str) -> float:  # noqa: ARG002 - it costs nothing, however long
        return 0.0

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        person = self._person(reading)
        ids = self._breaths(reading, person)
        # What is played faster to be higher is said slower, so that it takes as long as before.
        request = {
            "breaths": ids,
            "pace": self._model_pace(reading.pace / person.pitch),
            "feed": dict(person.feed),
            "rate": round(person.rate * person.pitch),
            "path": str(into.absolute()),
        }
        question = json.dumps(request).encode()
        with self._model(person.weights).lend() as process:
            # Some ten phonemes are a second, and the slowest model takes about as long.
            seconds = patience(sum(map(len, ids)) / 10)
            answer = json.loads(process.ask(question, seconds=seconds))
        if is_full(answer.get("number")):
            raise full_disk(into.name, answer["error"])
        if "error" in answer:
            raise EngineFailedError(
                f"{self.title} could not speak {reading.name} with {person.weights.engine}. Try "
                "again; if it goes on, get the model anew or choose another DUB_VOICE.",
                detail=answer["error"],
            )
        bill.charge(len(reading.text), 0.0)

    def close(self) -> None:
        self._phonemes.close()
        for model in self._models.values():
            for process in model.processes:
                process.close()

    def _breaths(self, reading: Reading, person: Person) -> list[list[int]]:
        text = spell_out(reading.text, reading.language)
        clauses = self._phonemes.spell(text, person.espeak, ties=self.ties)
        said = breaths(clauses, self.breath)
        if ids := [self._ids(each, person, reading.language) for each in said]:
            return ids
        raise BadTakeError(
            f"There is nothing in {reading.name} that {self.title} can say. Reword it, or leave it "
            "out."
        )

    def _person(self, reading: Reading) -> Person:
        home = self._at_home(reading.language)
        if not home:
            raise LanguageNotAvailableError(
                f"{self.title} has no voice here that speaks {reading.language!r}. "
                f"It speaks {', '.join(self.languages()) or 'nothing'}."
            )
        named = self._casting and self._people.get(
            self._casting.voice(reading.language, reading.speaker)
        )
        if named:
            # At home elsewhere, it speaks this language all the same, with an accent.
            return replace(named, espeak=named.espeak if named in home else home[0].espeak)
        turn = _number(reading.speaker) % (len(home) * len(PITCHES))
        return replace(home[turn % len(home)], pitch=PITCHES[turn // len(home)])

    def _at_home(self, language: str) -> list[Person]:
        """Tell who speaks this language: those of the region first, then the others."""
        near = nearest_voice(language, self.languages())
        home = [person for person in self._people.values() if person.language == near]
        if language == near:
            return home
        return sorted(home, key=lambda person: tag_distance(language, _accent(person)))

    def _refuse_strangers(self) -> None:
        named = set(self._casting.voices.values()) if self._casting else set()
        if strangers := sorted(named - {IN_TURN} - self._people.keys()):
            raise EngineUnavailableError(
                f"{self.title} has no voice called {' or '.join(strangers)} here. "
                f"It has {', '.join(self._people) or 'none'}. Change DUB_{self.kind.upper()}"
                "_VOICES, or get the voice with dub-admin models."
            )

    def _model(self, weights: Weights) -> _Loaded:
        with self._lock:
            if weights.path not in self._models:
                processes = [self._process(weights) for _ in range(self.parallel)]
                self._models[weights.path] = _Loaded(processes)
            return self._models[weights.path]

    def _process(self, weights: Weights) -> WarmPipeline:
        program = Path(__file__).with_name("neural_process.py")
        command = helper(program, self.kind, str(weights.path), str(self._threads))
        name = f"{self.title} with {weights.engine}"
        return WarmPipeline(name, [command], end=b"\n", idle_seconds=self._idle_seconds)


def _accent(person: Person) -> str:
    """Return the region's tag: what eSpeak NG calls English is Britain's."""
    return "en-GB" if person.espeak == "en" else person.espeak


def _number(speaker: str) -> int:
    """Number speakers: "1", "2", ... from the first voice on; any other name has its own."""
    isnumber = speaker.isascii() and speaker.isdecimal()
    return int(speaker) - 1 if isnumber else zlib.crc32(speaker.encode())
