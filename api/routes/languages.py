"""The languages that are available here, and the checks of those that a request names.

check_source_language("auto", detected=True)                                  # "auto"
check_languages(["ES", "ca", "es"], spoken="en", available=("ca", "es"))      # ["es", "ca"]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from api.contract.etags import answer_with_etag
from api.contract.operation import Operation
from api.contract.responses import answer
from api.contract.schemas import LanguageAnswer, LanguagesAnswer, LanguagesQuery, parse
from api.services import services_of
from dub_platform.core.errors import LanguageNotAvailableError, UnknownLanguageError
from dub_platform.core.languages import AUTO, Language, language, nearest, spoken_code


def languages(request: Request) -> Response:
    """List the languages that a video can be dubbed into, from a given or the usual language."""
    services, asked = services_of(request), parse(LanguagesQuery, request.query_params)
    spoken = services.source_language
    if asked.source_language is not None:
        spoken = check_source_language(asked.source_language, detected=services.detects_languages)
    rows = [
        _row(language(code), *services.makers(spoken, code)) for code in services.targets(spoken)
    ]
    return answer_with_etag(
        request, answer(LanguagesAnswer(source_language=spoken, languages=rows))
    )


def _row(of: Language, translated_by: Sequence[str], spoken_by: str) -> LanguageAnswer:
    return LanguageAnswer(
        language=of.code,
        name=of.name,
        direction=of.direction,
        translated_by=list(translated_by),
        spoken_by=spoken_by,
    )


def check_source_language(text: str, *, detected: bool) -> str:
    """Return the code of the language that is spoken, or `auto` where the recogniser can detect it.

    Raises UnknownLanguageError, LanguageNotAvailableError.
    """
    if text.strip().lower() != AUTO:
        return spoken_code(text)
    if not detected:
        raise LanguageNotAvailableError(
            "The recogniser here cannot tell which language is spoken: name it as "
            "source_language, or ask the operator for another DUB_TRANSCRIBER."
        )
    return AUTO


def check_languages(texts: Iterable[str], *, spoken: str, available: Sequence[str]) -> list[str]:
    """Return the codes of the requested languages, each once, in the order of the request.

    Raises UnknownLanguageError, LanguageNotAvailableError.
    """
    codes = list(dict.fromkeys(language(text).code for text in texts))
    for code in codes:
        _require_available(code, spoken, available)
    return codes


def _require_available(code: str, spoken: str, available: Sequence[str]) -> None:
    if spoken_code(code) == spoken:
        raise LanguageNotAvailableError(
            f"The video speaks {language(spoken).name} ({spoken}) already: ask for another "
            f"language. {_offer(spoken, available)}"
        )
    if nearest(code, available) is None:
        raise LanguageNotAvailableError(
            f"{language(code).name} ({code}) is not available here. {_offer(spoken, available)}"
        )


def _offer(spoken: str, available: Sequence[str]) -> str:
    listed = ", ".join(available) or "none yet"
    if spoken == AUTO:
        return f"Until it is known what is spoken, there is: {listed}."
    return f"From {language(spoken).name} there is: {listed}."


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/languages",
        languages,
        "What a video can be dubbed into here; `source_language` names what it speaks",
        {200: LanguagesAnswer},
        query=LanguagesQuery,
        tagged=True,
        errors=(UnknownLanguageError, LanguageNotAvailableError),
    ),
)
