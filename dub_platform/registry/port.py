"""The port: what every registry promises, and the rows it hands out.

A video is `queued`, then `running` while it is prepared, then `prepared`; a dub is `queued`,
`running`, then `released`; either ends `failed` with its reason instead. Asking again for what
failed starts a new generation: run keys carry it, and a late word from an older generation's
run changes nothing.

A dub that is asked for in another wording, or whose lines are edited, is made anew: at once where
it is failed or released, and by the same run where that has not begun. One that is running ends
before its next step; what it has paid for is kept, and its work is queued, a generation up.

What is said in a video can be changed: a line of it is corrected, other captions are handed in,
another language is named. Then its transcript is made anew, and what was released of it is stale
until it is asked for again. So is what was translated anew by hand, or is worded otherwise by its
channel since.

Every engine is held to it by `tests/contracts/test_registry.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dub_platform.core.service.metrics import Tally
from dub_platform.core.speech import Release
from dub_platform.core.style.wording import AS_BEFORE, Wording
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry.records import (
    EVERY_VIDEO,
    Channel,
    Dub,
    DubState,
    NewVideo,
    Page,
    Video,
    Visibility,
    Wanted,
    Whole,
    Work,
)


class Lookup(Protocol):
    """What was asked for and how far it got, to read. A tenant has one of its own."""

    def video(self, video_id: str) -> Video:
        """One video. Raises VideoNotFoundError."""
        ...

    def videos(
        self,
        wanted: Wanted = EVERY_VIDEO,
        *,
        cursor: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
    ) -> Page:
        """A page of videos, newest first. Raises InvalidRequestError for a cursor it never gave."""
        ...

    def dub(self, video_id: str, language: str) -> Dub:
        """One dub. Raises VideoNotFoundError or DubNotFoundError."""
        ...

    def dubs(self, video_id: str) -> Sequence[Dub]:
        """The video's dubs by language. Empty for a video nobody handed in."""
        ...

    def edits(self, video_id: str, language: str | None) -> Sequence[LineEdit]:
        """Every edit ever made of the dub's lines, in the order in which they were made; without a
        language, of what is said in the video."""
        ...

    def channel(self, channel_id: str) -> Channel:
        """One channel. Raises ChannelNotFoundError."""
        ...

    def was_asked_for(self, video_id: str, language: str | None = None) -> bool:
        """Whether anyone asked for this video (and this language of it, of which nothing is left
        from before it was removed)."""
        ...


class Catalogue(Lookup, Protocol):
    """What was asked for and how far it got, for those who ask; a tenant has one of its own.

    Every method is one transaction, safe to repeat.
    """

    def accept(
        self, video: NewVideo, languages: Sequence[str], wording: Wording = AS_BEFORE
    ) -> tuple[Video, bool]:
        """Take a video in with the languages asked for; return it and whether it is new.

        The same id is the same video: languages it lacks are added, and what of it failed
        (the video, and its asked dubs among `languages`) is queued again, a generation up, as are
        asked dubs whose wording is another. A title or language given at the first time stays; only
        a language that nobody knew yet can be named later, and captions are taken as long as the
        video is queued. Raises
        VideoBeingRemovedError for one that was removed and of which something is still kept.
        """
        ...

    def change(
        self, video_id: str, *, visibility: Visibility | None = None, title: str | None = None
    ) -> Video:
        """Change who may watch a video, and its title. Raises VideoNotFoundError."""
        ...

    def remove(self, video_id: str) -> None:
        """Forget the video and its dubs: nobody asked for any of it, and its runs end themselves.

        What was paid for it stays in the account. Raises VideoNotFoundError.
        """
        ...

    def remove_dub(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> str | None:
        """Forget one dub: nobody asked for it, and its runs end themselves; the video and its other
        dubs stay. Asked for again it is new, once all of it is gone.

        The key of the film that it was in, which is no video's any more: another dub is queued to
        make the film without it. None where it was in none, or was removed before. Raises
        VideoNotFoundError, and DubNotFoundError for what nobody ever asked for.
        """
        ...

    def ask(
        self,
        video_id: str,
        language: str,
        wording: Wording = AS_BEFORE,
        *,
        read: Dub | None = None,
        request_id: str | None = None,
    ) -> Dub:
        """Ask for one language, in a wording. A failed dub (and its failed video) is queued again,
        and so is one in another wording, or of which what is released is stale, unless that is of
        its edits alone. Of what the wording does not say, that of before stays.

        Raises VideoNotFoundError; PreconditionFailedError where the dub is not as it was `read`.
        """
        ...

    def wholes(self, video_ids: Collection[str]) -> Mapping[str, Whole]:
        """Those of these videos that are there, by id, each with its dubs."""
        ...

    def whole(self, video_id: str) -> Whole:
        """One video with its dubs. Raises VideoNotFoundError."""
        ...

    def dub_states(self, video_ids: Sequence[str]) -> Mapping[str, Sequence[DubState]]:
        """How far the dubs of these videos are, by video and in the order of languages."""
        ...

    def edit(
        self,
        video_id: str,
        language: str | None,
        edits: Sequence[LineEdit],
        *,
        after: int,
        request_id: str | None = None,
    ) -> bool:
        """Add these edits to the `after` that there are, and ask for the dub anew; where they are
        of what is said in the video, for its transcript.

        False, and nothing changed, when there are more by now. Raises VideoNotFoundError or
        DubNotFoundError.
        """
        ...

    def caption(self, video_id: str, captions_key: str, *, request_id: str | None = None) -> Video:
        """Have the video say what stands in these captions. Raises VideoNotFoundError."""
        ...

    def name_language(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> Video:
        """Have the video listened to in this language, if it is another. Raises
        VideoNotFoundError."""
        ...

    def believe(self, video_id: str, *, request_id: str | None = None) -> Video:
        """Have the video dubbed as it was heard; if it failed, it is queued again, and so are the
        dubs that failed with it. Raises VideoNotFoundError."""
        ...

    def channels(self, *, after: str = "", limit: int = 50) -> Sequence[Channel]:
        """The channels whose ids come after this one, in the order of their ids."""
        ...

    def keep_channel(
        self, channel_id: str, *, title: str | None = None, wording: Wording = AS_BEFORE
    ) -> tuple[Channel, bool]:
        """Write what is said of a channel, and nothing else; return it and whether it is new.

        What is released of its videos in another wording is stale.
        """
        ...


class WorkQueue(Lookup, Protocol):
    """What is to be made, who makes it, and what became of it: for the assets and the sensors."""

    def claim_videos(self, *, limit: int, now: datetime) -> Sequence[Work]:
        """The queued videos whose runs should be requested now, oldest first, at most `limit`.

        Claiming notes `now`, and the same work is not claimed again for a minute: a claim whose
        run request was lost comes back, one that was not is answered by its run key. It may be
        asked several times a second.
        """
        ...

    def claim_dubs(self, *, limit: int, now: datetime) -> Sequence[Work]:
        """The same for queued dubs whose video is prepared."""
        ...

    def hold(self, video_id: str, language: str | None, run_id: str, *, now: datetime) -> bool:
        """Take the lease of what a run works on, or renew it; False while another run has it.

        It lasts 20 seconds from `now`.
        """
        ...

    def let_go(self, video_id: str, language: str | None, run_id: str) -> None:
        """End the lease, if it is this run's, unless the run's work goes on with another step."""
        ...

    def started(self, work: Work, run_id: str) -> bool:
        """The run for this work began: its row is running, unless it is done already.

        False, and nothing changed, when the work is of another generation.
        """
        ...

    def reached(self, video_id: str, language: str | None, stage: str) -> None:
        """The name of the asset now being made. Nothing for a row that is not queued or running."""
        ...

    def hand_over(self, work: Work) -> bool:
        """Whether this video or dub was asked for anew while it ran.

        Its work is then queued, a generation up, and whoever asked must do no more of it.
        """
        ...

    def fetched(
        self, video_id: str, *, language: str | None, channel_id: str | None, channel_title: str
    ) -> Video:
        """What the video's source says of it. A language that is known and a channel's title that
        is there stay. Raises VideoNotFoundError.
        """
        ...

    def prepared(
        self,
        video_id: str,
        *,
        title: str,
        language: str,
        duration_seconds: float,
        file_size_bytes: int,
        run_id: str,
    ) -> None:
        """The video is transcribed: dubs can start, also those that failed before they began.

        Raises VideoNotFoundError, or RunSupersededError when another run holds the lease.
        """
        ...

    def translated(self, video_id: str, language: str, version: str) -> None:
        """This version is the dub's translation; what is released of another is stale. Nothing for
        a dub that nobody asked for."""
        ...

    def released(
        self,
        video_id: str,
        language: str,
        release: Release,
        *,
        film_key: str | None,
        beside: Mapping[str, Release],
        run_id: str,
    ) -> bool:
        """Make this release current, and `film_key` the video's MP4, in one transaction.

        `beside` is the current release of every other dub that went into the MP4. False, and
        nothing changed, when that is no longer all of them (another language was released
        meanwhile). A dub that was asked for anew is queued again after it. Raises
        RunSupersededError when another run holds the lease.
        """
        ...

    def failed(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        """Write why this work failed. Nothing for another generation or for what is done.

        When it is the video that failed, its queued dubs fail for the same reason. A dub that was
        asked for anew is queued again instead.
        """
        ...

    def failed_by_hand(
        self,
        video_id: str,
        language: str | None,
        details: Mapping[str, Any],
        *,
        began: datetime,
        now: datetime,
    ) -> None:
        """Write why a run failed that an operator began then, for a failed video or dub.

        It has failed once more, for this reason. Nothing is written of what is prepared or
        released, which it stays, nor of what waits, is under way, or was asked for since: that is
        another run's.
        """
        ...

    def lost(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        """Queue this work once more, a generation up: its run is gone and it was not done.

        Work whose runs were lost five times fails, with `details`.
        """
        ...

    def postpone(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        """Queue this work once more, a generation up: its run ended before it began.

        It is no loss, however often it happens. The row shows `details` meanwhile, and the work
        is not claimed before a pause is over: 5 seconds, twice as long each time, 5 minutes at
        most.
        """
        ...

    def redo(self, work: Work, run_id: str) -> None:
        """Queue a released dub once more, a generation up, if it was this run that released it.

        Its run died between the release and what comes after. Not more than five times.
        """
        ...

    def at_work(self, *, now: datetime) -> Collection[str]:
        """The ids of the runs that hold a lease."""
        ...

    def silent(self, *, limit: int, now: datetime) -> Sequence[tuple[Work, str | None]]:
        """Work requested or running that nobody holds a lease of, with its run id if it has one.

        The longest silent first, and nothing that changed in the last 15 seconds.
        """
        ...

    def queue_owed_films(self, *, limit: int, now: datetime) -> int:
        """Queue a released dub for each video whose film was withdrawn with a removed dub, and
        which no run will give another one by itself; return for how many.

        The dub's run makes the film alone. One that fails is followed by another ten minutes
        later, five times at most for each dub.
        """
        ...

    def count(self, *seen: Tally) -> None:
        """Add what was seen to the metrics that outlive processes."""
        ...


class Maintenance(Lookup, Protocol):
    """What was removed and is still kept, and what nothing refers to any more."""

    def removals(self, *, limit: int) -> Sequence[str]:
        """Removed videos of which something may still be kept, the longest removed first."""
        ...

    def removed(self, video_id: str) -> None:
        """All that was made of a removed video is gone: it can be handed in again."""
        ...

    def dub_removals(self, *, limit: int) -> Sequence[tuple[str, str]]:
        """Removed dubs, as video and language, of which something may still be kept, the longest
        removed first."""
        ...

    def dub_removed(self, video_id: str, language: str) -> None:
        """All that was made of a removed dub is gone: if it was asked for again, it can begin."""
        ...

    def hold_all(self, video_id: str, run_id: str, *, now: datetime, at_rest: bool = True) -> bool:
        """Take or renew the leases of a video and of all its dubs, so that none of it changes.

        False, and none is held, while something of it is held by another run, or waits or is under
        way unless it need not be `at_rest`. Raises VideoNotFoundError.
        """
        ...

    def let_go_all(self, video_id: str, run_id: str) -> None:
        """End this run's leases of a video and its dubs."""
        ...

    def drop_leases(self, *, before: datetime, dry_run: bool = False) -> int:
        """Forget leases that nobody has renewed since; how many. A dry run only counts them."""
        ...

    def drop_events(self, *, before: datetime, dry_run: bool = False) -> int:
        """Forget the events from before, and the messages about them that are no longer tried.

        How many; a dry run only counts them.
        """
        ...


class Registry(Catalogue, WorkQueue, Maintenance, Protocol):
    """Everybody's catalogue, the queue of work and maintenance in one: what is wired.

    Who works with it takes the one of the three that it needs.
    """

    def of(self, tenant: str) -> Catalogue:
        """The same as one tenant sees it: what is another's is not there, nor any way to it."""
        ...

    def ping(self) -> None:
        """Return if the tables answer. Raises StorageError."""
        ...
