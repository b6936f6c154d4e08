"""What the Dagster UI shows of a materialization: whose it is, a link, a picture, lines, numbers.

What strangers wrote, titles and lines, is in texts and tables alone, and never in markdown.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode

from dagster import MetadataValue, TableColumn, TableMetadataValue, TableRecord, TableSchema

from assets.partitions import Target
from dub_platform.core.errors import VideoNotFoundError
from dub_platform.core.service.links import SIGNING
from dub_platform.core.service.titles import make_plain
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.glossary import Term
from dub_platform.core.timeline import Placement, Timeline, is_flagged
from dub_platform.registry import Lookup
from resources.media.ffmpeg import MOST_LOUD, outline
from resources.store.port import Store

# The names of numbers that say more in other words; all others are read as they are written.
_IN_WORDS = {
    "lufs": "LUFS",
    "length_ratio": "length beside the original",
    "lines_predicted_over_1_15": "lines predicted over 1.15 ×",
    "lines_over_1_15_first": "lines over 1.15 × at first",
    "lines_over_1_15": "lines over 1.15 ×",
    "lines_at_1_30": "lines at 1.30 ×",
}
_UNITS = {"ms": "ms", "db": "dB", "usd": "USD", "seconds": "seconds"}


@dataclass(frozen=True)
class Showcase:
    """Knows where people reach the player; `signs` is whether some of it needs signed links.

    Metadata is kept for ever and a signed link is not, so there the link is one of Dagster's own
    server, which signs each time that it is followed.
    """

    base_url: str
    registry: Lookup
    signs: bool = False

    def heading(self, target: Target, title: str = "") -> dict[str, MetadataValue]:
        """Return whose value it is, with links to the watch page and, for a dub, to the editor."""
        # A video that is removed while it is worked on ends its run at the next step.
        with contextlib.suppress(VideoNotFoundError):
            title = self.registry.video(target.video_id).title or title
        query = {"v": target.video_id, **({"lang": target.language} if target.language else {})}
        place = SIGNING if self.signs else self.base_url
        heading: dict[str, MetadataValue] = {
            "video": MetadataValue.text(make_plain(title) or target.video_id),
            "player": MetadataValue.url(f"{place}/watch?{urlencode(query)}"),
        }
        if target.language:
            # It needs no signed link: it asks the API for the lines.
            heading["editor"] = MetadataValue.url(f"{self.base_url}/edit?{urlencode(query)}")
        return heading

    def address(self, store: Store, key: str) -> MetadataValue:
        """Return a link to a released file."""
        signed = self.signs and not store.is_public
        return MetadataValue.url(f"{SIGNING}/media/{key}" if signed else store.url(key))


def in_words(name: str) -> str:
    """Return what a number is called where people read it: `onset_p95_ms` is `onset p95 in ms`."""
    what, _, unit = name.rpartition("_")
    spelled = f"{what} in {_UNITS[unit]}" if what and unit in _UNITS else name
    return _IN_WORDS.get(name, spelled.replace("_", " "))


def waveform(sound: Path, stream: int = 0) -> MetadataValue:
    """Draw the outline of a sound file."""
    return draw_outline(outline(sound, stream))


def draw_outline(halves: Sequence[int]) -> MetadataValue:
    """Draw an outline, each place of which is as high as it is loud, up to MOST_LOUD.

    Dagster shows pictures in markdown, and markdown of less than 1,000 characters at once.
    """
    bars = "".join(f"M{x},{MOST_LOUD - half}v{2 * half or 1}" for x, half in enumerate(halves))
    picture = (
        "%3Csvg xmlns='http://www.w3.org/2000/svg' width='640' height='80' "
        f"preserveAspectRatio='none' viewBox='0 0 {len(halves)} {2 * MOST_LOUD}'%3E"
        f"%3Cpath stroke='%234f7cff' stroke-width='.7' d='{bars}'/%3E%3C/svg%3E"
    )
    return MetadataValue.md(f"![waveform](data:image/svg+xml,{picture.replace(' ', '%20')})")


def lines_table(
    transcript: Transcript,
    translation: Translation | None = None,
    timeline: Timeline | None = None,
    missed: Mapping[int, Sequence[Term]] = MappingProxyType({}),
) -> TableMetadataValue:
    """Return a table with a row per line: number, slot, source, and as far as they are known
    target, tempo, onset; then whether it was edited, and what somebody should look at."""
    targets = {line.id: line for line in translation.lines} if translation else None
    places = {place.line_id: place for place in timeline.placements} if timeline else None
    names = ["#", "start", "end", "source"]
    names += ["target"] if translation else []
    names += ["tempo", "onset"] if timeline else []
    names += ["edited"] if translation else []
    rows = [_row(line, targets, places, missed.get(line.id, ())) for line in transcript.lines]
    return MetadataValue.table(rows, TableSchema([TableColumn(name) for name in [*names, "flag"]]))


def _row(
    line: Line,
    targets: Mapping[int, TranslatedLine] | None,
    places: Mapping[int, Placement] | None,
    missed: Sequence[Term],
) -> TableRecord:
    row: dict[str, str | int] = {"#": line.id, "start": f"{line.start:.2f}"}
    row |= {"end": f"{line.end:.2f}", "source": line.text}
    flags = [line.doubt] if line.doubt else []
    flags += [f"misses {', '.join(map(str, missed))}"] if missed else []
    if targets is not None:
        target = targets.get(line.id)
        row["target"] = target.text if target else ""
        row["edited"] = "edited" if target and target.draft is not None else ""
    if places is not None:
        place = places.get(line.id)
        row["tempo"] = f"{place.tempo:.2f}" if place else ""
        row["onset"] = f"{1000 * place.onset_error:+.0f} ms" if place else ""
        flags += ["does not fit"] if place and is_flagged(place.onset_error, place.tempo) else []
    row["flag"] = "; ".join(flags)
    return TableRecord(row)


def mean(values: Sequence[float]) -> float:
    """Return the mean, 0 for no values."""
    return sum(values) / len(values) if values else 0.0
