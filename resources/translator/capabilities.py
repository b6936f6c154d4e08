"""What each translator can do, as facts: who answers requests knows them and runs no engine.

    openai_facts().targets("en")
    apertium_facts().heeds_wording

Each engine takes its own from here. `tests/contracts/test_capabilities.py` holds them to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from dub_platform.core.languages import AUTO, nearest, spoken_code

T = TypeVar("T")
# The languages of source and target, by their tags.
Pair = tuple[str, str]

# Codes of the languages that large models write well; what is dubbed is what a voice
# speaks as well.
_CODES = (
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fil fr ga gl gu he hi hr hu hy "
    "id is it ja ka kk km kn ko lo lt lv mi mk ml mn mr ms my ne nl no pa pl ps pt ro ru si sk sl "
    "so sq sr sv sw ta te th tr uk ur uz vi yue zh zu"
)
OPENAI_LANGUAGES = tuple(_CODES.split())
# What leads from one language to another where no model does.
PIVOT = "en"
MODES = Path("/usr/share/apertium/modes")
# What Apertium calls a pair; the data for Spanish had another name before 2022.
APERTIUM_MODES: Mapping[Pair, Sequence[str]] = {
    ("ca", "en"): ("cat-eng",),
    ("en", "ca"): ("eng-cat",),
    ("en", "eo"): ("en-eo",),
    ("en", "es"): ("eng-spa", "en-es"),
    ("en", "gl"): ("en-gl",),
    ("eo", "en"): ("eo-en",),
    ("es", "en"): ("spa-eng", "es-en"),
    ("gl", "en"): ("gl-en",),
}


@dataclass(frozen=True)
class TranslatorFacts:
    """Which pairs are translated, or each language of `languages` into every other.

    What is paid for by the character has a price of tokens as well: four characters are one.
    `models` are the names of what translates a pair, and `otherwise` of who does it without one.
    """

    heeds_wording: bool
    pairs: Collection[Pair] = ()
    languages: Sequence[str] = ()
    models: Mapping[Pair, str] = field(default_factory=dict)
    otherwise: str = ""
    usd_per_million_input_tokens: float = 0.0
    usd_per_million_output_tokens: float = 0.0

    def targets(self, source: str) -> tuple[str, ...]:
        """Return what `source`, or any language for `auto`, can be translated into, sorted."""
        if source in (AUTO, *self.languages):
            among = {code for code in self.languages if code != source}
        else:
            among = set()
        return tuple(sorted(among | targets_of(source, self.pairs)))

    def list_models(self, source: str, language: str) -> tuple[str, ...]:
        """Return who translates by name, two where it goes by English; nothing if it has none."""
        if source == AUTO:
            return ()
        named = find_way(source, language, self.models)
        return named or tuple(filter(None, [self.otherwise]))


def openai_facts(
    usd_per_million_input_tokens: float = 0.0, usd_per_million_output_tokens: float = 0.0
) -> TranslatorFacts:
    """Return what a large language model can do, at these prices."""
    return TranslatorFacts(
        heeds_wording=True,
        languages=OPENAI_LANGUAGES,
        usd_per_million_input_tokens=usd_per_million_input_tokens,
        usd_per_million_output_tokens=usd_per_million_output_tokens,
    )


def apertium_facts() -> TranslatorFacts:
    """Return what Apertium translates as it is installed here.

    Where it is not, this machine only answers for those that translate.
    """
    pairs = tuple(installed_pairs()) or tuple(APERTIUM_MODES)
    return TranslatorFacts(heeds_wording=False, pairs=pairs)


def bergamot_facts(models: Mapping[Pair, str]) -> TranslatorFacts:
    """Return what Bergamot translates with models of these pairs and names, and Apertium
    besides."""
    pairs = (*routes(models), *installed_pairs())
    return TranslatorFacts(heeds_wording=False, pairs=pairs, models=models, otherwise="apertium")


def targets_of(source: str, pairs: Collection[Pair]) -> set[str]:
    """Return what these pairs translate `source` into, or any language for `auto`."""
    sources = {one for one, _ in pairs}
    known = sources if source == AUTO else {nearest(source, sources)}
    return {other for one, other in pairs if one in known}


def find_pair(source: str, language: str, pairs: Collection[Pair]) -> Pair | None:
    """Return the pair that translates into the language as it is written in the wanted region.

    Where there is none, it is one for another region.
    """
    one = nearest(source, {each for each, _ in pairs})
    other = nearest(language, targets_of(source, pairs))
    return (one, other) if one and other else None


def find_way(source: str, language: str, models: Mapping[Pair, T]) -> tuple[T, ...]:
    """Return what leads from one language to another: what a pair has, or two pairs by English."""
    pair = find_pair(source, language, tuple(routes(models)))
    if pair is None:
        return ()
    steps = [pair] if pair in models else [(pair[0], PIVOT), (PIVOT, pair[1])]
    return tuple(models[step] for step in steps)


def routes(models: Collection[Pair]) -> Iterator[Pair]:
    """Yield the pairs that models translate, directly or by way of English."""
    for source in {one for one, _ in models}:
        for target in {other for _, other in models}:
            if spoken_code(source) == spoken_code(target):
                continue
            by_english = {(source, PIVOT), (PIVOT, target)} <= set(models)
            if (source, target) in models or by_english:
                yield source, target


def installed_pairs(modes: Path = MODES) -> Iterator[Pair]:
    """Yield the pairs of Apertium that this machine can translate."""
    if shutil.which("lt-proc") is None:
        return
    for pair, names in APERTIUM_MODES.items():
        if any((modes / f"{name}.mode").is_file() for name in names):
            yield pair
