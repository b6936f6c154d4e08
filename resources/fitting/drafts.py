"""Drafts: a line spoken in other words before anybody publishes it.

    drafts = Drafts(registry, store, takes)
    draft = drafts.speak("dQw4w9WgXcQ", "es", 3, "Bon dia.")
    draft.take.audio_key, draft.tempo, draft.fits
    drafts.find("dQw4w9WgXcQ", "es", 3, "Bon dia.")     # its take, and nothing is spoken

It is spoken under the key that the release would use, so who publishes the draft pays nothing
again; caps and ledger are the keeper's. `tests/api/routes/test_drafts.py` holds it to that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dub_platform.core.errors import LinesNotReadyError
from dub_platform.core.speech import (
    Line,
    Take,
    Takes,
    Transcript,
    TranslatedLine,
    Translation,
)
from dub_platform.core.text.script import Script, not_ready
from dub_platform.core.timeline import COMFORTABLE, Placement, fit_timeline, is_flagged
from dub_platform.core.timing.budget import speaking_rate
from dub_platform.core.timing.fitting import parts_of
from dub_platform.registry.port import Catalogue
from resources.catalogue.scripts import script_of
from resources.store.copies import Copies
from resources.store.port import Store
from resources.store.values import value_in
from resources.voice.takes import TakeKeeper

# So many lines before and after it move with it at most.
_NEIGHBOURS = 4
# The solver's tolerance, which nobody hears.
_HEARD = 0.005


@dataclass(frozen=True)
class Draft:
    """A spoken draft: its take, and where the release would place that in `room` seconds."""

    text: str
    take: Take
    room: float
    place: Placement

    @property
    def fits(self) -> bool:
        """Whether it is said without a hurry, and in time."""
        flagged = is_flagged(self.place.onset_error, self.place.tempo)
        return self.place.tempo <= COMFORTABLE + _HEARD and not flagged


@dataclass(frozen=True)
class Drafts:
    """Speaks the lines of one tenant's dubs in words that are not published."""

    registry: Catalogue
    store: Store
    takes: TakeKeeper

    def speak(self, video_id: str, language: str, number: int, text: str | None) -> Draft:
        """Speak a line in these words, or find that it was; without any, what it says by now.

        Raises what `script_of` and `TakeKeeper.takes_of` do, and LineNotFoundError.
        """
        script = script_of(self.registry, self.store, video_id, language)
        line = script.line(number)
        said = text or line.text
        lines = self._lines(video_id, language, number, said)
        with Copies(self.store, self.takes.folders) as copies:
            (take,) = self.takes.takes_of(
                video_id, lines, language, _speakers(script), copies, only={number}
            )
        return Draft(said, take, line.room, self._place(video_id, language, script, take))

    def find(self, video_id: str, language: str, number: int, text: str) -> Take:
        """The take of a draft that was spoken. Raises LineNotFoundError, LinesNotReadyError."""
        self.registry.dub(video_id, language)
        transcript = value_in(self.store, Transcript, "transcript", video_id)
        speakers = {line.id: line.speaker for line in transcript.lines} if transcript else {}
        if number not in speakers:
            script_of(self.registry, self.store, video_id, language).line(number)
        lines = self._lines(video_id, language, number, text)
        take = self.takes.find_kept(lines, language, speakers, number)
        if take is None:
            raise LinesNotReadyError(
                f"Line {number} was not spoken in these words yet, so there is nothing to hear. "
                "Have it spoken first: POST to this address, with the text."
            )
        return take

    def _lines(
        self, video_id: str, language: str, number: int, text: str
    ) -> Sequence[TranslatedLine]:
        """The lines as a release with this draft has them."""
        translation = value_in(self.store, Translation, "translation", video_id, language)
        if translation is None:
            raise not_ready(language)
        return [
            dataclasses.replace(line, text=text, draft=line.unedited_text)
            if line.id == number
            else line
            for line in translation.lines
        ]

    def _place(self, video_id: str, language: str, script: Script, take: Take) -> Placement:
        """Where it comes among its neighbours, at the lengths that these have by now."""
        near = _neighbours([each.line for each in script.lines], take.line_id)
        speech = value_in(self.store, Takes, "speech", video_id, language)
        known = {each.line_id: each.speech_seconds for each in speech.takes} if speech else {}
        texts = {each.line.id: each.text for each in script.lines}
        guessed = {line.id: len(texts[line.id]) / speaking_rate(language) for line in near}
        lengths = {**guessed, **known, take.line_id: take.speech_seconds}
        video = self.registry.video(video_id)
        seconds = max(video.duration_seconds or 0.0, *(line.end for line in near))
        places = fit_timeline(parts_of(near, lengths), seconds=seconds).placements
        return next(place for place in places if place.line_id == take.line_id)


def _speakers(script: Script) -> Mapping[int, str]:
    return {each.line.id: each.line.speaker for each in script.lines}


def _neighbours(lines: Sequence[Line], number: int) -> Sequence[Line]:
    place = next(at for at, line in enumerate(lines) if line.id == number)
    return lines[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
