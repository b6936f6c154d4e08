"""The store's files: what changed since the last backup, and everything back again.

entries = list(saved(store, folder, work, previous, on_copied=progress))
restored(store, folder, entries)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dub_platform.backup.folder import BackupFolder, Entry
from dub_platform.core.errors import ArtifactMissingError
from resources.store.port import Store, StoredObject

LABEL = "store/"
AT_ONCE = 8
# A store's clock is not ours and may show whole seconds: what was put as late as this could have
# been replaced by as many other bytes without a sign.
UNSURE = timedelta(minutes=1)


@dataclass(frozen=True)
class Previous:
    """The entries of the last backup by name, and when it began; none and never at first."""

    entries: Mapping[str, Entry]
    began: datetime | None = None

    def of(self, kept: StoredObject) -> Entry | None:
        """The entry that still holds, if there is one."""
        entry = self.entries.get(LABEL + kept.key)
        if entry is None or self.began is None or kept.put_at > self.began - UNSURE:
            return None
        same = (entry.bytes, entry.put_at) == (kept.bytes, kept.put_at)
        return entry if same else None


def saved(
    store: Store,
    folder: BackupFolder,
    work: Path,
    previous: Previous,
    on_copied: Callable[[Entry], None],
) -> Iterator[Entry]:
    """An entry for everything the store keeps; `on_copied` is called for what was copied anew."""

    def entry_of(kept: StoredObject) -> Entry | None:
        known = previous.of(kept)
        if known is not None and folder.file(known).is_file():
            return known
        # Upkeep deletes what nothing refers to any more.
        with contextlib.suppress(ArtifactMissingError):
            entry = folder.take(store.fetch(kept.key, work), LABEL + kept.key, kept.put_at)
            on_copied(entry)
            return entry
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from filter(None, pool.map(entry_of, store.keys("")))


def restored(store: Store, folder: BackupFolder, entries: Iterable[Entry]) -> int:
    """Put every file of the store back; how many there were."""

    def put(entry: Entry) -> int:
        store.put_file(entry.name.removeprefix(LABEL), folder.file(entry))
        return 1

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(put, (each for each in entries if each.name.startswith(LABEL))))
