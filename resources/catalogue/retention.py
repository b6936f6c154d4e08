"""Retention: what nothing refers to any more is found, counted and removed.

    retention = Retention(store, registry, folders, timedelta(days=30), answers)
    for gone in retention.tidied("a-run-id", dry_run=True):
        print(gone.kind.value, gone.bytes)

The registry says which releases are current, and the assets' values name the media and the takes
in use; whatever is neither known nor named like what is known stays. Nothing goes that a run may
be about to use: of a video whose leases cannot all be had, nor of one that was written to within
the hour. Two rounds at once do no harm: what one has removed, the other does not find.
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
# What is paid for and small stays for ever, but not what was left half-written there.
FOLDERS = (VIDEOS, TAKES, PUBLIC, "translations/", "transcriptions/")
_NAMED = re.compile(rb'"(videos/[\w./-]+)"')
_USED = re.compile(rb'"takes/../([0-9a-f]{16})[0-9a-f]{48}\.flac"')
_TAKE = re.compile(r"takes/../([0-9a-f]{64})\.(?:flac|json)")
_UPLOADED = re.compile(r"upload\.media|captions-[0-9a-f]{16}\.\w+")
_VERSION = re.compile(rf"({PUBLIC}[^/]+/[^/]+)/([0-9a-f]{{16}})[./]")


class Kind(str, Enum):
    """What goes, as an operator reads it."""

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
    """One thing that went, or would go; `bytes` is 0 where it is rows of a database."""

    kind: Kind
    bytes: int = 0


@dataclass(frozen=True)
class Retention:
    """`keep` is how long events stay, and what was replaced or unused."""

    store: Store
    registry: Maintenance
    folders: WorkFolders
    keep: timedelta
    answers: FirstAnswers

    def tidied(
        self, holder: str, *, now: datetime | None = None, dry_run: bool = False
    ) -> Iterator[Gone]:
        """Remove what can go at `now`, and tell of each thing. A dry run only tells.

        `holder` is the name under which videos are held meanwhile. Raises StorageError.
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
        yield from self._chosen(Kind.MEDIA, VIDEOS, self._superseded)
        yield from self._chosen(Kind.RELEASES, PUBLIC, self._replaced)
        yield from self._abandoned()
        yield from self._unused_takes()
        yield from self._given_up()

    def _chosen(self, kind: Kind, folder: str, choose: Choice) -> Iterator[Gone]:
        """What `choose` finds of each video, looked at again while nobody is at it."""
        for video_id, kept in _by_video(self.store.keys(folder)):
            # One that is removed meanwhile goes as a whole.
            with contextlib.suppress(VideoNotFoundError):
                if self.registry.was_asked_for(video_id) and choose(video_id, kept):
                    yield from self._held(kind, f"{folder}{video_id}/", video_id, choose)

    def _held(self, kind: Kind, folder: str, video_id: str, choose: Choice) -> Iterator[Gone]:
        try:
            if not self._hold(video_id):
                return
            for each in choose(video_id, list(self.store.keys(folder))):
                # Work that has come meanwhile goes first; the rest is tidied another night.
                if not self._hold(video_id):
                    return
                yield self._deleted(kind, each)
        finally:
            self.registry.let_go_all(video_id, self.holder)

    def _hold(self, video_id: str) -> bool:
        return self.registry.hold_all(video_id, self.holder, now=datetime.now(timezone.utc))

    def _deleted(self, kind: Kind, kept: StoredObject) -> Gone:
        if not self.dry_run:
            self.store.delete(kept.key)
        return Gone(kind, kept.bytes)

    def _superseded(self, video_id: str, kept: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """The media that no value of the video names."""
        # A run may still work with what was current a moment ago.
        if any(each.put_at > self.now - QUIET for each in kept):
            return []
        media = [each for each in kept if is_content_key(each.key)]
        alone = len({each.key.rpartition("-")[0] for each in media}) == len(media)
        # What stands alone is named, or else its step failed: so most videos cost no reading.
        if alone and not self._has_failed(video_id):
            return []
        named = self._named(video_id, kept)
        return [each for each in media if each.key not in named]

    def _has_failed(self, video_id: str) -> bool:
        return self.registry.video(video_id).status is VideoStatus.FAILED or any(
            dub.status is DubStatus.FAILED for dub in self.registry.dubs(video_id)
        )

    def _named(self, video_id: str, kept: Sequence[StoredObject]) -> set[str]:
        video = self.registry.video(video_id)
        values = [self.store.get_bytes(each.key) for each in kept if each.key.endswith(".json")]
        named = {key.decode() for value in values for key in _NAMED.findall(value)}
        return named | {key for key in (video.upload_key, video.captions_key) if key}

    def _replaced(self, video_id: str, kept: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """The releases and films that were replaced long enough ago."""
        versions = _by_version(kept)
        old = {version for version, ended in _ended(versions) if ended < self.expired}
        old -= self._current(video_id) if old else set()
        gone = [each for version in old for each in versions[version]]
        # A film's text goes before the film: where it is, the film is taken to be there too.
        return sorted(gone, key=lambda each: each.key)

    def _current(self, video_id: str) -> set[str]:
        dubs = self.registry.dubs(video_id)
        keys = [dub.release.manifest_key for dub in dubs if dub.release]
        film = self.registry.video(video_id).film_key
        return {_version(key) for key in [*keys, film or ""]}

    def _abandoned(self) -> Iterator[Gone]:
        """Uploads that came whole, and whose acceptance the API did not live to write."""
        for video_id, kept in _by_video(self.store.keys(VIDEOS)):
            if self._is_abandoned(video_id, kept):
                again = list(self.store.keys(f"{VIDEOS}{video_id}/"))
                if self._is_abandoned(video_id, again):
                    yield from (self._deleted(Kind.UPLOADS, each) for each in again)

    def _is_abandoned(self, video_id: str, kept: Sequence[StoredObject]) -> bool:
        # A video of which something was made has been accepted, whatever this registry says.
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
                    yield from self._deleted_take(take)

    def _used(self) -> NDArray[np.uint64]:
        """The beginnings of the keys of all takes that dubs are made of, in order.

        A catalogue has millions, so eight bytes serve for each; a take that begins like another
        that is used stays.
        """
        values = (kept.key for kept in self.store.keys(VIDEOS) if kept.key.endswith("/speech.json"))
        found = (take for value in values for take in _USED.findall(self.store.get_bytes(value)))
        return np.unique(np.fromiter((int(take, 16) for take in found), np.uint64))

    def _deleted_take(self, take: str) -> Iterator[Gone]:
        kept = list(self.store.keys(f"{TAKES}{take[:2]}/{take}."))
        # Whoever finds a receipt that is half as old puts it anew (resources/voice/takes.py).
        if self._are_expired(kept):
            # The receipt goes first: without one, a take is spoken again.
            for each in sorted(kept, key=lambda each: each.key.endswith(".flac")):
                yield self._deleted(Kind.TAKES, each)

    def _are_expired(self, kept: Iterable[StoredObject]) -> bool:
        return all(each.put_at < self.expired for each in kept)

    def _given_up(self) -> Iterator[Gone]:
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
    """The keys of each release or film; those of neither are under no version."""
    versions = defaultdict(list)
    for kept in listing:
        if version := _version(kept.key):
            versions[version].append(kept)
    return versions


def _version(key: str) -> str:
    """What a release's or a film's keys begin with; nothing for any other key."""
    found = _VERSION.match(key)
    return found[0][:-1] if found else ""


def _ended(versions: Mapping[str, Sequence[StoredObject]]) -> Iterator[tuple[str, datetime]]:
    """When each version was replaced by the next of its folder; else when it was put.

    The last is current, or was never made so.
    """
    put_at = {version: max(each.put_at for each in kept) for version, kept in versions.items()}
    for version, put in put_at.items():
        folder = version.rpartition("/")[0]
        later = (at for other, at in put_at.items() if other.startswith(f"{folder}/") and at > put)
        yield version, min(later, default=put)


def _is_in(numbers: NDArray[np.uint64], number: int) -> bool:
    place = int(np.searchsorted(numbers, np.uint64(number)))
    return place < len(numbers) and int(numbers[place]) == number
