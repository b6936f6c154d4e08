"""The language that a text is written in, told by py3langid.

odds = text_languages("Mi padre era pescador y me enseñó a leer el viento.")
assert next(iter(odds)) == "es"
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import langcodes

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_LOADING = threading.Lock()


def text_languages(text: str) -> dict[str, float]:
    """Tell how probable each language is, by its code, the most probable first.

    The shorter the text, the smaller the best one's share.
    """
    with _LOADING:
        ranked = _identifier().rank(text)
    # zxx is what is no language: numbers, addresses.
    return {
        langcodes.standardize_tag(label): float(share) for label, share in ranked if label != "zxx"
    }


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
