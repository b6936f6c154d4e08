"""Retention: finds, counts and deletes stored data that nothing refers to any more.

    retention = Retention(store, registry, folders, timedelta(days=30), answers)
    for gone in retention.tidy("a-run-id", dry_run=True):
        print(gone.kind.value, gone.bytes)

The registry names the current releases; the assets' values name the media and takes in use.
Anything that is not named like one of these stays. Nothing is deleted that a run may be about to
use: neither of a video whose leases cannot all be acquired, nor of one written to within the hour.
Two rounds at the same time do no harm.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from itertools import groupby, repeat
from typing import TYPE_CHECKING

import numpy as np

from dub_platform.core.errors import VideoNotFoundError
from dub_platform.core.keys import is_content_key
from dub_platform.registry import DubStatus, Maintenance, VideoStatus
from dub_platform.registry.first_answers import KEPT, FirstAnswers
from resources.store.port import PUBLIC, VIDEOS, Store, StoredObject
from resources.system.workfolder import WorkFolders

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIET = timedelta(hours=1)
TAKES = "takes/"
# Paid answers are small and stay for ever; incomplete uploads of them do not.
FOLDERS = (VIDEOS, TAKES, PUBLIC, "translations/", "transcriptions/")
_NAMED = re.compile(rb'"(videos/[\w./-]+)"')
_USED = re.compile(rb'"takes/../([0-9a-f]{16})[0-9a-f]{48}\.flac"')
_TAKE = re.compile(r"takes/../([0-9a-f]{64})\.(?:flac|json)")
_UPLOADED = re.compile(r"upload\.media|captions-[0-9a-f]{16}\.\w+")
_VERSION = re.compile(rf"({PUBLIC}[^/]+/[^/]+)/([0-9a-f]{{16}})[./]")


class Kind(str, Enum):
    """The kinds of things that are deleted, in words for operators."""

    MEDIA = "superseded media"
    UPLOADS = "uploads never accepted"
    RELEASES = "replaced releases"
    TAKES = "unused takes"
    WRITES = "unfinished writes"
    FOLDERS = "folders of dead processes"
    LEASES = "leases of dead runs"
    ANSWERS = "answers to repeated requests"
    EVENTS = "old events"
    RUNS = "finished runs"
    PARTITIONS = "partitions nobody asked for"


@dataclass(frozen=True)
class Gone:
    """One thing that was deleted, or would be; `bytes` is 0 for rows of a database."""

    kind: Kind
    bytes: int = 0


@dataclass(frozen=True)
class Retention:
    """`keep` is how long events, replaced releases and unused takes are kept."""

    store: Store
    registry: Maintenance
    folders: WorkFolders
    keep: timedelta
    answers: FirstAnswers

    def tidy(
        self, holder: str, *, now: datetime | None = None, dry_run: bool = False
    ) -> Iterator[Gone]:
        """Delete what can go at `now`, and yield each thing. A dry run only yields.

        `holder` is the name under which it acquires the leases of videos. Raises StorageError.
        """
        now = now or datetime.now(timezone.utc)
        yield from _Round(self.store, self.registry, holder, now, now - self.keep, dry_run).gone()
        for size in self.folders.sweep(dry_run=dry_run).values():
            yield Gone(Kind.FOLDERS, size)
        for kind, drop, before in (
            (Kind.LEASES, self.registry.drop_leases, now - QUIET),
            (Kind.ANSWERS, self.answers.drop, now - KEPT),
            (Kind.EVENTS, self.registry.drop_events, now - self.keep),
        ):
            yield from repeat(Gone(kind), drop(before=before, dry_run=dry_run))


Choice = Callable[[str, Sequence[StoredObject]], Sequence[StoredObject]]


@dataclass(frozen=True)
class _Round:
    """One round through the store. What was put before `expired` has been kept long enough."""

    store: Store
    registry: Maintenance
    holder: str
    now: datetime
    expired: datetime
    dry_run: bool

    def gone(self) -> Iterator[Gone]:
        yield from self._choose_and_delete(Kind.MEDIA, VIDEOS, self._superseded)
        yield from self._choose_and_delete(Kind.RELEASES, PUBLIC, self._replaced)
        yield from self._abandoned()
        yield from self._unused_takes()
        yield from self._abort_writes()

    def _choose_and_delete(self, kind: Kind, folder: str, choose: Choice) -> Iterator[Gone]:
        """Delete what `choose` finds in each video, after checking again with the video's leases
        held."""
        for video_id, kept in _by_video(self.store.keys(folder)):
            # If the video is removed meanwhile, the removal deletes all of it.
            with contextlib.suppress(VideoNotFoundError):
                if self.registry.was_asked_for(video_id) and choose(video_id, kept):
                    yield from self._delete_chosen(kind, f"{folder}{video_id}/", video_id, choose)

    def _delete_chosen(
        self, kind: Kind, folder: str, video_id: str, choose: Choice
    ) -> Iterator[Gone]:
        try:
            if not self._acquire_leases(video_id):
                return
            for each in choose(video_id, list(self.store.keys(folder))):
                # Renewing fails if new work has come: it goes first, the rest waits a night.
                if not self._acquire_leases(video_id):
                    return
                yield self._delete(kind, each)
        finally:
            self.registry.let_go_all(video_id, self.holder)

    def _acquire_leases(self, video_id: str) -> bool:
        return self.registry.hold_all(video_id, self.holder, now=datetime.now(timezone.utc))

    def _delete(self, kind: Kind, kept: StoredObject) -> Gone:
        if not self.dry_run:
            self.store.delete(kept.key)
        return Gone(kind, kept.bytes)

    def _superseded(self, video_id: str, kept: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """Return the media that no value of the video names."""
        # A run may still use what was current a moment ago.
        if any(each.put_at > self.now - QUIET for each in kept):
            return []
        media = [each for each in kept if is_content_key(each.key)]
        alone = len({each.key.rpartition("-")[0] for each in media}) == len(media)
        # With one file for each kind, that file is in use unless its step failed. So the values of
        # most videos need not be read.
        if alone and not self._has_failed(video_id):
            return []
        named = self._named_keys(video_id, kept)
        return [each for each in media if each.key not in named]

    def _has_failed(self, video_id: str) -> bool:
        return self.registry.video(video_id).status is VideoStatus.FAILED or any(
            dub.status is DubStatus.FAILED for dub in self.registry.dubs(video_id)
        )

    def _named_keys(self, video_id: str, kept: Sequence[StoredObject]) -> set[str]:
        video = self.registry.video(video_id)
        values = [self.store.get_bytes(each.key) for each in kept if each.key.endswith(".json")]
        named = {key.decode() for value in values for key in _NAMED.findall(value)}
        return named | {key for key in (video.upload_key, video.captions_key) if key}

    def _replaced(self, video_id: str, kept: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """Return the files of releases and films that were replaced long enough ago."""
        versions = _by_version(kept)
        old = {version for version, ended in _end_times(versions) if ended < self.expired}
        old -= self._current_versions(video_id) if old else set()
        gone = [each for version in old for each in versions[version]]
        # A film's text sorts before the film, and so goes first: it promises that the film is good.
        return sorted(gone, key=lambda each: each.key)

    def _current_versions(self, video_id: str) -> set[str]:
        dubs = self.registry.dubs(video_id)
        keys = [dub.release.manifest_key for dub in dubs if dub.release]
        film = self.registry.video(video_id).film_key
        return {_version(key) for key in [*keys, film or ""]}

    def _abandoned(self) -> Iterator[Gone]:
        """Delete uploads that are stored, but whose API process died before it accepted them."""
        for video_id, kept in _by_video(self.store.keys(VIDEOS)):
            if self._is_abandoned(video_id, kept):
                again = list(self.store.keys(f"{VIDEOS}{video_id}/"))
                if self._is_abandoned(video_id, again):
                    yield from (self._delete(Kind.UPLOADS, each) for each in again)

    def _is_abandoned(self, video_id: str, kept: Sequence[StoredObject]) -> bool:
        # If anything was made of the video it was accepted, even if this registry is a new one.
        return (
            all(_UPLOADED.fullmatch(each.key.split("/", 2)[-1]) for each in kept)
            and self._are_expired(kept)
            and not self.registry.was_asked_for(video_id)
        )

    def _unused_takes(self) -> Iterator[Gone]:
        used = self._used()
        for _, shard in groupby(self.store.keys(TAKES), lambda kept: kept.key.split("/")[1]):
            for take, kept in _by_take(shard).items():
                if self._are_expired(kept) and not _is_in(used, int(take[:16], 16)):
                    yield from self._delete_take(take)

    def _used(self) -> NDArray[np.uint64]:
        """Return the first 64 bits of the keys of all takes in use, sorted: uint64, (takes,).

        A large catalogue has millions of takes, so 8 bytes must do for each. An unused take with
        the same first bits as a used one simply stays.
        """
        values = (kept.key for kept in self.store.keys(VIDEOS) if kept.key.endswith("/speech.json"))
        found = (take for value in values for take in _USED.findall(self.store.get_bytes(value)))
        return np.unique(np.fromiter((int(take, 16) for take in found), np.uint64))

    def _delete_take(self, take: str) -> Iterator[Gone]:
        kept = list(self.store.keys(f"{TAKES}{take[:2]}/{take}."))
        # Reusing a take refreshes its receipt at half this age (resources/voice/takes.py).
        if self._are_expired(kept):
            # The receipt goes first: a take without one is spoken again.
            for each in sorted(kept, key=lambda each: each.key.endswith(".flac")):
                yield self._delete(Kind.TAKES, each)

    def _are_expired(self, kept: Iterable[StoredObject]) -> bool:
        return all(each.put_at < self.expired for each in kept)

    def _abort_writes(self) -> Iterator[Gone]:
        for folder in FOLDERS:
            for write in self.store.incomplete_uploads(folder):
                if write.grew_at < self.now - QUIET:
                    if not self.dry_run:
                        self.store.abort(write)
                    yield Gone(Kind.WRITES, write.bytes)


def _by_video(listing: Iterable[StoredObject]) -> Iterator[tuple[str, list[StoredObject]]]:
    for video_id, kept in groupby(listing, lambda each: each.key.split("/")[1]):
        yield video_id, list(kept)


def _by_take(listing: Iterable[StoredObject]) -> Mapping[str, list[StoredObject]]:
    takes = defaultdict(list)
    for kept in listing:
        if found := _TAKE.fullmatch(kept.key):
            takes[found[1]].append(kept)
    return takes


def _by_version(listing: Iterable[StoredObject]) -> Mapping[str, list[StoredObject]]:
    """Group the keys by release or film; keys of neither are left out."""
    versions = defaultdict(list)
    for kept in listing:
        if version := _version(kept.key):
            versions[version].append(kept)
    return versions


def _version(key: str) -> str:
    """Return the prefix of a release's or film's keys; empty for any other key."""
    found = _VERSION.match(key)
    return found[0][:-1] if found else ""


def _end_times(versions: Mapping[str, Sequence[StoredObject]]) -> Iterator[tuple[str, datetime]]:
    """Yield for each version when the next one of its folder replaced it, or else when it was put.

    The last version of a folder is current, or was never made current.
    """
    put_at = {version: max(each.put_at for each in kept) for version, kept in versions.items()}
    for version, put in put_at.items():
        folder = version.rpartition("/")[0]
        later = (at for other, at in put_at.items() if other.startswith(f"{folder}/") and at > put)
        yield version, min(later, default=put)


def _is_in(numbers: NDArray[np.uint64], number: int) -> bool:
    place = int(np.searchsorted(numbers, np.uint64(number)))
    return place < len(numbers) and int(numbers[place]) == number
