"""The texts of pages, in the languages that the pages speak.

    texts = texts_for(request, "watch")     # by `hl` in the query, else by Accept-Language
    texts.code, texts["play"], texts.fill("failed", language="Spanish")

A page has a folder beside this module, with a file `CODE.json` for each language, which has the
keys of `en.json`. A text that counts something has forms by CLDR's plural categories.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import langcodes
from starlette.requests import Request

from dub_platform.core.languages import Language

_FOLDER = Path(__file__).parent
PAGES = ("edit", "watch")
DEFAULT = "en"


@dataclass(frozen=True)
class Texts:
    """All texts of a page in one language; `code` is its ISO 639 code."""

    code: str
    by_key: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.by_key[key]

    def fill(self, key: str, **values: str) -> str:
        """Return a text with these values in it."""
        return str(self.by_key[key]).format(**values)

    def name(self, language: Language) -> str:
        """Return what the language is called in the language of these texts."""
        return _name_of(language.code, self.code)


@functools.lru_cache(maxsize=1024)
def _name_of(code: str, reader: str) -> str:
    return langcodes.Language.get(code).display_name(reader)


@functools.cache
def all_texts(page: str) -> Mapping[str, Texts]:
    """Read the texts of a page in each language, by its code."""
    files = sorted((_FOLDER / page).glob("*.json"))
    return {path.stem: Texts(path.stem, json.loads(path.read_text("utf-8"))) for path in files}


def texts_for(request: Request, page: str) -> Texts:
    """Choose the texts that whoever asks can read best; English if there are none of those."""
    texts = all_texts(page)
    for code in (request.query_params.get("hl", ""), *accepted_languages(request), DEFAULT):
        if code in texts:
            return texts[code]
    raise LookupError(DEFAULT)


def accepted_languages(request: Request) -> Iterator[str]:
    """Return the languages of Accept-Language, the one that is liked best first."""
    ranked: list[tuple[float, str]] = []
    for each in request.headers.get("accept-language", "").split(",")[:20]:
        tag, _, weight = each.partition(";q=")
        try:
            liked = float(weight or 1)
        except ValueError:
            continue
        ranked.append((-liked, tag.strip().partition("-")[0].lower()))
    return (code for _, code in sorted(ranked, key=lambda pair: pair[0]))
