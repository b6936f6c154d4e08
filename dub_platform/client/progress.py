"""The progress of a video while somebody waits for it: one bar that never goes back.

    with Waiting(["es", "ca"], pace) as waiting:
        for video in client.follow(video_id, languages):
            waiting.show(video)

Without a terminal, it writes a line for each change instead.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from typing_extensions import Self

from dub_platform.client.answers import DubAnswer, VideoAnswer, VideoRow
from dub_platform.client.following import dubs_in, time_of
from dub_platform.client.terminal import err, plain, span

# The assets in their order, in the words of the watch page.
STEPS = {
    "source_media": "fetching the video",
    "audio": "taking the sound apart",
    "transcript": "listening",
    "translation": "translating",
    "speech": "speaking",
    "dubbed_track": "mixing",
    "r2_object": "publishing",
}
# The approximate share of the whole time that each step takes.
_SHARES = dict(zip(STEPS, (0.04, 0.03, 0.38, 0.08, 0.15, 0.22, 0.10), strict=True))
_PREPARED = sum(list(_SHARES.values())[:3])


@dataclass(frozen=True)
class Pace:
    """The platform's recent speed, in seconds of work for each second of video."""

    preparing: float
    dubbing: float

    @classmethod
    def measure(cls, rows: Iterable[VideoRow]) -> Pace | None:
        """Return the median pace of these videos; None if none was measured."""
        known = [row for row in rows if row.get("duration_seconds")]
        preparing = [
            row["processing_duration_seconds"] / row["duration_seconds"]
            for row in known
            if "processing_duration_seconds" in row
        ]
        dubbing = [
            seconds / row["duration_seconds"] for row in known for seconds in _dub_seconds(row)
        ]
        if not preparing or not dubbing:
            return None
        return cls(statistics.median(preparing), statistics.median(dubbing))


def _dub_seconds(row: VideoRow) -> Iterator[float]:
    for dub in row["dubs"]:
        began, ended = dub.get("processing_started_at"), dub.get("processing_completed_at")
        if dub["status"] == "released" and began and ended:
            yield (time_of(ended) - time_of(began)).total_seconds()


def step(video: VideoAnswer, dub: DubAnswer) -> str:
    """Describe a dub's progress in words: its own step once its video is prepared."""
    if dub["status"] in ("released", "failed"):
        return dub["status"]
    at: VideoAnswer | DubAnswer = dub if video["status"] == "prepared" else video
    return STEPS.get(at.get("stage", ""), at["status"])


def _forward(video: VideoAnswer, dub: DubAnswer) -> str:
    """Describe a dub's progress as `step` does, but "prepared" while it waits between two runs."""
    waits = video["status"] == "prepared" and dub["status"] == "queued"
    return "prepared" if waits else step(video, dub)


def share(video: VideoAnswer, dub: DubAnswer) -> float:
    """Return the share of a dub's work that is done, from 0 to 1."""
    if dub["status"] == "released":
        return 1.0
    is_prepared = video["status"] == "prepared"
    stage = (dub if is_prepared else video).get("stage")
    if stage not in STEPS:
        return _PREPARED if is_prepared else 0.0
    before = list(STEPS).index(str(stage))
    return sum(list(_SHARES.values())[:before])


@dataclass
class Waiting:
    """Shows the progress of the dubs in these languages, or of all if none are given."""

    languages: Collection[str]
    pace: Pace | None = None
    seconds: float | None = None
    _furthest: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _prepared: float | None = None
    _told: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bar = Progress(
            BarColumn(complete_style="green", finished_style="green"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.fields[left]}"),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task = self._bar.add_task("queued", total=1.0, left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, video: VideoAnswer) -> None:
        """Show the video's present state."""
        dubs = dubs_in(video, self.languages)
        steps = {dub["language"]: _forward(video, dub) for dub in dubs}
        for language, word in steps.items():
            self._tell(language, word)
        if video["status"] == "prepared" and self._prepared is None:
            self._prepared = time.monotonic()
        behind = statistics.fmean(share(video, dub) for dub in dubs) if dubs else 0.0
        # A step that is made once more would draw the bar back.
        self._furthest = max(self._furthest, behind)
        self._bar.update(
            self._task,
            completed=self._furthest,
            description=_describe_all(steps),
            left=self._estimate_left(video),
        )

    def _tell(self, language: str, word: str) -> None:
        if self._told.get(language) != word:
            self._told[language] = word
            if not err.is_terminal:
                seconds = time.monotonic() - self._began
                err.print(f"{seconds:8.1f} s  {plain(language):<5} {plain(word)}")

    def _estimate_left(self, video: VideoAnswer) -> str:
        """Estimate the remaining time from other videos' pace; empty if that is unknown."""
        length = video.get("duration_seconds") or self.seconds
        if self.pace is None or length is None:
            return ""
        now = time.monotonic()
        if self._prepared is None:
            ends = self._began + (self.pace.preparing + self.pace.dubbing) * length
        else:
            ends = self._prepared + self.pace.dubbing * length
        return f"about {span(ends - now)} left" if ends - now >= 1 else ""


def _describe_all(steps: dict[str, str]) -> str:
    """Describe all dubs: `mixing` if all do the same, else `es mixing, ca speaking`."""
    if len(set(steps.values())) == 1:
        return plain(next(iter(steps.values())))
    return plain(", ".join(f"{language} {word}" for language, word in steps.items()))
