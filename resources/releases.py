"""Releases: a dub as viewers get it, complete before anybody can see it.

    release = Publisher(store, registry).publish(dub, folder)

A release lies under a prefix made of its content, so an address never changes its meaning, and
half a release is never current: the registry names it last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dub_platform.core.captions import as_srt, as_vtt, cued
from dub_platform.core.keys import key_of
from dub_platform.core.speech import (
    Release,
    SourceMedia,
    Takes,
    Track,
    Transcript,
    Translation,
)
from dub_platform.registry import DubStatus, Registry
from resources.film import Voiced, mux
from resources.store import Store


@dataclass(frozen=True)
class FinishedDub:
    """Everything that was made for a video in one language."""

    video_id: str
    media: SourceMedia
    transcript: Transcript
    translation: Translation
    speech: Takes
    track: Track

    @property
    def language(self) -> str:
        return self.translation.language


@dataclass(frozen=True)
class Publisher:
    """Puts releases where viewers find them."""

    store: Store
    registry: Registry

    def publish(self, dub: FinishedDub, folder: Path) -> Release:
        """Put track, captions, manifest and film in place, then make the release current.

        A language that is released in the meantime makes the film anew, so that the last film
        holds every language.
        """
        release = self._placed(dub, folder)
        current = False
        while not current:
            beside = self._beside(dub.video_id, dub.language)
            film = self._film(dub, {**beside, dub.language: release}, folder)
            current = self.registry.released(
                dub.video_id, dub.language, release, film_key=film, beside=beside
            )
        return release

    def _placed(self, dub: FinishedDub, folder: Path) -> Release:
        texts = _captions_of(dub)
        version = key_of([dub.track.sha256, texts])[:16]
        prefix = f"releases/{dub.video_id}/{dub.language}/{version}"
        release = _release(dub, prefix)
        for name, text in texts.items():
            self.store.put_bytes(release.captions_keys[name], text.encode())
        self.store.put_file(release.track_key, self.store.fetch(dub.track.key, folder))
        manifest = json.dumps(_manifest(dub), ensure_ascii=False, indent=1)
        self.store.put_bytes(release.manifest_key, manifest.encode())
        return release

    def _beside(self, video_id: str, language: str) -> Mapping[str, Release]:
        return {
            dub.language: dub.release
            for dub in self.registry.dubs(video_id)
            if dub.status is DubStatus.RELEASED and dub.release and dub.language != language
        }

    def _film(self, dub: FinishedDub, releases: Mapping[str, Release], folder: Path) -> str:
        ordered = [releases[language] for language in sorted(releases)]
        version = key_of([dub.media.sha256, [release.manifest_key for release in ordered]])[:16]
        key = f"releases/{dub.video_id}/film/{version}.mp4"
        if not self.store.exists(key):
            film = folder / f"{version}.mp4"
            source = self.store.fetch(dub.media.key, folder)
            mux(dub.media, source, self._voiced(dub, ordered, folder), into=film)
            self.store.put_file(key, film)
        return key

    def _voiced(self, dub: FinishedDub, releases: Sequence[Release], folder: Path) -> list[Voiced]:
        def fetched(key: str) -> Path:
            return self.store.fetch(key, folder)

        original = fetched(releases[0].captions_keys["source_srt"])
        return [
            Voiced(dub.transcript.language, original),
            *(
                Voiced(each.language, fetched(each.captions_keys["srt"]), fetched(each.track_key))
                for each in releases
            ),
        ]


def _captions_of(dub: FinishedDub) -> dict[str, str]:
    """The caption files by name: the dub's where it is spoken, the source's where it was."""
    places = {place.line_id: place for place in dub.track.timeline.placements}
    spoken = cued(
        (places[line.id].start, places[line.id].end, line.text) for line in dub.translation.lines
    )
    source = cued((line.start, line.end, line.text) for line in dub.transcript.lines)
    return {
        "vtt": as_vtt(spoken, dub.language),
        "srt": as_srt(spoken),
        "source_vtt": as_vtt(source, dub.transcript.language),
        "source_srt": as_srt(source),
    }


def _release(dub: FinishedDub, prefix: str) -> Release:
    track = dub.track
    return Release(
        language=dub.language,
        track_key=f"{prefix}/track.m4a",
        manifest_key=f"{prefix}/manifest.json",
        captions_keys={
            "vtt": f"{prefix}/{dub.language}.vtt",
            "srt": f"{prefix}/{dub.language}.srt",
            "source_vtt": f"{prefix}/source.{dub.transcript.language}.vtt",
            "source_srt": f"{prefix}/source.{dub.transcript.language}.srt",
        },
        seconds=track.seconds,
        lufs=track.lufs,
        true_peak_db=track.true_peak_db,
        onset_p95_ms=1000 * track.timeline.onset_p95,
        tempo_p95=track.timeline.tempo_p95,
        bytes=track.bytes,
        sha256=track.sha256,
        cost_usd=dub.translation.cost_usd + dub.speech.cost_usd,
    )


def _manifest(dub: FinishedDub) -> dict[str, object]:
    """What this release is and was made of, for machines."""
    source = {line.id: line for line in dub.transcript.lines}
    target = {line.id: line.text for line in dub.translation.lines}
    return {
        "video": dub.video_id,
        "title": dub.media.title,
        "source_sha256": dub.media.sha256,
        "source_language": dub.transcript.language,
        "language": dub.language,
        "engines": {
            "transcript": dub.transcript.engine,
            "translation": dub.translation.engine,
            "speech": dub.speech.engine,
        },
        "track": {
            "sha256": dub.track.sha256,
            "bytes": dub.track.bytes,
            "seconds": dub.track.seconds,
            "lufs": dub.track.lufs,
            "true_peak_db": dub.track.true_peak_db,
        },
        "lines": [
            {
                "id": place.line_id,
                "slot": [source[place.line_id].start, source[place.line_id].end],
                "start": place.start,
                "seconds": place.seconds,
                "tempo": place.tempo,
                "source": source[place.line_id].text,
                "target": target[place.line_id],
            }
            for place in dub.track.timeline.placements
        ],
    }
