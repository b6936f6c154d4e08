"""How a text is said: phonemes from eSpeak NG, clause by clause, in breaths.

    clauses = Phonemes().spell("Hola. ¿Qué tal?", "es")     # two, each with its mark
    breaths(clauses, most=400)                              # one text that has both

The library is asked in the process that `resources/voice/espeak_process.py` is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import espeakng_loader

from dub_platform.core.errors import EngineFailedError
from resources.system.programs import helper, patience
from resources.system.warm_pipeline import WarmPipeline
from resources.voice.espeak import speakable

# A mark ends a clause where something other than a word goes on, so 3.5 and 14:30 stay whole.
_MARKS = re.compile(r"""([.,;:!?…—–،؛؟۔।。、，；：！？]+)(?=[\s"'»”’)\]]|$)|([。、，；：！？]+)""")
_AS_WRITTEN = str.maketrans("–،؛؟۔।。、，；：！？", "—,;?..." + ",,;:!?")
# What stands before a full stop that ends no sentence: a title, or initials.
_SHORT = re.compile(
    r"(?:^|\W)(?:Dr|Dra|Mr|Mrs|Ms|Sr|Sra|Srta|Prof|Mme|Mlle|St|Sig|Hr|Jr|vs|\w(?:\.\w)*)$"
)
# "(en)word(es)": the voice that it switched to for a foreign word.
_SWITCH = re.compile(r"\([a-z-]+\)")
_ENDS_SENTENCE = (".", "!", "?", "…")


class Phonemes:
    """eSpeak NG, asked for phonemes. Threads take turns."""

    def __init__(self, idle_seconds: float = math.inf) -> None:
        program = Path(__file__).with_name("espeak_process.py")
        library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        command = helper(program, library, data)
        self._process = WarmPipeline("eSpeak NG", [command], b"\n", idle_seconds=idle_seconds)

    def spell(self, text: str, voice: str, *, ties: bool = False) -> list[str]:
        """Return the clauses of a text in IPA, each with its mark; those that say nothing are left
        out.

        With `ties`, `^` stands between two letters of one sound. Raises EngineFailedError.
        """
        parts = list(_clauses(text))
        request = {"clauses": [said for said, _ in parts], "voice": voice, "ties": ties}
        question = json.dumps(request).encode()
        answer = json.loads(self._process.ask(question, seconds=patience(1.0)))
        if "error" in answer:
            raise EngineFailedError(
                "eSpeak NG could not say how a line is pronounced. Try again.",
                detail=answer["error"],
            )
        spelled = (_SWITCH.sub("", each).strip() for each in answer["phonemes"])
        return [
            said + mark for said, (_, mark) in zip(spelled, parts, strict=True) if said.strip("_ ")
        ]

    def close(self) -> None:
        """End the process. The next text starts it again."""
        self._process.close()


def breaths(clauses: Sequence[str], most: int) -> list[str]:
    """Return the clauses joined into as few texts of up to `most` letters as end with a sentence
    where they can; a longer clause is cut between words."""
    told: list[str] = []
    for piece in (piece for clause in clauses for piece in _cut(clause, most)):
        if told and len(told[-1]) + 1 + len(piece) <= most and not _is_full(told[-1], most):
            told[-1] += f" {piece}"
        else:
            told.append(piece)
    return told


def _is_full(said: str, most: int) -> bool:
    """Whether this is long enough to draw breath where a sentence ends."""
    return said.endswith(_ENDS_SENTENCE) and len(said) > most // 2


def _cut(clause: str, most: int) -> Iterator[str]:
    while len(clause) > most:
        space = clause.rfind(" ", 1, most)
        end = space if space > 0 else most
        yield clause[:end]
        clause = clause[end:].strip()
    if clause:
        yield clause


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Tell what is said up to each mark, and the mark as a voice model knows it."""
    begin, plain = 0, " ".join(speakable(text).split())
    for found in _MARKS.finditer(plain):
        if found[0] == "." and found.end() < len(plain) and _SHORT.search(plain[: found.start()]):
            continue
        yield plain[begin : found.start()].strip(), found[0][0].translate(_AS_WRITTEN)
        begin = found.end()
    yield plain[begin:].strip(), ""
