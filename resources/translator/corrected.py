"""Translating what was corrected since: all lines as they were read at first, the others alone.

value = translate_corrected(translator, transcript, before, "es", brief)

A translator reads lines together and is paid for them together, so a corrected line does not have
the others translated, and paid for, once more.
"""

from __future__ import annotations

from dub_platform.core.speech import Transcript, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.core.text.corrections import as_first_read, merge_retranslated, note_sources
from resources.translator.port import Translator


def translate_corrected(
    translator: Translator,
    transcript: Transcript,
    before: Translation | None,
    wanted: str,
    brief: Brief,
) -> Translation:
    """Return the lines as they were translated at first, which is paid for, and alone those of
    which something else is said since. `before` is the dub's last translation, if it has one."""
    at_first = as_first_read(transcript, before)
    value = translator.translate(at_first, wanted, brief)
    pairs = zip(transcript.lines, at_first.lines, strict=True)
    if anew := {line.id for line, read in pairs if line != read}:
        value = merge_retranslated(
            value, translator.translate(transcript, wanted, brief, only=anew)
        )
    return note_sources(value, transcript, at_first)
