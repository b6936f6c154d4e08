"""eSpeak NG: the voice that needs no account.

    EspeakVoice().speak(Reading("Hola.", "es"), into=Path("take.wav"), bill=Bill())

The library is one for a process and not safe between threads, so it has a process of its own.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar
from unicodedata import category

import espeakng_loader

from dub_platform.core.errors import EngineFailedError, LanguageNotAvailableError
from dub_platform.core.languages import nearest_voice
from resources.providers.paid_once import Bill
from resources.system.disk import full_disk, is_full
from resources.system.programs import helper, patience
from resources.system.warm_pipeline import WarmPipeline
from resources.voice.port import Reading

# A line of a voice file that claims a language, with its priority: 1 is best, 5 if not said.
_CLAIM = re.compile(r"^language[ \t]+([a-z]{2,3})(?:[ \t]+(\d+))?[ \t]*$", re.MULTILINE)


class EspeakVoice:
    """eSpeak NG, offline, some hundred times faster than real time; a robot, but understood.

    `words_per_minute` is the speed it speaks at, 80 to 450.
    """

    parallel = 1
    keeps_pace = False
    # Of the voices in its data, those that are told apart best, by turns male and female.
    variants = ("m3", "f2", "m1", "f4", "m7", "f1", "m5", "f3")
    # There is no Galician voice. Galician is written much as Spanish is, and read well by it.
    _borrowed: ClassVar[Mapping[str, str]] = {"gl": "es"}

    def __init__(self, words_per_minute: int = 165) -> None:
        self.engine = f"espeak-ng (espeakng-loader {version('espeakng-loader')})"
        self.words_per_minute = words_per_minute
        program = Path(__file__).with_name("espeak_process.py")
        library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        command = helper(program, library, data)
        self._process = WarmPipeline("eSpeak NG", [command], end=b"\n")
        self._voices = {**self._borrowed, **espeak_voices(Path(data))}

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(self._voices))

    def engine_for(self, language: str) -> str:  # noqa: ARG002 - it is one for all
        return self.engine

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        return {
            "engine": self.engine,
            "voice": self._voice(reading.language, reading.speaker),
            "words_per_minute": self.words_per_minute,
        }

    def cost_usd(self, text: str) -> float:  # noqa: ARG002 - it costs nothing, however long
        return 0.0

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        request = {
            "text": speakable(reading.text),
            "voice": self._voice(reading.language, reading.speaker),
            "speed": self.words_per_minute,
            "path": str(into.absolute()),
        }
        question = json.dumps(request).encode()
        answer = json.loads(self._process.ask(question, seconds=patience(1.0)))
        if is_full(answer.get("number")):
            raise full_disk(into.name, answer["error"])
        if "error" in answer:
            raise EngineFailedError(
                f"eSpeak NG could not speak {reading.name}. Try again.",
                detail=answer["error"],
            )
        bill.charge(len(reading.text), 0.0)

    def close(self) -> None:
        self._process.close()

    def _voice(self, language: str, speaker: str) -> str:
        near = nearest_voice(language, self._voices)
        if near is None:
            raise LanguageNotAvailableError(
                f"The voice eSpeak NG does not speak {language!r}. "
                f"It speaks {', '.join(self.languages())}."
            )
        return f"{self._voices[near]}+{self.variants[_number(speaker) % len(self.variants)]}"


def espeak_voices(data: Path) -> dict[str, str]:
    """Return the voice for each ISO 639 code in eSpeak NG's data, by the voice files' own
    priorities."""
    ranked: dict[str, tuple[int, str]] = {}
    for path in sorted((data / "lang").rglob("*")):
        if not path.is_file():
            continue
        for code, priority in _CLAIM.findall(path.read_text("utf-8")):
            rank = (int(priority or 5), path.name)
            ranked[code] = min(rank, ranked.get(code, rank))
    return {code: name for code, (_, name) in ranked.items()}


def _number(speaker: str) -> int:
    """Number speakers: "1", "2", ... from the first variant on; any other name has its own
    place."""
    return int(speaker) - 1 if speaker.isdecimal() else zlib.crc32(speaker.encode())


def speakable(text: str) -> str:
    """Return the text without control characters and broken Unicode, which are no speech."""
    return "".join(" " if category(char) in ("Cc", "Cs") else char for char in text)
