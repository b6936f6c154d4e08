"""Which models are meant: by name, or by what is to be dubbed into what.

choose(["base", "bergamot/en-pt"], catalogue)      # raises EngineUnavailableError
choose_for("en:pt,es", catalogue)                  # a whole set, and what is lacking
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.languages import language, spoken_code
from resources.models.catalogue import Entry
from resources.models.coverage import VOICES, find_recommended, pair_of
from resources.translator.capabilities import find_way

Catalogue = Mapping[str, Entry]


def choose(names: Iterable[str], catalogue: Catalogue) -> list[Entry]:
    """Return the entries of these names, whisper/base or base. Raises EngineUnavailableError."""
    return [_find_entry(name, catalogue) for name in names]


def _find_entry(name: str, catalogue: Catalogue) -> Entry:
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
    """Tell what dubs `en:pt,es`, from English into both.

    Raises EngineUnavailableError for what is not written so, UnknownLanguageError.
    """
    spoken, colon, into = text.partition(":")
    if not colon or not into:
        raise EngineUnavailableError(
            f"{text!r} says not what is dubbed into what. Write --for en:pt,es for dubs from "
            "English into Portuguese and Spanish."
        )
    source = spoken_code(spoken)
    targets = [language(each).code for each in into.split(",")]
    chosen: dict[str, Entry] = {}
    lacking: list[str] = []
    pairs = {pair_of(each): each for each in catalogue.values() if each.kind == "bergamot"}
    _add(
        chosen, lacking, [find_recommended(catalogue, ("whisper",), source)], f"listens to {source}"
    )
    for target in targets:
        route = find_way(source, target, pairs)
        _add(chosen, lacking, route, f"translates {source} into {target}")
        does = f"speaks {target}: eSpeak NG does, as a robot, where it knows it"
        _add(chosen, lacking, [find_recommended(catalogue, VOICES, target)], does)
    return Choice(tuple(chosen.values()), tuple(lacking))


def _add(
    chosen: dict[str, Entry], lacking: list[str], found: Sequence[Entry | None], does: str
) -> None:
    there = [entry for entry in found if entry]
    chosen.update((entry.full_name, entry) for entry in there)
    if not there:
        lacking.append(f"The catalogue has no model that {does}.")
