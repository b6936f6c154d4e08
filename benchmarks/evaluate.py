"""Dubs as they are heard: what is measured in the released files, clip by clip.

    python -m benchmarks.evaluate
    python -m benchmarks.evaluate --release https://media.example.org/releases/ID/es/current.json
    python -m benchmarks.evaluate --dub ID es

Clips from recipes go through the real pipeline with the keyless engines, and what is released is
measured by `resources/listening`, as the gate of the track does. `--release` measures
any release from its public address (of current.json, a manifest, a track or a film), as far as it
can be without the takes and the source; `--dub` one of this deployment's store, wholly.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import command
from benchmarks.command import PROGRESS
from dub_platform import wiring
from dub_platform.core.speech import (
    Audio,
    Release,
    Span,
    Takes,
    Track,
    Transcript,
    Translation,
)
from dub_platform.observability.logs import configure_logging
from dub_platform.settings import Settings
from resources.listening.original import Source
from resources.listening.pauses import Pauses, Sentence, compare_pauses, find_speech
from resources.listening.report import Measurement, Script, measure_release
from resources.listening.words import Words, count_words
from resources.media import ffmpeg
from resources.media.ffmpeg import Loudness
from resources.store.port import Store
from resources.store.values import value_in
from tests.support.recipes.clips import RECIPES, Recipe
from tests.support.rig.workshop import open_workshop

DEADLINE_SECONDS = 60.0
NOT_MEASURED = "-"
# Of a table that nobody wants wrapped.
WIDTH = 270


@dataclass(frozen=True)
class Row:
    """One release as it was heard."""

    name: str
    heard: Measurement
    loudness: Loudness
    words: Words | None = None
    pauses: Pauses | None = None

    @property
    def figures(self) -> dict[str, float | None]:
        """By name; None is what could not be measured."""
        said = len(self.heard.lines)
        counts: Mapping[str, float | None] = {
            "missing": len(self.heard.missing) if said else None,
            "cut": len(self.heard.cut) if said else None,
            "overlaps": len(self.heard.overlaps) if said else None,
            "clicks": self.heard.clicks if said else None,
            "words": self.words.heard if self.words else None,
            "words_lost": self.words.lost if self.words else None,
        }
        loud = {"lufs": self.loudness.lufs, "true_peak_db": self.loudness.true_peak_db}
        return {
            "seconds": self.heard.seconds,
            "lines": said or None,
            **counts,
            **self.heard.levels,
            **self._pauses,
            **loud,
        }

    @property
    def _pauses(self) -> Mapping[str, float | None]:
        kept = self.pauses
        return {
            "pauses_in_place": kept.in_place if kept else None,
            "pauses_wrong": kept.wrong if kept else None,
            "duration_ratio": kept.duration_ratio if kept else None,
            "segments_off": kept.segments_off if kept else None,
        }

    @property
    def badness(self) -> tuple[float, float]:
        """What is wrong for certain counts first, then how far lines are from their places."""
        heard = self.heard
        wrong = len(heard.missing) + len(heard.cut) + len(heard.overlaps) + heard.clicks
        return wrong, heard.onset_p95_ms or 0.0


def of_recipe(recipe: Recipe) -> Row:
    """A clip made, dubbed and measured, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="dub-evaluate-") as name:
        folder = Path(name)
        clip = recipe.make(folder)
        with open_workshop(folder) as workshop:
            video_id = workshop.hand_in(
                clip.path, recipe.dubbed, captions=clip.captions, language=recipe.spoken
            )
            workshop.prepare(video_id)
            workshop.dub(video_id, recipe.dubbed)
            return of_dub(workshop.store, video_id, recipe.dubbed, name=recipe.name)


def of_dub(store: Store, video_id: str, language: str, name: str = "") -> Row:
    """The release of a dub, with the takes and the source that are in the store."""
    audio = value_in(store, Audio, "audio", video_id)
    transcript = value_in(store, Transcript, "transcript", video_id)
    translation, speech, made = (
        value_in(store, shape, asset, video_id, language)
        for shape, asset in (
            (Translation, "translation"),
            (Takes, "speech"),
            (Track, "dubbed_track"),
        )
    )
    release = value_in(store, Release, "r2_object", video_id, language)
    assert isinstance(audio, Audio)
    assert isinstance(transcript, Transcript)
    assert isinstance(translation, Translation)
    assert isinstance(speech, Takes)
    assert isinstance(made, Track)
    assert release
    with tempfile.TemporaryDirectory(prefix="dub-heard-") as at:
        folder = Path(at)
        takes = [(take, store.fetch(take.audio_key, folder)) for take in speech.takes]
        source = Source(store.fetch(audio.sound_key, folder), audio.seconds, audio.speech)
        path = store.fetch(release.track_key, folder)
        script = Script(made.timeline, takes)
        heard = measure_release(path, into=folder, script=script, source=source)
        texts = {line.id: line.text for line in speech.apply_rewrites(translation).lines}
        words = count_words(path, script, texts, language, into=folder)
        pauses = _compare_heard(transcript, heard, source.sound, path, folder)
        return Row(
            name or f"{video_id} {language}", heard, ffmpeg.measure(path).loudness, words, pauses
        )


def _compare_heard(
    transcript: Transcript, heard: Measurement, source: Path, release: Path, folder: Path
) -> Pauses:
    said = {line.line_id: Span(line.start, line.end) for line in heard.found}
    sentences = [
        Sentence(Span(line.start, line.end), said.get(line.id)) for line in transcript.lines
    ]
    return compare_pauses(
        sentences, find_speech(source, into=folder), find_speech(release, into=folder)
    )


def of_address(address: str) -> Row:
    """What can be heard of a release that only its public address is known of."""
    with tempfile.TemporaryDirectory(prefix="dub-heard-") as at:
        path = Path(at) / "released"
        with path.open("wb") as file:
            file.writelines(_fetch(_sound_address(address)))
        return Row(address, measure_release(path, into=Path(at)), ffmpeg.measure(path).loudness)


def _sound_address(address: str) -> str:
    """The track's own address, where that of a release's JSON was given."""
    if not address.endswith(".json"):
        return address
    if address.endswith("/manifest.json"):
        return urljoin(address, "track.m4a")
    pointer = json.loads(b"".join(_fetch(address)))
    base, _, _ = address.partition("/releases/")
    return f"{base}/{pointer['track']}"


def _fetch(address: str) -> Iterator[bytes]:
    with httpx.stream("GET", address, timeout=DEADLINE_SECONDS, follow_redirects=True) as answer:
        answer.raise_for_status()
        yield from answer.iter_bytes()


def main() -> int:
    """Print the table and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", help="the public address of a release")
    parser.add_argument("--dub", nargs=2, metavar=("ID", "LANGUAGE"), help="of this deployment")
    chosen = parser.parse_args()
    configure_logging("console", "ERROR")
    if chosen.release:
        rows = [of_address(chosen.release)]
    elif chosen.dub:
        rows = [of_dub(wiring.store(Settings()), *chosen.dub)]
    else:
        rows = [of_recipe(recipe) for recipe in track(RECIPES, "clips", console=PROGRESS)]
    Console(width=WIDTH).print(table(rows))
    print(as_json(rows))  # noqa: T201
    return 0


def table(rows: list[Row]) -> Table:
    """A row for each release."""
    made = Table("clip", *rows[0].figures)
    for row in rows:
        made.add_row(row.name, *map(_format_figure, row.figures.values()))
    return made


def _format_figure(figure: float | None) -> str:
    if figure is None:
        return NOT_MEASURED
    return str(figure) if isinstance(figure, int) else f"{figure:.2f}"


def as_json(rows: list[Row]) -> str:
    """The line that machines read: the figures of the worst clip; null is not measured."""
    worst = max(rows, key=lambda row: row.badness)
    figures = {
        name: None if figure is None else round(figure, 2) for name, figure in worst.figures.items()
    }
    return json.dumps({"clip": worst.name, **figures})


if __name__ == "__main__":
    command.run(main)
