"""The rows that the registry hands out, and the words for how far they are.

NewVideo(id="dQw4w9WgXcQ", source=Source.YOUTUBE)       # what is handed in
Work("dQw4w9WgXcQ", "es", 3).run_key                    # "dub:es:dQw4w9WgXcQ:3"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from dub_platform.core.errors import VideoNotFoundError
from dub_platform.core.service.access import DEFAULT_TENANT
from dub_platform.core.speech import Release
from dub_platform.core.style.brief import Formality
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording


class Source(str, Enum):
    """Where a video comes from."""

    YOUTUBE = "youtube"
    UPLOAD = "upload"


class Visibility(str, Enum):
    """Who may watch a video: everybody who knows its address, or who has a signed link."""

    PUBLIC = "public"
    SIGNED = "signed"


class VideoStatus(str, Enum):
    """How far a video is prepared for its dubs; `core/service/events.py` tells of each change."""

    QUEUED = "queued"
    RUNNING = "running"
    PREPARED = "prepared"
    FAILED = "failed"


class DubStatus(str, Enum):
    """How far a dub is. One that has failed may still have a release from before."""

    QUEUED = "queued"
    RUNNING = "running"
    RELEASED = "released"
    FAILED = "failed"


class Stale(str, Enum):
    """Why what is released of a dub is not what it should say by now: something else is said in the
    video (`source`), it was translated anew (`translation`) or its channel is worded otherwise
    (`wording`), so that it is made anew when it is asked for; or lines of it were edited before
    their source was corrected (`edits`), which their editors have to look at."""

    SOURCE = "source"
    TRANSLATION = "translation"
    WORDING = "wording"
    EDITS = "edits"


class Marked(Protocol):
    """Holds what tells whether a release is stale, as `core.speech.Basis` does."""

    @property
    def revision(self) -> int: ...

    @property
    def version(self) -> str: ...

    @property
    def old_edits(self) -> int: ...


class Judged(Protocol):
    """A dub of which can be told whether it is stale."""

    @property
    def marks(self) -> Marked | None: ...

    @property
    def translated(self) -> str | None: ...

    @property
    def outworded(self) -> bool: ...


@dataclass(frozen=True)
class NewVideo:
    """A video as handed in. `upload_key` and `captions_key` are store keys of what was uploaded.

    `source_id` is what its source calls it, where it has a name there. A `visibility` of None is
    public for a new video, and what it was for one that is there. `request_id` is the request that
    asked.
    """

    id: str
    source: Source
    title: str = ""
    language: str = "en"
    upload_key: str | None = None
    captions_key: str | None = None
    file_size_bytes: int | None = None
    tenant: str = DEFAULT_TENANT
    source_id: str | None = None
    visibility: Visibility | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Video:
    """One row of `videos`. `film_key` is the MP4 with every released language.

    `revision` says how often what is said in it was changed, and `believed` whether it is to be
    dubbed as it was heard, whatever the recogniser thinks of that.
    """

    id: str
    source: Source
    title: str
    language: str
    status: VideoStatus
    stage: str | None
    generation: int
    created_at: datetime
    updated_at: datetime
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    retry_count: int
    file_size_bytes: int | None
    processing_duration_seconds: float | None
    duration_seconds: float | None
    error_details: Mapping[str, Any] | None
    last_error_at: datetime | None
    upload_key: str | None
    captions_key: str | None
    film_key: str | None
    run_id: str | None
    channel_id: str | None
    request_id: str | None
    tenant: str = DEFAULT_TENANT
    source_id: str | None = None
    visibility: Visibility = Visibility.PUBLIC
    revision: int = 0
    believed: bool = False

    def stale(self, dub: Judged) -> tuple[Stale, ...]:
        """Return why the dub's release is not what it should be by now; nothing where it is."""
        marks = dub.marks
        if marks is None:
            return ()
        other = marks.version and dub.translated and marks.version != dub.translated
        found = {
            Stale.SOURCE: marks.revision < self.revision,
            Stale.TRANSLATION: other,
            Stale.WORDING: dub.outworded,
            Stale.EDITS: marks.old_edits > 0,
        }
        return tuple(why for why, applies in found.items() if applies)

    def is_renewed(self, dub: Judged) -> bool:
        """Tell whether asking for the dub has its release made anew: being edited alone does
        not."""
        return bool({*self.stale(dub)} - {Stale.EDITS})


@dataclass(frozen=True)
class Dub:
    """One row of `dubs`: a video in one target language.

    `glossary` and `formality` are what it was asked for with; `asked_anew` says that its run began
    before that, or before an edit of its lines. `release` is the current one, also while another
    is made; `translated` is the version of its translation by now, `outworded` whether its
    channel is worded otherwise since the release, and `film_only` whether it waits or is under way
    only for a film without a dub that was removed.
    """

    video_id: str
    language: str
    status: DubStatus
    stage: str | None
    generation: int
    created_at: datetime
    updated_at: datetime
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    error_details: Mapping[str, Any] | None
    release: Release | None
    run_id: str | None
    glossary: Glossary
    formality: Formality | None
    asked_anew: bool
    request_id: str | None
    translated: str | None = None
    outworded: bool = False
    film_only: bool = False

    @property
    def wording(self) -> Wording:
        return Wording(self.glossary, self.formality)

    @property
    def marks(self) -> Marked | None:
        return self.release


@dataclass(frozen=True)
class Whole:
    """A video with its dubs by language, and what its channel is called, if it has one."""

    video: Video
    dubs: Sequence[Dub]
    channel_title: str | None = None


@dataclass(frozen=True)
class DubState:
    """How far one dub is, as listings tell of it."""

    video_id: str
    language: str
    status: DubStatus
    stage: str | None
    is_released: bool
    updated_at: datetime
    processing_started_at: datetime | None
    processing_completed_at: datetime | None
    error_details: Mapping[str, Any] | None
    revision: int
    version: str
    old_edits: int
    translated: str | None
    outworded: bool

    @property
    def marks(self) -> Marked | None:
        return self if self.is_released else None


@dataclass(frozen=True)
class Wanted:
    """Which videos a listing shows: all, or those that fit everything that is said here.

    `language` and `dub_status` are of one dub: which they have, or in which state one is. `search`
    is in the title, or what the id begins with.
    """

    status: VideoStatus | None = None
    language: str | None = None
    dub_status: DubStatus | None = None
    search: str = ""


EVERY_VIDEO = Wanted()


@dataclass(frozen=True)
class Channel:
    """One row of `channels`: where videos come from, and how their dubs are to be worded."""

    id: str
    title: str
    glossary: Glossary
    formality: Formality | None
    created_at: datetime
    updated_at: datetime

    @property
    def wording(self) -> Wording:
        return Wording(self.glossary, self.formality)


@dataclass(frozen=True)
class Work:
    """One run that should exist: `language` is None for preparing the video itself.

    `request_id` is the request that asked for it last, where there was one; `listen_only` says that
    of a video only the transcript has to be made, if the rest is there, and `film_only` that a dub
    is released as it is, with a new film.
    """

    video_id: str
    language: str | None
    generation: int
    request_id: str | None = field(default=None, compare=False)
    listen_only: bool = field(default=False, compare=False)
    film_only: bool = field(default=False, compare=False)

    @property
    def run_key(self) -> str:
        """Unique per target and generation, because Dagster remembers a run key for ever."""
        if self.language is None:
            return f"prepare:{self.video_id}:{self.generation}"
        return f"dub:{self.language}:{self.video_id}:{self.generation}"


@dataclass(frozen=True)
class Page:
    """Some rows of a listing, newest first; `next_cursor` is None on the last page."""

    videos: Sequence[Video] = field(default_factory=tuple)
    next_cursor: str | None = None


def no_video(video_id: str) -> VideoNotFoundError:
    """Make the error for a video that is not there."""
    return VideoNotFoundError(f"There is no video {video_id}: hand it in first.")
