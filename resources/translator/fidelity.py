"""What a translation of a line has lost, or says in another language.

    remarks = find_losses(transcript, translation, glossary)
    remarks[0].sentence         # "Line 3 lacks 1299 of `It costs $1,299.` in `Cuesta mucho.`"

A translation may write a number in words, and call a town by its own name for it; so what is found
here is told, and refuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dub_platform.core.languages import language, nearest
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.text.hearing import liken
from dub_platform.core.text.quotes import quote
from resources.transcriber.text_language import text_languages

_NUMBER = re.compile(r"\d(?:[\d.,' \u00a0\u202f]*\d)?")
# Up to here, people write numbers in words as often as in digits.
_WRITTEN_IN_WORDS = 12
# The language of a shorter text cannot be told surely, and that of one with so little for another.
_LEAST_LETTERS, _LONG_LETTERS, _SURE, _HARDLY = 25, 80, 0.9, 0.02
# So like its original is a line that nobody translated, or that is all names.
_UNTRANSLATED = 0.8
# It takes words from its dictionaries, and has none of a third language.
_BY_DICTIONARY = "apertium"


@dataclass(frozen=True)
class Loss:
    """What there is to say of a line."""

    line_id: int
    sentence: str


def find_losses(
    transcript: Transcript, translation: Translation, glossary: Glossary
) -> tuple[Loss, ...]:
    """Return what each line has lost: its language, numbers, or words of the glossary."""
    texts = {line.id: line for line in translation.lines}
    return tuple(
        Loss(line.id, f"Line {line.id} {what} {quote(line.text)} in {quote(texts[line.id].text)}.")
        for line in transcript.lines
        if line.id in texts
        for what in _find_lost(line, texts[line.id], transcript, translation, glossary)
    )


def _find_lost(
    line: Line,
    said: TranslatedLine,
    transcript: Transcript,
    translation: Translation,
    glossary: Glossary,
) -> Iterator[str]:
    wanted = translation.language
    is_like = liken(line.text, said.text) >= _UNTRANSLATED
    # Telling languages takes more than half a second to begin with.
    if is_like or not translation.engine.startswith(_BY_DICTIONARY):
        other = _other_language(said.text, wanted, transcript.language)
        if other:
            yield f"is in {language(other).name} and not in {language(wanted).name}:"
    written = _numbers(said.text)
    if lost := [number for number in _numbers(line.text) if number not in written]:
        yield f"lacks {', '.join(lost)} of"
    if missed := glossary.find_missed(line.text, said.text, wanted):
        yield f"lacks {', '.join(map(str, missed))}, which the glossary has, of"


def _other_language(text: str, wanted: str, source: str) -> str | None:
    """Return the language that the text is surely in, if that is not the wanted one."""
    letters = sum(map(str.isalpha, text))
    if letters < _LEAST_LETTERS:
        return None
    odds = text_languages(text)
    told, share = next(iter(odds.items()))
    near = nearest(wanted, odds)
    if told == near or share < _SURE or (near and odds[near] > _HARDLY):
        return None
    return told if letters >= _LONG_LETTERS or told == nearest(source, odds) else None


def _numbers(text: str) -> list[str]:
    """Return the numbers in a text by their digits, without those that may well be in words."""
    found = (re.sub(r"\D", "", number) for number in _NUMBER.findall(text))
    return [number for number in found if len(number) > 2 or int(number) > _WRITTEN_IN_WORDS]
