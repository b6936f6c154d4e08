"""Releases with known errors: takes are put into a bed by hand and encoded as they are released.

    release = Recipe(bed=noise(12.0, db=-50)).released(folder, late={1: 0.08})

Takes are flite's, at 16 kHz with silence around them, as voices give them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from dub_platform.core.speech import Span, Take
from dub_platform.core.timeline import PlacedPart, Placement, Timeline
from resources.listening.original import Source
from resources.listening.report import Measurement, Script, measure_release
from resources.media.time_stretch import at_48_khz, say_placed
from tests.support.recipes.media import RATE, Sound, make_sound, noise, silence
from tests.support.recipes.speech import BOATS, FISHERMAN, WATER, say
from tests.support.recipes.speech import RATE as TAKE_RATE

SAID = (FISHERMAN, WATER, BOATS)
STARTS = (0.7, 5.2, 9.6)
SECONDS = 14.0
TAKE_LEAD_SECONDS = 0.2


@dataclass
class Recipe:
    """What the takes are put into, and what goes wrong; line ids are places in SAID.

    `late` says by how many seconds, `head` and `tail` how many are cut off, `clicks` at which
    moments a sample is at full scale; `gap` is silence before everything. `parts` are where those
    takes are that are placed in parts.
    """

    bed: Sound = field(default_factory=lambda: noise(SECONDS, db=-50.0, seed=7))
    late: Mapping[int, float] = field(default_factory=dict)
    head: Mapping[int, float] = field(default_factory=dict)
    tail: Mapping[int, float] = field(default_factory=dict)
    clicks: Sequence[float] = ()
    gap: float = 0.0
    left_out: Sequence[int] = ()
    tempo: float = 1.0
    starts: Sequence[float] = STARTS
    source: Source | None = None
    said: Sequence[str] = SAID
    parts: Mapping[int, tuple[PlacedPart, ...]] = field(default_factory=dict)

    def hear(self, folder: Path, suffix: str = ".m4a") -> Measurement:
        """Measure the release as the platform does."""
        script = self.script(folder)
        path = make_sound(folder / f"track{suffix}", self.mix(script))
        return measure_release(path, into=folder, script=script, source=self.source)

    def script(self, folder: Path) -> Script:
        takes = [make_take(folder, line_id, text) for line_id, text in enumerate(self.said)]
        places = tuple(
            self._place(take, start) for (take, _), start in zip(takes, self.starts, strict=True)
        )
        return Script(Timeline(SECONDS, places), takes)

    def _place(self, take: Take, start: float) -> Placement:
        parts = self.parts.get(take.line_id, ())
        seconds = parts[-1].end - start if parts else take.speech_seconds / self.tempo
        return Placement(take.line_id, start, seconds, self.tempo, 0.0, parts)

    def mix(self, script: Script) -> Sound:
        sound = self.bed.copy()
        for (take, path), place in zip(script.takes, script.timeline.placements, strict=True):
            if take.line_id not in self.left_out:
                said = say_placed(take, path, place)
                voice = self._cut(take.line_id, said.sound, said.lead, place.seconds)
                start = place.start + self.late.get(take.line_id, 0.0)
                first = round(start * RATE) - said.lead
                sound[first : first + len(voice)] += 0.4 * voice
        for moment in self.clicks:
            sound[round(moment * RATE)] += 0.9
        return np.concatenate([silence(self.gap), sound])

    def _cut(self, line_id: int, sound: Sound, lead: int, seconds: float) -> Sound:
        voice, end = sound.copy(), lead + round(seconds * RATE)
        if line_id in self.head:
            voice[: lead + round(self.head[line_id] * RATE)] = 0.0
        if line_id in self.tail:
            voice[end - round(self.tail[line_id] * RATE) :] = 0.0
        return voice


def make_take(folder: Path, line_id: int, text: str) -> tuple[Take, Path]:
    """Have flite say a line."""
    sound = say_again(text)
    path = folder / f"take-{line_id}.flac"
    around = silence(TAKE_LEAD_SECONDS, rate=TAKE_RATE)
    recording = np.concatenate([around, sound, around])
    soundfile.write(path, recording, TAKE_RATE, "PCM_16")
    end = TAKE_LEAD_SECONDS + len(sound) / TAKE_RATE
    seconds = len(recording) / TAKE_RATE
    return Take(line_id, "key", path.name, seconds, TAKE_LEAD_SECONDS, end, 20), path


@lru_cache(maxsize=4)
def say_again(text: str) -> Sound:
    return say(text, "slt").astype(np.float32)


def original_voice() -> tuple[Sound, list[Span]]:
    """Another voice with other lines at the takes' places, as loud as they are; and its speech."""
    sound, spans = silence(SECONDS), []
    for start, text, other in zip(STARTS, SAID, (BOATS, FISHERMAN, WATER), strict=True):
        voice = at_48_khz(say(other, "awb").astype(np.float32), TAKE_RATE)
        loud = 0.4 * np.sqrt(np.mean(np.square(say_again(text))) / np.mean(np.square(voice)))
        first = round(start * RATE)
        sound[first : first + len(voice)] += np.float32(loud) * voice
        spans.append(Span(start, start + len(voice) / RATE))
    return sound, spans


def write_source(folder: Path, sound: Sound, speech: Sequence[Span] = ()) -> Source:
    """Write the sound into both channels, as `audio` keeps it."""
    path = folder / "source.flac"
    soundfile.write(path, np.stack([sound, sound], axis=1), RATE, "PCM_16")
    return Source(path, len(sound) / RATE, tuple(speech))
