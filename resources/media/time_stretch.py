"""Prepares takes for a track: trims them to their speech, changes their tempo, resamples to 48 kHz.

    voice = say_placed(take, Path("take.flac"), placement)
    track[start - voice.lead : ...] += voice.sound     # its speech begins at `start`

    faster = stretch(sound, 22_050, 1.2)             # mono, as long as sound / 1.2

The tempo is changed by leaving out or repeating single pitch periods, with a crossfade (time-domain
harmonic scaling: Malah 1979; Morita and Itakura 1986). All other samples stay as they are:
consonants keep their edges, vowels their pitch and timbre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from dub_platform.core.mixing import RATE
from dub_platform.core.speech import Take
from dub_platform.core.timeline import PlacedPart, Placement

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

# Sound kept around the speech. Together they are shorter than the gap between two takes.
LEAD_SECONDS, TAIL_SECONDS = 0.010, 0.040
FADE_SECONDS = 0.005
# The fade of a recording that starts or ends within its speech, where more would be heard.
ABRUPT_FADE_SECONDS = 0.001
# The periods of voices, from 400 down to 65 Hz.
PERIOD_SECONDS = (0.0025, 0.0155)
# The shortest period is preferred, even if it is less similar by this much than the longest: two
# periods are as similar as one, but with one the speech stays nearer to its place.
SHORT_IS_WORTH = 0.3
# Sound with less similarity is noise, or has a burst. Then the splice moves to the calmest place
# nearby, so that no burst is halved or repeated.
ALIKE = 0.5
# A window with less energy (-64 dB) is silence, and all silences are similar.
SILENCE = 1e-4
# swr's default of 32 taps lets a mirror image through at -27 dB; 64 keep it below -100 dB.
_RESAMPLER = f"{RATE}:filter_size=64:cutoff=0.96"


@dataclass(frozen=True)
class Spoken:
    """Mono float32 `sound` (frames,) at 48 kHz; its speech begins at frame `lead`."""

    sound: Sound
    lead: int


def say_placed(take: Take, recording: Path, place: Placement) -> Spoken:
    """Return the take's speech as the placement wants it, with silence between its parts.

    Raises soundfile.LibsndfileError if the recording is damaged.
    """
    voices = [_say_part(take, recording, part) for part in place.all_parts]
    lead = voices[0].lead
    firsts = [
        lead + round((part.start - place.start) * RATE) - voice.lead
        for part, voice in zip(place.all_parts, voices, strict=True)
    ]
    sound = np.zeros(firsts[-1] + len(voices[-1].sound), np.float32)
    for first, voice in zip(firsts, voices, strict=True):
        sound[first : first + len(voice.sound)] += voice.sound
    return Spoken(sound, lead)


def say_whole(take: Take, recording: Path, tempo: float) -> Spoken:
    """Return the take's whole speech at `tempo`, with a little sound before and after it.

    The sound before and after is not stretched, so the speech begins and ends at the exact frame.
    Raises soundfile.LibsndfileError if the recording is damaged.
    """
    return _say_part(take, recording, PlacedPart(0.0, 0.0, take.speech_seconds / tempo, tempo))


def _say_part(take: Take, recording: Path, part: PlacedPart) -> Spoken:
    start = take.speech_start + part.offset
    with soundfile.SoundFile(recording) as file:
        rate = int(file.samplerate)
        first, last = round(start * rate), round((start + part.spoken_seconds) * rate)
        before = min(first, round(LEAD_SECONDS * rate))
        file.seek(first - before)
        count = last - first + before + round(TAIL_SECONDS * rate)
        sound = file.read(count, dtype="float32", always_2d=True).mean(axis=1)
    lead, speech, tail = np.split(sound, [before, before + last - first])
    parts = [lead, stretch(speech, rate, part.tempo), tail]
    whole, scale = at_48_khz(np.concatenate(parts), rate), RATE / rate
    return Spoken(fade(whole, len(lead) * scale, len(tail) * scale), round(len(lead) * scale))


def at_48_khz(sound: Sound, rate: int) -> Sound:
    """Resample mono `sound` (frames,) to 48 kHz; unchanged if it has that rate already."""
    if rate == RATE or not len(sound):
        return sound
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=rate, layout="mono")
    sink = graph.add("abuffersink")
    graph.link_nodes(source, graph.add("aresample", _RESAMPLER), sink).configure()
    frame = av.AudioFrame.from_ndarray(sound[np.newaxis, :], format="flt", layout="mono")
    frame.sample_rate = rate
    graph.push(frame)
    graph.push(None)
    return np.concatenate(list(_pull_frames(graph)))


def _pull_frames(graph: av.filter.Graph) -> Iterator[Sound]:
    import av

    try:
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.AudioFrame)
            yield frame.to_ndarray()[0]
    except (av.error.EOFError, av.error.BlockingIOError):
        return


def fade(sound: Sound, lead: float, tail: float) -> Sound:
    """Fade the sound (48 kHz) in and out, within its first `lead` and last `tail` frames."""
    made: Sound = sound.copy()
    for edge, room in ((made, lead), (made[::-1], tail)):
        frames = round(min(max(room, ABRUPT_FADE_SECONDS * RATE), FADE_SECONDS * RATE))
        part = edge[:frames]
        part *= np.sin(np.linspace(0.0, np.pi / 2, len(part), dtype=np.float32)) ** 2
    return made


def stretch(sound: Sound, rate: int, tempo: float) -> Sound:
    """Change mono `sound` from (frames,) to (round(frames / tempo),) samples at the same `rate`.

    Everything stays within one pitch period of its place, the first and last sample exactly. At
    tempo 1.0 the samples are unchanged.
    """
    frames = round(len(sound) / tempo)
    made = _splice(sound, rate, len(sound) - frames)
    # In noise, splices may find no room at first: repeat until nothing more can be done.
    while len(made) != len(sound) and len(made) != frames:
        sound, made = made, _splice(made, rate, len(made) - frames)
    # Only a sound too short for a splice misses its length here, so it is padded.
    return np.pad(made[:frames], (0, max(0, frames - len(made))))


def _splice(sound: Sound, rate: int, excess: int) -> Sound:
    """Remove `excess` frames (or add them, if negative), as far as there is room for splices."""
    parts, position = [], 0
    for splice in _splices(sound, rate, excess):
        parts += [sound[position : splice.at], _crossfade(sound, splice)]
        position = splice.end
    return np.concatenate([*parts, sound[position:]])


@dataclass(frozen=True)
class _Splice:
    """A splice: from frame `at` on, the sound crossfades to itself `shift` frames later."""

    at: int
    shift: int
    fade: int

    @property
    def end(self) -> int:
        return self.at + self.shift + self.fade


def _crossfade(sound: Sound, splice: _Splice) -> Sound:
    ramp = np.linspace(0.0, 1.0, splice.fade, dtype=np.float32)
    left = sound[splice.at : splice.at + splice.fade]
    right = sound[splice.at + splice.shift : splice.end]
    made: Sound = left + ramp * (right - left)
    return made


def _splices(sound: Sound, rate: int, excess: int) -> Iterator[_Splice]:
    """Yield the splices that remove `excess` frames, or add them if negative.

    Each is placed so that the sound before it is as much too early as the sound after it is too
    late.
    """
    least, most, softest = (round(each * rate) for each in (*PERIOD_SECONDS, FADE_SECONDS))
    left, free, period = abs(excess), 0, most // 2
    while left:
        due = round((abs(excess) - left + period / 2) * len(sound) / abs(excess)) - period
        at = max(free, due)
        if left > most:
            period, alike = _period(sound[at:], least, min(most, left - least), rate)
            around = (max(free, at - most), at + most)
        else:
            # The last splice makes the length exact, so its period may be no real one.
            period, alike, around = left, 0.0, (free, len(sound))
        fade = max(period, softest)
        if alike < ALIKE:
            at = _calmest(sound, *around, period, fade)
        if at + period + fade > len(sound):
            return
        splice = _Splice(at, period, fade) if excess > 0 else _Splice(at + period, -period, fade)
        left, free = left - period, splice.end
        yield splice


def _period(sound: Sound, least: int, most: int, rate: int) -> tuple[int, float]:
    """Return the shift after which the sound is most similar to its beginning, and the similarity.

    The shift is in frames; the similarity is 1 for equal sounds.
    """
    width = round(PERIOD_SECONDS[1] * rate)
    span = np.pad(sound[: most + width], (0, max(0, most + width - len(sound))))
    energy = np.cumsum(np.pad(np.square(span), (1, 0)), dtype=np.float64)
    powers = (energy[width:] - energy[:-width])[least:]
    products = np.correlate(span[least:], span[:width])
    alike = (2 * products + SILENCE) / (energy[width] + powers + SILENCE)
    best = int(np.argmax(alike - np.linspace(0.0, SHORT_IS_WORTH, len(alike))))
    return least + best, float(alike[best])


def _calmest(sound: Sound, first: int, last: int, period: int, fade: int) -> int:
    """Return the place between `first` and `last` where a splice by `period` changes the sound
    least."""
    span = sound[first : last + period + fade]
    gaps = np.cumsum(np.pad(np.square(span[period:] - span[:-period]), (1, 0)), dtype=np.float64)
    joints = gaps[fade:] - gaps[:-fade]
    return first + (int(joints.argmin()) if len(joints) else 0)
