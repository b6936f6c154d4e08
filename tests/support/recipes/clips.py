"""Clips that are hard to dub, each in one way, from recipes: what is said in them when is known.

    for recipe in RECIPES:
        clip = recipe.made(folder)
        clip.path, clip.captions

The voices are flite's in English, eSpeak NG's in other languages. Captions are beside each clip but
one, so that what is measured is the dub and not what a recogniser made of the clip.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dub_platform.core.text.captions import as_srt, make_cues
from resources.media.time_stretch import at_48_khz, stretch
from resources.providers.paid_once import Bill
from resources.voice import recording
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading
from tests.support.recipes.media import make_clip, noise
from tests.support.recipes.speech import (
    BOATS,
    FISHERMAN,
    HARBOR,
    LIGHTHOUSE,
    MARKET,
    RATE,
    WATER,
    music,
    say,
)

VOICE = 0.5
LONG = (HARBOR, FISHERMAN, WATER, MARKET, LIGHTHOUSE, BOATS)
WHO = ("The fishermen", "My old father", "The children", "The people here", "Our neighbors")
DOES: tuple[str, ...] = ("come back today", "love the sea", "leave at sunrise", "wait for summer")
DOES += ("know the town", "eat fresh bread")
SHORT = tuple(f"{who} {does}." for does in DOES for who in WHO)
SPANISH = (
    "La gente de aquí ama el mar.",
    "Los pescadores salen por la mañana.",
    "Mi padre lee el viento y las olas.",
    "Hoy el mercado está lleno de pan y de pescado.",
    "El agua está fría, pero el sol es bueno.",
)
FAST = 1.3
# Sentences with a breath in them, and others that follow each other without one to spare.
BREATHS = (
    "Good morning, | and welcome to the harbor.",
    "My father was a fisherman, | and he taught me how to read the wind.",
    "The water is cold, | but the people here love the sea.",
    "Come back tomorrow, | and we will show you the old light house.",
    "Every day, | small boats leave this town before the sun comes up.",
)
RUSHED: tuple[str, ...] = (
    FISHERMAN,
    "The people here know the town.",
    MARKET,
    WATER,
    "The children wait for summer.",
)
RUSHED += (LIGHTHOUSE, "Our neighbors leave at sunrise.", BOATS, MARKET, HARBOR, FISHERMAN, WATER)


@dataclass(frozen=True)
class Clip:
    """The file and the text of its captions, an SRT; None where it has none."""

    path: Path
    captions: str | None


@dataclass(frozen=True)
class Recipe:
    """`texts` are said one every `every` seconds from 1 s on, by `voices` in turn, in `spoken`, and
    the clip is dubbed into `dubbed`.

    With `gaps`, each is said so many seconds after the one before it, in turn. At a `|` its speaker
    stops for `breath` seconds. Without captions it is recognised.
    """

    name: str
    texts: Sequence[str] = LONG
    every: float = 5.5
    seconds: float = 35.0
    voices: Sequence[str] = ("awb",)
    tempo: float = 1.0
    noise_db: float = -65.0
    music_db: float | None = None
    spoken: str = "en"
    dubbed: str = "es"
    gaps: Sequence[float] = ()
    breath: float = 0.5
    captioned: bool = True

    def make(self, folder: Path) -> Clip:
        """Make the clip in the folder."""
        sound, lines, start = self._bed(), [], 1.0
        for number, text in enumerate(self.texts):
            said, first = self._say(number, text), round(start * RATE)
            end = start + len(said) / RATE
            sound[first : first + len(said)] += VOICE * said[: len(sound) - first]
            lines.append((start, end, text.replace("| ", "")))
            gap = self.gaps[number % len(self.gaps)] if self.gaps else start + self.every - end
            start = end + gap
        path = make_clip(
            folder / f"{self.name.replace(' ', '-')}.mp4",
            seconds=self.seconds,
            sound=at_48_khz(sound.astype(np.float32), RATE),
        )
        return Clip(path, as_srt(make_cues(lines)) if self.captioned else None)

    def _say(self, number: int, text: str) -> NDArray[np.float64]:
        phrases = [self._say_phrase(number, phrase.strip()) for phrase in text.split("|")]
        breath = np.zeros(round(self.breath * RATE))
        return np.concatenate([each for phrase in phrases for each in (breath, phrase)][1:])

    def _say_phrase(self, number: int, text: str) -> NDArray[np.float64]:
        who = self.voices[number % len(self.voices)]
        voice = say(text, who) if self.spoken == "en" else _speak_by_espeak(text, self.spoken)
        return stretch(voice.astype(np.float32), RATE, self.tempo).astype(np.float64)

    def _bed(self) -> NDArray[np.float64]:
        hiss = noise(self.seconds, db=self.noise_db, rate=RATE).astype(np.float64)
        return hiss if self.music_db is None else hiss + music(self.seconds, self.music_db)


def _speak_by_espeak(text: str, language: str) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        EspeakVoice().speak(Reading(text, language), into=path, bill=Bill())
        said = recording.decode_recording(path)
    return resample_poly(said.sound, RATE, said.rate)


RECIPES = (
    Recipe("two voices", voices=("awb", "slt")),
    Recipe("overlapping speech", every=2.6, seconds=20.0, voices=("awb", "slt")),
    Recipe("music", music_db=-28.0),
    Recipe("noise", noise_db=-34.0),
    Recipe("fast talker", every=3.2, seconds=24.0, tempo=FAST),
    Recipe("long silence", texts=(HARBOR, BOATS), every=50.0, seconds=60.0),
    Recipe("30 lines a minute", texts=SHORT, every=2.0, seconds=62.0, voices=("slt", "awb")),
    Recipe("breaths", texts=BREATHS, every=6.5),
    Recipe(
        "recognised",
        texts=RUSHED,
        seconds=45.0,
        voices=("awb", "slt"),
        music_db=-40.0,
        gaps=(0.30, 0.45, 0.36),
        captioned=False,
    ),
    Recipe("into English", texts=SPANISH, seconds=30.0, music_db=-28.0, spoken="es", dubbed="en"),
)
