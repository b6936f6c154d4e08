"""What the Dagster UI shows of a materialization besides numbers: player, picture, lines."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dagster import MetadataValue, TableColumn, TableMetadataValue, TableRecord, TableSchema

from assets.partitions import Target
from dub_platform.core.glossary import Term
from dub_platform.core.speech import Line, Transcript, Translation
from dub_platform.core.timeline import Timeline
from resources.media import ffmpeg

Shown = dict[str, MetadataValue]


@dataclass(frozen=True)
class Showcase:
    """Knows where people reach the player."""

    base_url: str

    def player(self, target: Target) -> MetadataValue:
        """A link to the watch page of a video, in a language where there is one."""
        language = f"&lang={target.language}" if target.language else ""
        return MetadataValue.url(f"{self.base_url}/watch?v={target.video_id}{language}")


def waveform(sound: Path, stream: int = 0) -> MetadataValue:
    """A picture of the sound's outline. Dagster shows images in markdown, but no players."""
    picture = base64.b64encode(ffmpeg.waveform(sound, stream)).decode()
    return MetadataValue.md(f"![waveform](data:image/png;base64,{picture})")


def lines_table(
    transcript: Transcript,
    translation: Translation | None = None,
    timeline: Timeline | None = None,
    missed: Mapping[int, Sequence[Term]] = MappingProxyType({}),
) -> TableMetadataValue:
    """One row per line: start, source, and as far as they are known target, tempo, doubt, and the
    terms of the glossary that its translation missed."""
    targets = {line.id: line.text for line in translation.lines} if translation else {}
    tempos = {p.line_id: p.tempo for p in timeline.placements} if timeline else {}
    names = ["start", "source"] + ["target"] * bool(targets) + ["tempo"] * bool(tempos)
    names += ["doubt"] * any(line.doubt for line in transcript.lines) + ["missed"] * bool(missed)
    rows = [_row(line, targets, tempos, missed) for line in transcript.lines]
    return MetadataValue.table(rows, TableSchema([TableColumn(name) for name in names]))


def _row(
    line: Line,
    targets: Mapping[int, str],
    tempos: Mapping[int, float],
    missed: Mapping[int, Sequence[Term]],
) -> TableRecord:
    row = {"start": f"{line.start:.2f}", "source": line.text}
    if targets:
        row["target"] = targets.get(line.id, "")
    if tempos:
        row["tempo"] = f"{tempos[line.id]:.2f}" if line.id in tempos else ""
    if line.doubt:
        row["doubt"] = line.doubt
    if missed:
        row["missed"] = ", ".join(map(str, missed.get(line.id, ())))
    return TableRecord(row)


def mean(values: Sequence[float]) -> float:
    """The mean, 0 for nothing."""
    return sum(values) / len(values) if values else 0.0
