"""What a demo released, measured in its files: is it what a listener was promised?

for heard in releases(Path("checkout/.dub/store")):
    heard.faults                # nothing, where all is well
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.evaluate import Row, of_dub
from resources.store.local import LocalStore

LUFS = (-17.0, -15.0)
MOST_TRUE_PEAK_DB = -1.0
MOST_LENGTH_MS = 20.0
MOST_ONSET_MS = 150.0


@dataclass(frozen=True)
class Heard:
    """One released dub."""

    language: str
    row: Row

    @property
    def faults(self) -> list[str]:
        """What is not as promised, in words."""
        heard, loudness = self.row.heard, self.row.loudness
        wrong = {
            "no line is heard": not heard.found,
            f"lines {heard.missing} are not heard": heard.missing,
            f"lines {heard.cut} are cut": heard.cut,
            f"it is {heard.length_ms} ms too long": abs(heard.length_ms or 0.0) > MOST_LENGTH_MS,
            f"onsets are {heard.onset_p95_ms} ms off": (heard.onset_p95_ms or 0.0) > MOST_ONSET_MS,
            f"it has {loudness.lufs} LUFS": not LUFS[0] <= loudness.lufs <= LUFS[1],
            f"it peaks at {loudness.true_peak_db} dBTP": loudness.true_peak_db > MOST_TRUE_PEAK_DB,
        }
        return [fault for fault, is_so in wrong.items() if is_so]


def releases(store: Path) -> Iterator[Heard]:
    """Every dub in a local store, as it is heard."""
    for dub in sorted(store.glob("videos/*/dubs/*")):
        video_id, language = dub.parts[-3], dub.name
        kept = LocalStore(store, "http://127.0.0.1/media")
        yield Heard(language, of_dub(kept, video_id, language))
