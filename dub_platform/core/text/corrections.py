"""What becomes of a translation when what is said in the video was corrected after it.

    at_first = as_first_read(transcript, before)        # found again, line by line
    value = merge_retranslated(translated(at_first), translated(only_the_corrected))
    find_changed(transcript, value)                          # what would be paid for next time

A translator reads lines together, and is paid for them together. So the lines are given to it as it
read them first, which it has an answer for, and those that say something else by now once more by
themselves. The voice of a neighbour is told the translation of before: it need not speak again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dub_platform.core.errors import ArtifactMissingError
from dub_platform.core.speech import Line, Track, Transcript, Translation


def as_first_read(transcript: Transcript, before: Translation | None) -> Transcript:
    """Return the transcript as it was translated first, where its lines are the same; else as it
    is."""
    if before is None or not _is_of(before, transcript):
        return transcript
    lines = tuple(
        # Translations from before sources were noted have neither.
        replace(line, text=then.misheard or then.source or line.text)
        for line, then in zip(transcript.lines, before.lines, strict=True)
    )
    return replace(transcript, lines=lines)


def merge_retranslated(translation: Translation, again: Translation) -> Translation:
    """Put lines that were translated again in place of the same lines of the translation."""
    anew = {line.id: line.text for line in again.lines}
    return replace(
        translation,
        lines=tuple(
            replace(line, text=anew[line.id], beside=line.text) if line.id in anew else line
            for line in translation.lines
        ),
        rewrites=translation.rewrites + again.rewrites,
        cost_usd=translation.cost_usd + again.cost_usd,
    )


def note_sources(translation: Translation, said: Transcript, at_first: Transcript) -> Translation:
    """Note in each line of the translation what it is the translation of.

    A line may be missing here: a gate looks for that.
    """
    now = {line.id: line.text for line in said.lines}
    then = {line.id: line.text for line in at_first.lines if line.text != now[line.id]}
    return replace(
        translation,
        lines=tuple(
            replace(line, source=now.get(line.id), misheard=then.get(line.id))
            for line in translation.lines
        ),
        made_of=said.made_of,
        revision=said.revision,
    )


def find_changed(transcript: Transcript, before: Translation | None) -> Sequence[Line]:
    """Return the lines that say something else than what was translated; all of another
    transcript."""
    if before is None or not _is_of(before, transcript):
        return transcript.lines
    return [
        line
        for line, then in zip(transcript.lines, before.lines, strict=True)
        if line.text != (then.source or line.text)
    ]


def refuse_other_words(translation: Translation, track: Track) -> None:
    """Raise ArtifactMissingError if the track says another translation: captions and sound of a
    release must say the same."""
    # Tracks from before it was noted have no version.
    if track.basis.version not in ("", translation.basis.version):
        raise ArtifactMissingError(
            "This dub was translated anew since its track was mixed, so they do not say the same "
            "and nothing was released. Materialize speech and dubbed_track first, or ask for the "
            "dub again."
        )


def _is_of(translation: Translation, transcript: Transcript) -> bool:
    """Tell whether the translation is of the same lines, whatever was corrected in them."""
    ids = [line.id for line in transcript.lines] == [line.id for line in translation.lines]
    return ids and translation.made_of == transcript.made_of
