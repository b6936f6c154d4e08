"""Whether what was heard can be believed: words in a language that a recogniser does not expect
come out as other words of its own, of which it is unsure.

    if (error := judge_hearing(transcript)) is not None:
        raise error                         # "We may have misheard this video (34 %): ..."

Captions are believed, and so is a line that somebody has corrected. How sure a recogniser has to be
differs from one to the other, so each says so with what it heard.
"""

from __future__ import annotations

from dub_platform.core.errors import MisheardError, NoSpeechError
from dub_platform.core.languages import language
from dub_platform.core.speech import Transcript

_CURE = (
    "So it is held. Say which language is spoken (`source_language`) or that it is to be dubbed as "
    "it is (`believe`) with PATCH /videos/ID, hand in captions with PUT /videos/ID/captions, or "
    "correct what was heard with PUT /videos/ID/lines/N."
)


def confidence_of(transcript: Transcript) -> float:
    """Return how sure the recogniser is of a word, from 0 to 1, on the average over all words."""
    # Weighed by words: a "yes" that was misheard says less than a sentence that was.
    words = [len(line.text.split()) for line in transcript.lines]
    sure = [line.confidence * count for line, count in zip(transcript.lines, words, strict=True)]
    return sum(sure) / max(sum(words), 1)


def require_speech(transcript: Transcript) -> None:
    """Raise NoSpeechError where there is nothing to dub."""
    if not transcript.lines:
        raise NoSpeechError(
            "No speech was found in this video, so there is nothing to dub. If somebody does "
            "speak in it, hand it in again with captions."
        )


def refuse_misheard(transcript: Transcript, *, believed: bool) -> None:
    """Raise MisheardError for words that are not to be believed, unless somebody said that they are
    right."""
    error = judge_hearing(transcript)
    if error is not None and not believed:
        raise error


def judge_hearing(transcript: Transcript) -> MisheardError | None:
    """Return why these words are not to be believed; None where they are."""
    confidence = confidence_of(transcript)
    if transcript.other_language:
        heard, named = language(transcript.other_language), language(transcript.language)
        why = f"it sounds like {heard.name} ({heard.code}), and not like {named.name}"
    elif confidence < transcript.least_confidence:
        why = (
            f"{transcript.engine} is less sure of its words than the "
            f"{transcript.least_confidence:.0%} that it is of speech which it understands"
        )
    else:
        return None
    return MisheardError(f"We may have misheard this video ({confidence:.0%}): {why}. {_CURE}")
