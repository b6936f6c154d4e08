"""Apertium: the translator that needs no account.

    translation = ApertiumTranslator().translate(transcript, "es")

It writes English from the languages that it writes from English. A pair of languages is a pipeline
of programs that is kept warm; see `resources/system/warm_pipeline.py`. Its promises are tested in
`tests/contracts/test_translator.py`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Collection
from pathlib import Path
from unicodedata import category

from dub_platform.core.errors import EngineUnavailableError, LanguageNotAvailableError
from dub_platform.core.speech import Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from resources.system.programs import patience
from resources.system.warm_pipeline import WarmPipeline
from resources.translator.capabilities import (
    APERTIUM_MODES,
    MODES,
    Pair,
    find_pair,
    installed_pairs,
    targets_of,
)
from resources.translator.port import NO_BRIEF

# NUL flushes every stage. Before it an empty superblank, because stages whose input was cut off
# write a NUL of their own, and that is no answer.
_END = b"[]\0"
_STREAM = re.compile(r"[\[\]{}^$/\\@<>]")
_TILDE = re.compile(r" ?~[~ ]*")
_ESCAPED = re.compile(r"\\(.)|[\[\]]")
_SPACE_BEFORE = re.compile(r" ([,.;:!?…]+)(?= |$)")
_CAPITALS = re.compile(r"\b[A-ZÀ-Þ]+\b")
# What Apertium's data leave behind now and then: a second reading, a tag, a mark.
_LEFTOVERS = {
    "/": re.compile(r"/\w+"),
    "<": re.compile(r"<\w+>"),
    "*": re.compile(r"\*"),
    "@": re.compile(r"@"),
    "#": re.compile(r"#"),
}


class ApertiumTranslator:
    """Apertium, offline, from and into English: gist quality, some milliseconds a line once warm.

    `modes` is the folder with its mode files. One pipeline for each pair is kept warm. It
    translates what is there: it knows no glossary and no formality, and cannot say it shorter.
    """

    heeds_wording = False

    def __init__(self, modes: Path = MODES) -> None:
        self.engine = _apertium_version()
        self._folder = modes
        self._lock = threading.Lock()
        self._pipelines: dict[Pair, WarmPipeline] = {}

    def check(self) -> None:
        """Return if there is a pair to translate. Raises EngineUnavailableError."""
        if not self._pairs():
            raise EngineUnavailableError(
                "Apertium or its language data are not installed. Install one of the Debian "
                "packages apertium-eng-spa apertium-eng-cat apertium-en-gl apertium-eo-en, or "
                "choose another DUB_TRANSLATOR."
            )

    def targets(self, source: str) -> tuple[str, ...]:
        return tuple(sorted(targets_of(source, self._pairs())))

    def engine_for(self, source: str, language: str) -> str:  # noqa: ARG002 - it is one for all
        return self.engine

    def translate(
        self,
        transcript: Transcript,
        language: str,
        brief: Brief = NO_BRIEF,  # noqa: ARG002 - it cannot heed one
        *,
        only: Collection[int] | None = None,
    ) -> Translation:
        pair = self._find_pair(transcript.language, language)
        pipeline = self._pipeline(pair)
        lines = tuple(
            TranslatedLine(line.id, self._translate_text(line.text, language, pipeline))
            for line in transcript.lines
            if only is None or line.id in only
        )
        return Translation(language, self.engine, lines)

    def shorten(
        self,
        transcript: Transcript,  # noqa: ARG002 - it cannot say the same in other words
        translation: Translation,
        brief: Brief,  # noqa: ARG002
    ) -> Translation:
        return translation

    def close(self) -> None:
        with self._lock:
            for pipeline in self._pipelines.values():
                pipeline.close()

    def _pairs(self) -> list[Pair]:
        """Return the pairs that are installed."""
        return list(installed_pairs(self._folder))

    def _find_pair(self, source: str, language: str) -> Pair:
        """Return the pair, if it is installed. Raises LanguageNotAvailableError."""
        pairs = self._pairs()
        pair = find_pair(source, language, pairs)
        if pair is None:
            offers = (f"{code} into {', '.join(self.targets(code))}" for code, _ in pairs)
            raise LanguageNotAvailableError(
                f"Apertium cannot translate {source!r} into {language!r} here. "
                f"It translates {'; '.join(dict.fromkeys(offers)) or 'nothing'}."
            )
        return pair

    def _translate_text(self, text: str, language: str, pipeline: WarmPipeline) -> str:
        answer = pipeline.ask(deformat(text).encode(), seconds=patience(1.0))
        written = _tidy(reformat(answer.decode()), text)
        return _capitalise(written, text, language) or text

    def _pipeline(self, pair: Pair) -> WarmPipeline:
        with self._lock:
            if pair not in self._pipelines:
                mode = self._find_mode(pair)
                assert mode
                stages = mode_stages(mode.read_text("utf-8"))
                self._pipelines[pair] = WarmPipeline("Apertium", stages, _END)
            return self._pipelines[pair]

    def _find_mode(self, pair: Pair) -> Path | None:
        """Return the mode file of a pair, under the name that it has here; None where it has
        none."""
        files = (self._folder / f"{mode}.mode" for mode in APERTIUM_MODES[pair])
        return next(filter(Path.is_file, files), None)


def mode_stages(mode: str) -> list[list[str]]:
    """Return the commands of a mode file, each told to flush at NUL.

    A mode is a shell pipeline; no shell sees it. `$1` is the generator's option: `-n` leaves out
    the marks for unknown words. `$2` is the tagger's, for debugging.
    """
    tokens = shlex.shlex(mode, posix=True, punctuation_chars="|")
    tokens.whitespace_split = True
    stages: list[list[str]] = [[]]
    for token in tokens:
        if token == "|":
            stages.append([])
        elif token != "$2":
            stages[-1].append(token.replace("$1", "-n"))
    return [[program, "-z", *arguments] for program, *arguments in stages]


def deformat(text: str) -> str:
    """Write text as Apertium's stream, on one line, its own characters escaped.

    The full stop at the end is for the tagger, which wants sentences to end. `~` would be taken
    for a mark of the generator's, so it travels as formatting.
    """
    words = "".join(" " if category(char) in ("Cc", "Cs") else char for char in text)
    escaped = _STREAM.sub(r"\\\g<0>", " ".join(words.split()))
    return _TILDE.sub(r"[\g<0>]", escaped) + "."


def reformat(stream: str) -> str:
    """Return the text in Apertium's stream, without the full stop that `deformat` added."""
    return _ESCAPED.sub(lambda found: found[1] or "", stream.removesuffix("."))


def _tidy(text: str, source: str) -> str:
    """Put spaces as they are written, and leave out marks that the source has not."""
    for character, leftover in _LEFTOVERS.items():
        if character not in source:
            text = leftover.sub("", text)
    return _SPACE_BEFORE.sub(r"\1", " ".join(text.split()))


def _capitalise(text: str, source: str, language: str) -> str:
    """Write a capital where the source begins with one, and none that the data put into words."""
    # English has capitals of its own: "yo" is "I", "la tele" is "the TV".
    if language != "en":
        text = _recase(text, source)
    return text[:1].upper() + text[1:] if source.strip()[:1].isupper() else text


def _recase(text: str, source: str) -> str:
    """Write short words as in a text that the data write in capitals ("EL agua")."""
    capitals = set(_CAPITALS.findall(source))
    return _CAPITALS.sub(lambda found: _lower_unless(found, capitals), text)


def _lower_unless(found: re.Match[str], capitals: set[str]) -> str:
    word = found[0]
    if word in capitals:
        return word
    starts_sentence = found.string[: found.start()].rstrip().endswith((".", "!", "?"))
    return word.capitalize() if starts_sentence else word.lower()


def _apertium_version() -> str:
    """Tell what `apertium -V` says, such as `apertium 3.8.3`; just the name where it does not say
    it."""
    try:
        said = subprocess.run(
            [shutil.which("apertium") or "apertium", "-V"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "apertium"
    version = said.stdout.strip().lower()
    return version if said.returncode == 0 and version else "apertium"
