"""Which models listen to a language, translate it and speak it: a whole dub, without an account.

    for each in list_coverage(read_catalogue(), ESPEAK_LANGUAGES):
        each.code, each.listens, each.from_english, each.speaks

A language is covered where something listens, something translates and something speaks. What no
model speaks is spoken by eSpeak NG, a robot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dub_platform.core.languages import nearest_voice
from resources.models.catalogue import Entry
from resources.translator.capabilities import PIVOT, Pair

# Before the others, in this order: what a set of models takes as well.
VOICES = ("kokoro", "piper")


@dataclass(frozen=True)
class Coverage:
    """The models of a language; `speaks` is None where only eSpeak NG speaks it."""

    code: str
    listens: Entry | None
    from_english: Entry | None
    into_english: Entry | None
    speaks: Entry | None
    is_said: bool

    @property
    def is_target(self) -> bool:
        """Whether videos can be dubbed into it, by English from what English is made of."""
        return self.is_said and (self.code == PIVOT or self.from_english is not None)

    @property
    def is_source(self) -> bool:
        """Whether videos that speak it can be dubbed."""
        return bool(self.listens) and (self.code == PIVOT or self.into_english is not None)


def list_coverage(
    catalogue: Mapping[str, Entry], last_resort: Collection[str]
) -> Iterator[Coverage]:
    """Yield each language that is translated, in the order of codes.

    `last_resort` are the languages that are spoken without a model.
    """
    models = {pair_of(each): each for each in catalogue.values() if each.kind == "bergamot"}
    for code in sorted({code for pair in models for code in pair}):
        speaks = find_recommended(catalogue, VOICES, code)
        yield Coverage(
            code,
            listens=find_recommended(catalogue, ("whisper",), code),
            from_english=models.get((PIVOT, code)),
            into_english=models.get((code, PIVOT)),
            speaks=speaks,
            is_said=bool(speaks or nearest_voice(code, last_resort)),
        )


def find_recommended(
    catalogue: Mapping[str, Entry], kinds: Sequence[str], code: str
) -> Entry | None:
    """Return the first model of these kinds that is recommended and knows the language."""
    known = (
        entry
        for kind in kinds
        for entry in catalogue.values()
        if entry.kind == kind and entry.recommended and nearest_voice(code, entry.languages)
    )
    return next(known, None)


def pair_of(entry: Entry) -> Pair:
    """Return the languages that a translator's model is for, from and to."""
    return entry.languages[0], entry.languages[1]
