"""Publishes releases: a dub as viewers get it, complete before anybody can see it.

    release = Publisher(store, registry).publish(dub, copies, run_id)

The prefix of a release depends on its content, so an address never gets other content, and earlier
releases stay where they are. An incomplete release never becomes current: every file is read back
and compared, then the registry names the release, and at last
`releases/VIDEO/LANGUAGE/current.json` does, for programs that read the store only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dub_platform.core.errors import ArtifactDamagedError
from dub_platform.core.keys import file_sha256, key_of
from dub_platform.core.speech import (
    Release,
    SourceMedia,
    Takes,
    Track,
    Transcript,
    Translation,
)
from dub_platform.core.text.captions import as_srt, as_vtt, make_cues
from dub_platform.registry import WorkQueue
from resources.catalogue.releases import film_files
from resources.media.film import Voiced, mux, require_length
from resources.store.copies import Copies
from resources.store.port import POINTER, Store
from resources.store.values import find_bytes


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
class Original:
    """What films are made from: a video's media, and the language spoken in it."""

    video_id: str
    media: SourceMedia
    language: str


@dataclass(frozen=True)
class Publisher:
    """Puts releases where viewers find them."""

    store: Store
    registry: WorkQueue

    def publish(self, dub: FinishedDub, copies: Copies, run_id: str) -> Release:
        """Store track, captions, manifest and film, then make the release current.

        If another language is released meanwhile, the film is made again, so that the last film has
        every language. `run_id` is the publishing run. Raises ArtifactDamagedError if the store
        returns other content, RunSupersededError if another run has taken over.
        """
        release = self._place(dub, copies)
        original = Original(dub.video_id, dub.media, dub.transcript.language)
        self._make_current(original, release, copies, run_id)
        return release

    def refilm(self, original: Original, language: str, copies: Copies, run_id: str) -> Release:
        """Make the film of all current releases, and leave the release of this dub as it is.

        Raises the errors of `publish`.
        """
        release = self.registry.dub(original.video_id, language).release
        assert release is not None
        self._make_current(original, release, copies, run_id)
        return release

    def _make_current(
        self, original: Original, release: Release, copies: Copies, run_id: str
    ) -> None:
        video_id, current = original.video_id, False
        while not current:
            beside = self._other_releases(video_id, release.language)
            film = self._film(original, {**beside, release.language: release}, copies)
            current = self.registry.release(
                video_id,
                release.language,
                release,
                film_key=film,
                beside=beside,
                run_id=run_id,
            )
            if film and not current:
                # The film may contain a dub that was removed meanwhile, so delete it.
                self._discard(video_id, film)
        self._point(video_id, release.language)

    def _discard(self, video_id: str, film: str) -> None:
        """Delete a film that did not become current, unless it is current by now."""
        if film != self.registry.video(video_id).film_key:
            for key in film_files(film):
                self.store.delete(key)

    def _place(self, dub: FinishedDub, copies: Copies) -> Release:
        texts, manifest = _captions_of(dub), _json(_manifest(dub))
        version = key_of([dub.track.sha256, texts, manifest])[:16]
        release = _release(dub, f"releases/{dub.video_id}/{dub.language}/{version}")
        for name, text in texts.items():
            self._place_text(release.captions_keys[name], text)
        self._place_file(release.track_key, copies.fetch(dub.track.key), dub.track.sha256)
        self._place_text(release.manifest_key, manifest)
        return release

    def _point(self, video_id: str, language: str) -> None:
        """Write the current release into its pointer file."""
        written = None
        # Another run may release and write it at the same time; the last writer must read again.
        while written != (pointer := self._pointer(video_id, language)):
            self.store.put_bytes(f"releases/{video_id}/{language}/{POINTER}", pointer.encode())
            written = pointer

    def _pointer(self, video_id: str, language: str) -> str:
        release = self.registry.dub(video_id, language).release
        assert release is not None
        return _json(
            {
                "video": video_id,
                "language": language,
                "manifest": release.manifest_key,
                "track": release.track_key,
                "captions": release.captions_keys,
                "film": self.registry.video(video_id).film_key,
                "seconds": release.seconds,
                "bytes": release.bytes,
                "sha256": release.sha256,
            }
        )

    def _place_text(self, key: str, text: str) -> None:
        self.store.put_bytes(key, text.encode())
        self._compare(key, hashlib.sha256(text.encode()).hexdigest())

    def _place_file(self, key: str, path: Path, sha256: str) -> None:
        self.store.put_file(key, path)
        self._compare(key, sha256)

    def _compare(self, key: str, sha256: str) -> None:
        if self.store.checksum(key) != sha256:
            raise ArtifactDamagedError(
                f"What the store keeps under {key} is not what was made, so it was not released. "
                "What was released before is unchanged; materialize r2_object again."
            )

    def _other_releases(self, video_id: str, language: str) -> Mapping[str, Release]:
        """Return the current releases of all other languages, also of dubs that are being made
        anew."""
        return {
            dub.language: dub.release
            for dub in self.registry.dubs(video_id)
            if dub.release and dub.language != language
        }

    def _film(
        self, original: Original, releases: Mapping[str, Release], copies: Copies
    ) -> str | None:
        """Make the film and return its key; None if the video is not shown here."""
        media = original.media
        if media.video_codec is None:
            return None
        ordered = [releases[language] for language in sorted(releases)]
        version = key_of([media.sha256, [release.manifest_key for release in ordered]])[:16]
        prefix = f"releases/{original.video_id}/film/{version}"
        # The text beside a film is written after the film was compared; the film alone may be bad.
        if compared := find_bytes(self.store, f"{prefix}.json"):
            # Put again, because retention deletes films by the time of this file.
            self.store.put_bytes(f"{prefix}.json", compared)
        else:
            film = copies.folder / f"{version}.mp4"
            voices = self._languages_of_film(original, ordered, copies)
            mux(media, copies.fetch(media.key), voices, into=film)
            require_length(film, media.seconds)
            sha256 = file_sha256(film)
            self._place_file(f"{prefix}.mp4", film, sha256)
            self._place_text(f"{prefix}.json", _json({"sha256": sha256}))
        return f"{prefix}.mp4"

    def _languages_of_film(
        self, original: Original, releases: Sequence[Release], copies: Copies
    ) -> list[Voiced]:
        fetched = copies.fetch
        said = fetched(releases[0].captions_keys["source_srt"])
        return [
            Voiced(original.language, said),
            *(
                Voiced(each.language, fetched(each.captions_keys["srt"]), fetched(each.track_key))
                for each in releases
            ),
        ]


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _captions_of(dub: FinishedDub) -> dict[str, str]:
    """Return the caption files by name: the dub's at its takes' times, the source's at its own."""
    places = {place.line_id: place for place in dub.track.timeline.placements}
    spoken = make_cues(
        (places[line.id].start, places[line.id].end, line.text) for line in dub.translation.lines
    )
    source = make_cues((line.start, line.end, line.text) for line in dub.transcript.lines)
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
        **asdict(track.basis),
    )


def _manifest(dub: FinishedDub) -> dict[str, object]:
    """Return the manifest: what the release contains and was made of, for programs."""
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
                "parts": [
                    {"start": part.start, "seconds": part.seconds, "tempo": part.tempo}
                    for part in place.all_parts
                ],
                "source": source[place.line_id].text,
                "target": target[place.line_id],
            }
            for place in dub.track.timeline.placements
        ],
    }
