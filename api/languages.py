"""Which languages a request may ask for.

chosen(["ES", "ca", "es"], spoken="en", available=("ca", "es"))     # ["es", "ca"]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.core.languages import language


def chosen(texts: Iterable[str], *, spoken: str, available: Sequence[str]) -> list[str]:
    """The codes of the languages asked for, each once, in the order asked.

    Raises UnknownLanguageError, LanguageNotAvailableError.
    """
    codes = list(dict.fromkeys(language(text).code for text in texts))
    for code in codes:
        _refuse_unfit(code, spoken, available)
    return codes


def _refuse_unfit(code: str, spoken: str, available: Sequence[str]) -> None:
    if code == spoken:
        raise LanguageNotAvailableError(
            f"The video speaks {language(spoken).name} ({spoken}) already: ask for another "
            f"language. {_offer(spoken, available)}"
        )
    if code not in available:
        raise LanguageNotAvailableError(
            f"{language(code).name} ({code}) is not available here. {_offer(spoken, available)}"
        )


def _offer(spoken: str, available: Sequence[str]) -> str:
    listed = ", ".join(available) or "none yet"
    return f"From {language(spoken).name} there is: {listed}."
