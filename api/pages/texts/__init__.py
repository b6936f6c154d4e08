"""The texts of pages, in the languages that the pages speak.

    texts = texts_for(request)          # by `hl` in the query, else by Accept-Language
    texts.code, texts["publish"]

A language is a file `CODE.json` beside this module with the keys of `en.json`. A text that counts
something has forms by CLDR's plural categories.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request

_FOLDER = Path(__file__).parent
DEFAULT = "en"


@dataclass(frozen=True)
class Texts:
    """All texts of one language; `code` is its ISO 639 code."""

    code: str
    by_key: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.by_key[key]


@functools.cache
def all_texts() -> Mapping[str, Texts]:
    """Read the texts of each language, by its code."""
    files = sorted(_FOLDER.glob("*.json"))
    return {path.stem: Texts(path.stem, json.loads(path.read_text("utf-8"))) for path in files}


def texts_for(request: Request) -> Texts:
    """Choose the texts that whoever asks can read best; English if there are none of those."""
    asked = request.query_params.get("hl", "")
    for code in (asked, *_accepted(request.headers.get("accept-language", "")), DEFAULT):
        if code in all_texts():
            return all_texts()[code]
    raise LookupError(DEFAULT)


def _accepted(header: str) -> Iterator[str]:
    """The languages of an Accept-Language, the one that is liked best first."""
    ranked: list[tuple[float, str]] = []
    for each in header.split(",")[:20]:
        tag, _, weight = each.partition(";q=")
        try:
            liked = float(weight or 1)
        except ValueError:
            continue
        ranked.append((-liked, tag.strip().partition("-")[0].lower()))
    return (code for _, code in sorted(ranked, key=lambda pair: pair[0]))
