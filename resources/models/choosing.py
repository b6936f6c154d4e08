"""Which models are meant: by name, or by what is to be dubbed into what.

choose(["base", "bergamot/en-pt"], catalogue)      # raises EngineUnavailableError
choose_for("en:pt,es", catalogue)                  # a whole set, and what is lacking
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.languages import language
from resources.models.catalogue import Entry

Catalogue = Mapping[str, Entry]
# A pair that there is none for goes by this language.
_PIVOT = "en"


def choose(names: Iterable[str], catalogue: Catalogue) -> list[Entry]:
    """The entries of these names, whisper/base or base. Raises EngineUnavailableError."""
    return [_named(name, catalogue) for name in names]


def _named(name: str, catalogue: Catalogue) -> Entry:
    if name in catalogue:
        return catalogue[name]
    same = [entry for entry in catalogue.values() if entry.name == name]
    if len(same) == 1:
        return same[0]
    near = [each.full_name for each in same] or difflib.get_close_matches(name, catalogue, n=3)
    raise EngineUnavailableError(
        f"There is no one model called {name!r}."
        + (f" Did you mean {' or '.join(near)}?" if near else "")
        + " dub-admin models list shows all."
    )


@dataclass(frozen=True)
class Choice:
    """A set of models; `lacking` says in sentences what no model is there for."""

    entries: tuple[Entry, ...]
    lacking: tuple[str, ...]


def choose_for(text: str, catalogue: Catalogue) -> Choice:
    """What dubs `en:pt,es`, from English into both.

    Raises EngineUnavailableError for what is not written so, UnknownLanguageError.
    """
    spoken, colon, into = text.partition(":")
    if not colon or not into:
        raise EngineUnavailableError(
            f"{text!r} says not what is dubbed into what. Write --for en:pt,es for dubs from "
            "English into Portuguese and Spanish."
        )
    source = language(spoken).code
    targets = [language(each).code for each in into.split(",")]
    chosen: dict[str, Entry] = {}
    lacking: list[str] = []
    _add(chosen, lacking, _first(catalogue, ("whisper",), source), f"listens to {source}")
    for target in targets:
        route = _route(catalogue, source, target)
        _add(chosen, lacking, route, f"translates {source} into {target}")
        _add(chosen, lacking, _first(catalogue, ("kokoro", "piper"), target), f"speaks {target}")
    return Choice(tuple(chosen.values()), tuple(lacking))


def _add(chosen: dict[str, Entry], lacking: list[str], found: list[Entry], does: str) -> None:
    chosen.update((entry.full_name, entry) for entry in found)
    if not found:
        lacking.append(f"The catalogue has no model that {does}.")


def _first(catalogue: Catalogue, kinds: Sequence[str], code: str) -> list[Entry]:
    """The first of these kinds that is recommended and knows the language."""
    fits = (
        entry
        for kind in kinds
        for entry in catalogue.values()
        if entry.kind == kind and entry.recommended and code in entry.languages
    )
    return [entry for entry in [next(fits, None)] if entry]


def _route(catalogue: Catalogue, source: str, target: str) -> list[Entry]:
    """The pair, or the two that go by English."""
    for steps in ([(source, target)], [(source, _PIVOT), (_PIVOT, target)]):
        pairs = [catalogue.get(f"bergamot/{one}-{other}") for one, other in steps]
        if all(pairs):
            return [pair for pair in pairs if pair]
    return []
