"""The voice: a line spoken.

    bill = Bill()
    voice.speak(Reading("Buenos días.", "es", speaker="1"), into=Path("take.wav"), bill=bill)
    bill.cost_usd

The next engine is tested by adding it to `tests/contracts/test_voice.py`. Those that are paid
for are in `elevenlabs_voice.py` and `openai_voice.py`.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Protocol
from unicodedata import category

import espeakng_loader

from dub_platform.core.errors import EngineFailedError, LanguageNotAvailableError
from resources.warm_pipeline import WarmPipeline

# A line of a voice file that claims a language, with its priority: 1 is best, 5 if not said.
_CLAIM = re.compile(r"^language[ \t]+([a-z]{2,3})(?:[ \t]+(\d+))?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """What is to be spoken. `name` is what errors call it, such as "line 3 in es".

    `previous` and `following` are what the same speaker says right before and after, for a voice
    that can carry its tone across; empty where somebody else speaks, or nobody.
    """

    text: str
    language: str
    speaker: str = "1"
    previous: str = ""
    following: str = ""
    name: str = "a line"


@dataclass
class Bill:
    """What speaking one line has cost so far, over all tries, whether their sound is kept or not.

    `characters` are those charged, `request_id` is the provider's name of the last answer.
    """

    characters: int = 0
    cost_usd: float = 0.0
    request_id: str | None = None

    def charge(self, characters: int, cost_usd: float, request_id: str | None = None) -> None:
        """Add what one try cost."""
        self.characters += characters
        self.cost_usd += cost_usd
        self.request_id = request_id or self.request_id


class Voice(Protocol):
    """Speaks lines. `engine` names it and its version or model, for receipts.

    It can be asked from several threads; more than `parallel` at once gains nothing.
    """

    engine: str
    parallel: int

    def languages(self) -> tuple[str, ...]:
        """The language codes it speaks, in alphabetical order."""
        ...

    def shape(self, reading: Reading) -> Mapping[str, str | int | float]:
        """Everything besides the text that shapes the sound: it goes into the take's key.

        Raises LanguageNotAvailableError.
        """
        ...

    def cost_usd(self, text: str) -> float:
        """What speaking this text costs, as far as can be known before; 0.0 is free."""
        ...

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        """Write the text spoken to `into` as mono 16-bit WAV. Text is data, never markup.

        The bill says what was charged also where this fails. Raises LanguageNotAvailableError,
        EngineFailedError, BadTakeError, ProviderError.
        """
        ...

    def close(self) -> None:
        """Let go of what it keeps warm. It can be used again after."""
        ...


class EspeakVoice:
    """eSpeak NG, offline, some hundred times faster than real time; a robot, but understood.

    `words_per_minute` is the speed it speaks at, 80 to 450.
    """

    parallel = 1
    # Of the voices in its data, those that are told apart best, by turns male and female.
    variants = ("m3", "f2", "m1", "f4", "m7", "f1", "m5", "f3")
    _deadline = 60.0
    # There is no Galician voice. Galician is written much as Spanish is, and read well by it.
    _borrowed: ClassVar[Mapping[str, str]] = {"gl": "es"}

    def __init__(self, words_per_minute: int = 165) -> None:
        self.engine = f"espeak-ng (espeakng-loader {version('espeakng-loader')})"
        self.words_per_minute = words_per_minute
        program = Path(__file__).with_name("espeak_process.py")
        library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        command = [sys.executable, "-I", str(program), library, data]
        self._process = WarmPipeline("eSpeak NG", [command], end=b"\n")
        self._voices = {**self._borrowed, **espeak_voices(Path(data))}

    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(self._voices))

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
        answer = json.loads(self._process.ask(json.dumps(request).encode(), seconds=self._deadline))
        if "error" in answer:
            raise EngineFailedError(
                f"eSpeak NG could not speak {reading.name}. Try again.",
                detail=answer["error"],
            )
        bill.charge(len(reading.text), 0.0)

    def close(self) -> None:
        self._process.close()

    def _voice(self, language: str, speaker: str) -> str:
        if language not in self._voices:
            raise LanguageNotAvailableError(
                f"The voice eSpeak NG does not speak {language!r}. "
                f"It speaks {', '.join(self.languages())}."
            )
        return f"{self._voices[language]}+{self.variants[_number(speaker) % len(self.variants)]}"


def espeak_voices(data: Path) -> dict[str, str]:
    """The voice for each ISO 639 code in eSpeak NG's data, by the voice files' own priorities."""
    ranked: dict[str, tuple[int, str]] = {}
    for path in sorted((data / "lang").rglob("*")):
        if not path.is_file():
            continue
        for code, priority in _CLAIM.findall(path.read_text("utf-8")):
            rank = (int(priority or 5), path.name)
            ranked[code] = min(rank, ranked.get(code, rank))
    return {code: name for code, (_, name) in ranked.items()}


def _number(speaker: str) -> int:
    """Speakers "1", "2", ... count from the first variant; any other name has its own place."""
    return int(speaker) - 1 if speaker.isdecimal() else zlib.crc32(speaker.encode())


def speakable(text: str) -> str:
    """The text without control characters and broken Unicode, which are no speech."""
    return "".join(" " if category(char) in ("Cc", "Cs") else char for char in text)
