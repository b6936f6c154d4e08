"""Removes what was made of a video: media, values, releases, and the paid answers it used.

    withdraw(store, "dQw4w9WgXcQ")                  # at once: viewers no longer find it
    Remover(store, calls).clear("dQw4w9WgXcQ")      # once no run works on it
    withdraw_dub(store, "dQw4w9WgXcQ", "es", film)  # the same for one of its dubs

Each can be repeated. A paid answer that another video uses stays, or that video would pay for it
again. A take may be shared with other dubs, so takes are deleted by retention (`retention.py`) once
no dub uses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dub_platform.registry.ledger import PaidCalls
from resources.catalogue.releases import film_files
from resources.store.port import POINTER, PUBLIC, VIDEOS, Store

# The folder of each role's paid answers.
_ANSWERS = {"transcriber": "transcriptions", "translator": "translations"}


def withdraw(store: Store, video_id: str) -> None:
    """Delete every release of the video, pointers first. Raises StorageError."""
    _delete(store, f"{PUBLIC}{video_id}/")


def withdraw_dub(store: Store, video_id: str, language: str, film_key: str | None) -> None:
    """Delete every release of the dub, and the film that contains it. Raises StorageError."""
    _delete(store, f"{PUBLIC}{video_id}/{language}/")
    for key in film_files(film_key) if film_key else ():
        store.delete(key)


@dataclass(frozen=True)
class Remover:
    """Deletes everything stored for a video. The record of what was paid stays."""

    store: Store
    calls: PaidCalls

    def clear(self, video_id: str) -> None:
        """Delete everything.

        Raises StorageError; then some of it may be left, and it can be called again.
        """
        withdraw(self.store, video_id)
        for answer in self._answers(video_id):
            _delete(self.store, answer)
        self.calls.forget_uses(video_id)
        # The values last: as long as they exist, an operator can find the rest by them.
        _delete(self.store, f"{VIDEOS}{video_id}/")

    def clear_dub(self, video_id: str, language: str, film_key: str | None) -> None:
        """Delete everything of one dub, and every film of the video except the given one.

        Any other film may contain the dub. Raises StorageError.
        """
        current = film_files(film_key) if film_key else ()
        for kept in [each.key for each in self.store.keys(f"{PUBLIC}{video_id}/film/")]:
            if kept not in current:
                self.store.delete(kept)
        withdraw_dub(self.store, video_id, language, None)
        _delete(self.store, f"{VIDEOS}{video_id}/dubs/{language}/")

    def _answers(self, video_id: str) -> Iterator[str]:
        for role, key in self.calls.list_sole_uses(video_id):
            yield f"{_ANSWERS[role]}/{key[:2]}/{key}."


def _delete(store: Store, prefix: str) -> None:
    kept = [each.key for each in store.keys(prefix)]
    # Pointers first: a pointer must never name a deleted release.
    for key in sorted(kept, key=lambda key: not key.endswith(f"/{POINTER}")):
        store.delete(key)
    for write in store.incomplete_uploads(prefix):
        store.abort(write)
