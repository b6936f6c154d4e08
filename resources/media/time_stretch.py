"""Takes as they are said in a track: trimmed to their speech, at their tempo, at 48 kHz.

    voice = say_placed(take, Path("take.flac"), placement)
    track[start - voice.lead : ...] += voice.sound     # its speech begins at `start`

    faster = stretched(sound, 22_050, 1.2)             # mono, as long as sound / 1.2

To change the tempo, single pitch periods are left out, or said twice, and crossfaded with what
follows (time-domain harmonic scaling: Malah 1979; Morita and Itakura 1986). All other samples
stay as they are: consonants keep their edges, vowels their pitch and timbre.
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

# What is heard around the speech. Together they are less than the gap between two takes.
LEAD_SECONDS, TAIL_SECONDS = 0.010, 0.040
FADE_SECONDS = 0.005
# A recording that starts or ends within its speech has only this much to give away.
ABRUPT_FADE_SECONDS = 0.001
# The periods of voices, from 400 down to 65 Hz.
PERIOD_SECONDS = (0.0025, 0.0155)
# How much less alike the shortest period may be than the longest and still be taken: two periods
# are as alike as one, but with one the speech stays nearer to its place.
SHORT_IS_WORTH = 0.3
# What is less alike than this is noise, or there is a burst: then the calmest place nearby is
# looked for, so that no burst is halved or said twice.
ALIKE = 0.5
# What has less energy within a window (-64 dB) is silence, and silences are alike.
SILENCE = 1e-4
# swr's own 32 taps let through a mirror image at -27 dB; these keep it under -100 dB.
_RESAMPLER = f"{RATE}:filter_size=64:cutoff=0.96"


@dataclass(frozen=True)
class Spoken:
    """Mono float32 `sound` (frames,) at 48 kHz, whose speech begins at frame `lead`."""

    sound: Sound
    lead: int


def say_placed(take: Take, recording: Path, place: Placement) -> Spoken:
    """The take's speech as it is placed, silent between its parts.

    Raises soundfile.LibsndfileError where the recording is damaged.
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


def spoken(take: Take, recording: Path, tempo: float) -> Spoken:
    """The take's whole speech at `tempo`, with the little that is heard before and after it.

    What is before and after is not stretched, so the speech starts and ends to the frame.
    Raises soundfile.LibsndfileError where the recording is damaged.
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
    parts = [lead, stretched(speech, rate, part.tempo), tail]
    whole, scale = at_48_khz(np.concatenate(parts), rate), RATE / rate
    return Spoken(faded(whole, len(lead) * scale, len(tail) * scale), round(len(lead) * scale))


def at_48_khz(sound: Sound, rate: int) -> Sound:
    """Mono (frames,) at `rate`, resampled; what is at 48 kHz already is not touched."""
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
    return np.concatenate(list(_pulled(graph)))


def _pulled(graph: av.filter.Graph) -> Iterator[Sound]:
    import av

    try:
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.AudioFrame)
            yield frame.to_ndarray()[0]
    except (av.error.EOFError, av.error.BlockingIOError):
        return


def faded(sound: Sound, lead: float, tail: float) -> Sound:
    """`sound` at 48 kHz without clicks: faded in its first `lead` frames and its last `tail`."""
    made: Sound = sound.copy()
    for edge, room in ((made, lead), (made[::-1], tail)):
        frames = round(min(max(room, ABRUPT_FADE_SECONDS * RATE), FADE_SECONDS * RATE))
        part = edge[:frames]
        part *= np.sin(np.linspace(0.0, np.pi / 2, len(part), dtype=np.float32)) ** 2
    return made


def stretched(sound: Sound, rate: int, tempo: float) -> Sound:
    """Mono (frames,) made (round(frames / tempo),) at the same `rate`.

    Everything is within a pitch period of its place, first and last sound on theirs. At tempo 1.0
    the samples are the same.
    """
    frames = round(len(sound) / tempo)
    made = _spliced(sound, rate, len(sound) - frames)
    # Noise leaves some of it to do: its splices are put where they are heard least.
    while len(made) != len(sound) and len(made) != frames:
        sound, made = made, _spliced(made, rate, len(made) - frames)
    # Only what is too short for a splice is not as long as it should be.
    return np.pad(made[:frames], (0, max(0, frames - len(made))))


def _spliced(sound: Sound, rate: int, excess: int) -> Sound:
    """Without `excess` frames, or with so many more, as far as there is room for splices."""
    parts, position = [], 0
    for splice in _splices(sound, rate, excess):
        parts += [sound[position : splice.at], _crossfaded(sound, splice)]
        position = splice.end
    return np.concatenate([*parts, sound[position:]])


@dataclass(frozen=True)
class _Splice:
    """From `at` on, the sound goes over into itself `shift` frames later, in `fade` frames."""

    at: int
    shift: int
    fade: int

    @property
    def end(self) -> int:
        return self.at + self.shift + self.fade


def _crossfaded(sound: Sound, splice: _Splice) -> Sound:
    ramp = np.linspace(0.0, 1.0, splice.fade, dtype=np.float32)
    left = sound[splice.at : splice.at + splice.fade]
    right = sound[splice.at + splice.shift : splice.end]
    made: Sound = left + ramp * (right - left)
    return made


def _splices(sound: Sound, rate: int, excess: int) -> Iterator[_Splice]:
    """What takes `excess` frames out of the sound, or adds as many where it is negative.

    Each is where the sound is as far ahead before it as it is behind after it.
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
            # The last one makes it as long as it should be, whatever period that is.
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
    """After how many frames the sound is most like its beginning, and how much: 1 is the same."""
    width = round(PERIOD_SECONDS[1] * rate)
    span = np.pad(sound[: most + width], (0, max(0, most + width - len(sound))))
    energy = np.cumsum(np.pad(np.square(span), (1, 0)), dtype=np.float64)
    powers = (energy[width:] - energy[:-width])[least:]
    products = np.correlate(span[least:], span[:width])
    alike = (2 * products + SILENCE) / (energy[width] + powers + SILENCE)
    best = int(np.argmax(alike - np.linspace(0.0, SHORT_IS_WORTH, len(alike))))
    return least + best, float(alike[best])


def _calmest(sound: Sound, first: int, last: int, period: int, fade: int) -> int:
    """Where from `first` to `last` a splice by `period` changes least."""
    span = sound[first : last + period + fade]
    gaps = np.cumsum(np.pad(np.square(span[period:] - span[:-period]), (1, 0)), dtype=np.float64)
    joints = gaps[fade:] - gaps[:-fade]
    return first + (int(joints.argmin()) if len(joints) else 0)
