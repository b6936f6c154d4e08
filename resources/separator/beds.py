"""Beds: made once for each video, and shared by all its languages.

    key = BedKeeper(store, separator, folders).bed_of("dQw4w9WgXcQ", audio)

A bed's key depends on the source's sound and the engine. So the first dub that needs it makes it,
the others find it, and it is made anew if the sound or the engine changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from dub_platform.core.keys import content_key, key_of
from dub_platform.core.speech import Audio
from resources.separator.port import Separator
from resources.store.port import Store
from resources.system.file_lock import hold_lock
from resources.system.workfolder import WorkFolders


@dataclass(frozen=True)
class BedKeeper:
    """Finds the bed of a video in the store, or has the separator make it."""

    store: Store
    separator: Separator
    folders: WorkFolders

    def bed_of(self, video_id: str, audio: Audio) -> str:
        """Return the store's key of the sound to mix dubs with. Raises the errors of the engine."""
        if not self.separator.removes_voice:
            return audio.sound_key
        made_with = key_of({"sound": audio.sound_key, "engine": self.separator.engine})
        key = content_key(f"videos/{video_id}/audio/bed", made_with, ".flac")
        # A second language at the same time waits here, and then finds the bed.
        with hold_lock(self.folders.root / f"turn-{made_with}"):
            if not self.store.exists(key):
                self._make(audio.sound_key, key)
        return key

    def _make(self, sound_key: str, key: str) -> None:
        with self.folders.new("bed") as folder:
            sound = self.store.fetch(sound_key, folder)
            self.store.put_file(key, self.separator.bed(sound, into=folder))
