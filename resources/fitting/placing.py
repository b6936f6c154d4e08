"""Placing: the timeline of a dub, from its takes as they were recorded.

timeline = place_takes(transcript, said, copies.fetch_takes(speech.takes), audio)

A line that pauses is placed in parts, parted where its own take rests between two phrases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dub_platform.core.speech import Audio, Span, Take, Transcript, Translation
from dub_platform.core.timeline import Timeline, fit_timeline
from dub_platform.core.timing.fitting import parts_of
from dub_platform.core.timing.pauses import find_phrase_ends
from resources.voice.recording import find_rests


def place_takes(
    transcript: Transcript, said: Translation, takes: Sequence[tuple[Take, Path]], audio: Audio
) -> Timeline:
    """Where each take starts and how fast it is, for the whole video at once."""
    lengths = {take.line_id: take.speech_seconds for take, _ in takes}
    rests = _find_phrase_ends(transcript, said, takes)
    parts = parts_of(transcript.lines, lengths, audio.cuts, rests)
    return fit_timeline(parts, seconds=audio.seconds)


def _find_phrase_ends(
    transcript: Transcript, said: Translation, takes: Sequence[tuple[Take, Path]]
) -> Mapping[int, Sequence[Span]]:
    """Where phrases end in the takes of lines that hold a pause."""
    pausing = {line.id for line in transcript.lines if line.pauses}
    texts = {line.id: line.text for line in said.lines}
    return {
        take.line_id: find_phrase_ends(
            texts[take.line_id], take.speech_seconds, find_rests(take, path)
        )
        for take, path in takes
        if take.line_id in pausing & texts.keys()
    }
