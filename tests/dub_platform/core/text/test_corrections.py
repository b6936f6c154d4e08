"""What becomes of a translation when its source is corrected: of a line, and of its neighbours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dub_platform.core.errors import ArtifactMissingError
from dub_platform.core.speech import Basis, Line, Track, Transcript, TranslatedLine, Translation
from dub_platform.core.text.corrections import (
    as_first_read,
    find_changed,
    merge_retranslated,
    note_sources,
    refuse_other_words,
)
from dub_platform.core.timeline import Timeline

HEARD = Transcript(
    "en", "engine", tuple(Line(n, n, n + 1, f"said {n}") for n in range(3)), made_of="k"
)
FIRST = Translation("es", "engine", tuple(TranslatedLine(n, f"dicho {n}") for n in range(3)))


def correct(transcript: Transcript, number: int, text: str) -> Transcript:
    lines = [replace(line, text=text) if line.id == number else line for line in transcript.lines]
    return replace(transcript, lines=tuple(lines), revision=transcript.revision + 1)


def translate(transcript: Transcript, before: Translation | None, text: str) -> Translation:
    """As the asset does, by a translator that finds its first answer again."""
    at_first = as_first_read(transcript, before)
    value = FIRST
    if at_first.lines != transcript.lines:
        [line] = [a for a, b in zip(transcript.lines, at_first.lines, strict=True) if a != b]
        value = merge_retranslated(FIRST, replace(FIRST, lines=(TranslatedLine(line.id, text),)))
    return note_sources(value, transcript, at_first)


def test_only_the_corrected_line_is_another() -> None:
    """Its neighbours' voice is told what it was at first, however often it is corrected."""
    before = translate(HEARD, None, "")
    for text in ("once", "twice"):
        now = correct(HEARD, 1, text)
        assert [1] == [line.id for line in find_changed(now, before)]
        before = translate(now, before, f"{text} en español")
        assert ["dicho 0", f"{text} en español", "dicho 2"] == [x.text for x in before.lines]
        assert ["dicho 0", "dicho 1", "dicho 2"] == [
            line.text_for_neighbours for line in before.lines
        ]
        assert (now.revision, []) == (before.revision, list(find_changed(now, before)))


def test_going_back_is_the_first_translation() -> None:
    """Down to what its neighbours are told."""
    first = translate(HEARD, None, "")
    there = translate(correct(HEARD, 1, "once"), first, "una vez")
    assert first == translate(HEARD, there, "")


def test_another_transcript_is_translated_as_it_is() -> None:
    """Of other sound, or with other lines, whatever they say."""
    before = translate(HEARD, None, "")
    for other in (replace(HEARD, made_of="other"), replace(HEARD, lines=HEARD.lines[:2])):
        now = correct(other, 1, "once")
        assert now == as_first_read(now, before)
        assert now.lines == tuple(find_changed(now, before))
    assert HEARD.lines == tuple(find_changed(HEARD, None))


def test_a_track_that_says_something_else_is_not_released() -> None:
    """One from before it was noted what tracks say is believed."""
    timeline = Timeline(3.0, ())
    track = Track("key", "sha256", 1, 3.0, -16.0, -1.5, timeline, basis=FIRST.basis)
    refuse_other_words(FIRST, track)
    refuse_other_words(FIRST, replace(track, basis=Basis()))
    anew = replace(FIRST, lines=(replace(FIRST.lines[0], text="otra cosa"), *FIRST.lines[1:]))
    with pytest.raises(ArtifactMissingError, match="Materialize speech and dubbed_track first"):
        refuse_other_words(anew, track)
