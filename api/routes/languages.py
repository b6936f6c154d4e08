"""Which languages there are here, and which a request may name and ask for.

named("auto", detected=True)                                        # "auto"
chosen(["ES", "ca", "es"], spoken="en", available=("ca", "es"))     # ["es", "ca"]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from api.contract.etags import tagged
from api.contract.responses import answer
from api.contract.schemas import LanguageAnswer, LanguageListing, LanguagesAnswer, parsed
from api.services import services_of
from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.core.languages import AUTO, language


def languages(request: Request) -> Response:
    """List what a video can be dubbed into here, from a language or from the one that is usual."""
    services, asked = services_of(request), parsed(LanguageListing, request.query_params)
    spoken = services.source_language
    if asked.source_language is not None:
        spoken = named(asked.source_language, detected=services.detects_languages)
    rows = [
        LanguageAnswer(language=code, name=language(code).name) for code in services.targets(spoken)
    ]
    return tagged(request, answer(LanguagesAnswer(source_language=spoken, languages=rows)))


def named(text: str, *, detected: bool) -> str:
    """The code of the language that is said to be spoken, or `auto` where it is detected here.

    Raises UnknownLanguageError, LanguageNotAvailableError.
    """
    if text.strip().lower() != AUTO:
        return language(text).code
    if not detected:
        raise LanguageNotAvailableError(
            "The recogniser here cannot tell which language is spoken: name it as "
            "source_language, or ask the operator for another DUB_TRANSCRIBER."
        )
    return AUTO


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
    if spoken == AUTO:
        return f"Until it is known what is spoken, there is: {listed}."
    return f"From {language(spoken).name} there is: {listed}."
