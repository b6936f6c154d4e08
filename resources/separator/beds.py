"""Beds: made once of each video, and kept for every language that it is dubbed into.

    key = BedKeeper(store, separator, folders).bed_of("dQw4w9WgXcQ", audio)

A bed is kept under a key of the sound and the engine that it was made with. So it is made by the
first dub that wants it, found by all others, and made anew when one of the two has changed.
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
    """Has beds made by a separator, or finds that they were made before."""

    store: Store
    separator: Separator
    folders: WorkFolders

    def bed_of(self, video_id: str, audio: Audio) -> str:
        """The store's key of what the video's dubs are mixed with. Raises what the engine does."""
        if not self.separator.removes_voice:
            return audio.sound_key
        made_with = key_of({"sound": audio.sound_key, "engine": self.separator.engine})
        key = content_key(f"videos/{video_id}/audio/bed", made_with, ".flac")
        # The second of two languages at once waits here, and then finds it.
        with hold_lock(self.folders.root / f"turn-{made_with}"):
            if not self.store.exists(key):
                self._make(audio.sound_key, key)
        return key

    def _make(self, sound_key: str, key: str) -> None:
        with self.folders.new("bed") as folder:
            sound = self.store.fetch(sound_key, folder)
            self.store.put_file(key, self.separator.bed(sound, into=folder))
