"""Removing what was made of a video: its media, values and releases, and the answers it used.

    withdraw(store, "dQw4w9WgXcQ")                  # at once: viewers find it no more
    Remover(store, calls).clear("dQw4w9WgXcQ")      # once no run works on it
    withdraw_dub(store, "dQw4w9WgXcQ", "es", film)  # and the same for one dub of it

Both can be done again: what is gone is not found. An answer that another video is made with stays
for that one, or it would be paid for again. A take is kept under the key of its sound and may be
another dub's too, so takes go with upkeep (`retention.py`) once no dub is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dub_platform.registry.ledger import PaidCalls
from resources.catalogue.releases import film_files
from resources.store.port import POINTER, PUBLIC, VIDEOS, Store

# Where each role keeps the answers that it got, by the keys under which it uses them.
_ANSWERS = {"transcriber": "transcriptions", "translator": "translations"}


def withdraw(store: Store, video_id: str) -> None:
    """Delete every release of the video, what names the current one first. Raises StorageError."""
    _delete(store, f"{PUBLIC}{video_id}/")


def withdraw_dub(store: Store, video_id: str, language: str, film_key: str | None) -> None:
    """Delete every release of the dub, and the film that it is in. Raises StorageError."""
    _delete(store, f"{PUBLIC}{video_id}/{language}/")
    for key in film_files(film_key) if film_key else ():
        store.delete(key)


@dataclass(frozen=True)
class Remover:
    """Deletes what the store keeps of a video. The account of what was paid stays."""

    store: Store
    calls: PaidCalls

    def clear(self, video_id: str) -> None:
        """Delete all of it. Raises StorageError, and then some of it is still there."""
        withdraw(self.store, video_id)
        for answer in self._answers(video_id):
            _delete(self.store, answer)
        self.calls.forget_uses(video_id)
        # Last: while it is there, the rest can still be found by hand.
        _delete(self.store, f"{VIDEOS}{video_id}/")

    def clear_dub(self, video_id: str, language: str, film_key: str | None) -> None:
        """Delete all of one dub, and every film of the video but this one, as any may have it.
        Raises StorageError."""
        current = film_files(film_key) if film_key else ()
        for kept in [each.key for each in self.store.keys(f"{PUBLIC}{video_id}/film/")]:
            if kept not in current:
                self.store.delete(kept)
        withdraw_dub(self.store, video_id, language, None)
        _delete(self.store, f"{VIDEOS}{video_id}/dubs/{language}/")

    def _answers(self, video_id: str) -> Iterator[str]:
        for role, key in self.calls.used_alone(video_id):
            yield f"{_ANSWERS[role]}/{key[:2]}/{key}."


def _delete(store: Store, prefix: str) -> None:
    kept = [each.key for each in store.keys(prefix)]
    # A pointer must not name what is gone.
    for key in sorted(kept, key=lambda key: not key.endswith(f"/{POINTER}")):
        store.delete(key)
    for write in store.incomplete_uploads(prefix):
        store.abort(write)
