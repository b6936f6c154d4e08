"""Bergamot: neural translation on the processor, with the models that Firefox translates with.

    translator = BergamotTranslator({("en", "pt"): model, ("pt", "en"): other})
    translation = translator.translate(transcript, "pt")

A model is for a pair of languages; what there is none for goes by English. A line is translated by
itself: the models know no context, no glossary and no formality, and cannot say it shorter. Its
promises are tested in `tests/contracts/test_translator.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import structlog

from dub_platform.core.errors import (
    EngineFailedError,
    EngineUnavailableError,
    LanguageNotAvailableError,
)
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from resources.system.extras import say_how_to_install
from resources.system.programs import helper, patience
from resources.system.warm_pipeline import WarmPipeline
from resources.translator.capabilities import Pair, find_way, routes, targets_of
from resources.translator.guards import has_same_digits, rewrite_numbers, translate_guarded
from resources.translator.port import NO_BRIEF

PACKAGE = "fxtranslate"
# Seconds a word on a quiet machine, at the most.
_WORD_SECONDS = 0.02
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PairModel:
    """The files of a pair; `engine` tells its weights from others of the same name."""

    engine: str
    model: Path
    source: Path
    target: Path
    shortlist: Path


class BergamotTranslator:
    """Translates with these models, in one process for all. It heeds no wording."""

    heeds_wording = False

    def __init__(self, models: Mapping[Pair, PairModel], idle_seconds: float = math.inf) -> None:
        self.engine = "bergamot"
        self._models = dict(models)
        command = helper(Path(__file__).with_name("bergamot_process.py"))
        self._process = WarmPipeline("Bergamot", [command], b"\n", idle_seconds=idle_seconds)

    def check(self) -> None:
        """Return if there is what to translate with. Raises EngineUnavailableError."""
        if find_spec(PACKAGE) is None:
            raise EngineUnavailableError(
                "Bergamot's models are read by the package fxtranslate, which is not installed. "
                "Choose another DUB_TRANSLATOR, or have it. " + say_how_to_install("local")
            )

    def targets(self, source: str) -> tuple[str, ...]:
        return tuple(sorted(targets_of(source, tuple(routes(self._models)))))

    def engine_for(self, source: str, language: str) -> str:
        return ", ".join(model.engine for model in self._route(source, language)) or self.engine

    def translate(
        self,
        transcript: Transcript,
        language: str,
        brief: Brief = NO_BRIEF,  # noqa: ARG002 - it cannot heed one
        *,
        only: Collection[int] | None = None,
    ) -> Translation:
        source = transcript.language
        route = self._require_route(source, language)
        lines = tuple(
            self._translate_line(line, (source, language), route)
            for line in transcript.lines
            if only is None or line.id in only
        )
        return Translation(language, self.engine_for(source, language), lines)

    def shorten(
        self,
        transcript: Transcript,  # noqa: ARG002 - it cannot say the same in other words
        translation: Translation,
        brief: Brief,  # noqa: ARG002
    ) -> Translation:
        return translation

    def close(self) -> None:
        self._process.close()

    def _route(self, source: str, language: str) -> tuple[PairModel, ...]:
        """Return the models that lead there, one or two; none where none do."""
        return find_way(source, language, self._models)

    def _require_route(self, source: str, language: str) -> tuple[PairModel, ...]:
        route = self._route(source, language)
        if not route:
            sources = sorted({one for one, _ in self._models})
            offers = (f"{code} into {', '.join(self.targets(code))}" for code in sources)
            raise LanguageNotAvailableError(
                f"Bergamot cannot translate {source!r} into {language!r} here. It translates "
                f"{'; '.join(offers) or 'nothing'}. Other pairs are got by dub-admin models get."
            )
        return route

    def _translate_line(self, line: Line, pair: Pair, route: Sequence[PairModel]) -> TranslatedLine:
        said = translate_guarded(line.text, pair[0], partial(self._translate_along, route))
        if not has_same_digits(line.text, said):
            _log.warning("a translation has other digits than its line", line=line.id)
        return TranslatedLine(line.id, rewrite_numbers(line.text, said, *pair))

    def _translate_along(self, route: Sequence[PairModel], texts: Sequence[str]) -> Sequence[str]:
        for model in route:
            texts = self._ask(model, texts)
        return texts

    def _ask(self, model: PairModel, texts: Sequence[str]) -> Sequence[str]:
        files = {
            "model": str(model.model),
            "source": str(model.source),
            "target": str(model.target),
            "shortlist": str(model.shortlist),
        }
        question = json.dumps({"model": files, "texts": list(texts)}).encode()
        seconds = patience(_WORD_SECONDS * sum(len(text.split()) for text in texts))
        answer = json.loads(self._process.ask(question, seconds=seconds))
        if "error" in answer:
            raise EngineFailedError(
                f"Bergamot could not translate with {model.engine}. Try again; if it goes on, get "
                "the model anew: dub-admin models verify says whether it is damaged.",
                detail=answer["error"],
            )
        said: list[str] = answer["texts"]
        return said
