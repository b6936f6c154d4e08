"""Translators by preference: each pair of languages is for the first that knows it.

    translator = TranslatorLadder([bergamot, ApertiumTranslator()])
    translator.engine_for("en", "eo")       # "apertium 3.8.3"

Which it is depends on what is installed and not on what fails, and is noted with the translation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.core.languages import nearest
from dub_platform.core.speech import Transcript, Translation
from dub_platform.core.style.brief import Brief
from resources.translator.port import NO_BRIEF, Translator


class TranslatorLadder:
    """Several translators as one. None of them heeds a wording."""

    heeds_wording = False

    def __init__(self, translators: Sequence[Translator]) -> None:
        self.engine = " > ".join(each.engine for each in translators)
        self.translators = tuple(translators)

    def targets(self, source: str) -> tuple[str, ...]:
        return tuple(sorted({code for each in self.translators for code in each.targets(source)}))

    def engine_for(self, source: str, language: str) -> str:
        return self._find_translator(source, language).engine_for(source, language)

    def translate(
        self,
        transcript: Transcript,
        language: str,
        brief: Brief = NO_BRIEF,
        *,
        only: Collection[int] | None = None,
    ) -> Translation:
        knowing = self._find_translator(transcript.language, language)
        return knowing.translate(transcript, language, brief, only=only)

    def shorten(
        self, transcript: Transcript, translation: Translation, brief: Brief
    ) -> Translation:
        knowing = self._find_translator(transcript.language, translation.language)
        return knowing.shorten(transcript, translation, brief)

    def close(self) -> None:
        for each in self.translators:
            each.close()

    def _find_translator(self, source: str, language: str) -> Translator:
        for each in self.translators:
            if nearest(language, each.targets(source)):
                return each
        raise LanguageNotAvailableError(
            f"No translator here translates {source!r} into {language!r}. They translate it into "
            f"{', '.join(self.targets(source)) or 'nothing'}, and English into "
            f"{', '.join(self.targets('en')) or 'nothing'}."
        )
