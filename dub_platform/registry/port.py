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
        """Return one video. Raises VideoNotFoundError."""
        ...

    def videos(
        self,
        wanted: Wanted = EVERY_VIDEO,
        *,
        cursor: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
    ) -> Page:
        """Return a page of videos, newest first. Raises InvalidRequestError for a cursor that no
        page gave."""
        ...

    def dub(self, video_id: str, language: str) -> Dub:
        """Return one dub. Raises VideoNotFoundError or DubNotFoundError."""
        ...

    def dubs(self, video_id: str) -> Sequence[Dub]:
        """Return the video's dubs by language; none for a video that nobody handed in."""
        ...

    def edits(self, video_id: str, language: str | None) -> Sequence[LineEdit]:
        """Return every edit ever made of the dub's lines, or without a language of what is said in
        the video, the oldest first."""
        ...

    def channel(self, channel_id: str) -> Channel:
        """Return one channel. Raises ChannelNotFoundError."""
        ...

    def was_asked_for(self, video_id: str, language: str | None = None) -> bool:
        """Tell whether anyone asked for this video, or for this language of it. A dub that was
        removed counts only once nothing is left from before."""
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
        """Return these videos by id, each with its dubs; those that are not there are left out."""
        ...

    def whole(self, video_id: str) -> Whole:
        """Return one video with its dubs. Raises VideoNotFoundError."""
        ...

    def dub_states(self, video_ids: Sequence[str]) -> Mapping[str, Sequence[DubState]]:
        """Return how far the dubs of these videos are, by video and in the order of languages."""
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
        """Return the channels whose ids come after `after`, in the order of their ids."""
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
        """Return the queued videos whose runs should be requested now, oldest first, at most
        `limit`.

        Claiming notes `now`, and the same work is not claimed again for a minute: a claim whose run
        request was lost comes back, one that was not is answered by its run key. It may be called
        several times a second.
        """
        ...

    def claim_dubs(self, *, limit: int, now: datetime) -> Sequence[Work]:
        """Return the queued dubs whose runs should be requested now: as `claim_videos`, and only
        dubs whose video is prepared."""
        ...

    def hold(self, video_id: str, language: str | None, run_id: str, *, now: datetime) -> bool:
        """Take the lease of what a run works on, or renew it; False while another run has it.

        A lease lasts 20 seconds from `now`.
        """
        ...

    def let_go(self, video_id: str, language: str | None, run_id: str) -> None:
        """End the lease, if it is this run's, unless the run's work goes on with another step."""
        ...

    def begin_work(self, work: Work, run_id: str) -> bool:
        """Note that the run for this work began: its row is running, unless it is done already.

        Returns False, and changes nothing, when the work is of another generation.
        """
        ...

    def note_stage(self, video_id: str, language: str | None, stage: str) -> None:
        """Note which asset is being made now. Changes no row that is neither queued nor running."""
        ...

    def hand_over(self, work: Work) -> bool:
        """Queue the video or dub, a generation up, if it was asked for anew while it ran; return
        whether it was. The caller must then do no more of it."""
        ...

    def note_source(
        self, video_id: str, *, language: str | None, channel_id: str | None, channel_title: str
    ) -> Video:
        """Note what the video's source says of it, and return the row. A language that is known and
        a channel's title that is there stay. Raises VideoNotFoundError."""
        ...

    def note_prepared(
        self,
        video_id: str,
        *,
        title: str,
        language: str,
        duration_seconds: float,
        file_size_bytes: int,
        run_id: str,
    ) -> None:
        """Note that the video is transcribed: its dubs can start, also those that failed before
        they began.

        Raises VideoNotFoundError, or RunSupersededError when another run holds the lease.
        """
        ...

    def note_translation(self, video_id: str, language: str, version: str) -> None:
        """Note the version of the dub's translation; a release of another version is stale from now
        on. Changes nothing for a dub that nobody asked for."""
        ...

    def release(
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

        `beside` is the current release of every other dub that went into the MP4. Returns False,
        and changes nothing, when that is no longer all of them (another language was released
        meanwhile). A dub that was asked for anew is queued again after it. Raises
        RunSupersededError when another run holds the lease.
        """
        ...

    def fail(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        """Write why this work failed. Changes nothing of another generation or of what is done.

        When it is the video that failed, its queued dubs fail for the same reason. A dub that was
        asked for anew is queued again instead.
        """
        ...

    def fail_by_hand(
        self,
        video_id: str,
        language: str | None,
        details: Mapping[str, Any],
        *,
        began: datetime,
        now: datetime,
    ) -> None:
        """Write why a run failed that an operator started at `began`, for a failed video or dub.

        It has failed once more, for this reason. Nothing is written of what is prepared or
        released, which it stays, nor of what waits, is under way, or was asked for since: that is
        another run's.
        """
        ...

    def requeue_lost(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        """Queue this work once more, a generation up, because its run is gone and did not finish
        it.

        Work whose runs were lost five times fails, with `details`.
        """
        ...

    def postpone(self, work: Work, details: Mapping[str, Any], *, now: datetime) -> None:
        """Queue this work once more, a generation up, because its run ended before it began.

        It counts as no loss, however often it happens. The row shows `details` meanwhile, and the
        work is not claimed before a pause is over: 5 seconds, twice as long each time, 5 minutes at
        most.
        """
        ...

    def redo(self, work: Work, run_id: str) -> None:
        """Queue a released dub once more, a generation up, if it was this run that released it,
        because the run died between the release and what comes after. Not more than five times."""
        ...

    def at_work(self, *, now: datetime) -> Collection[str]:
        """Return the ids of the runs that hold a lease."""
        ...

    def list_unattended(self, *, limit: int, now: datetime) -> Sequence[tuple[Work, str | None]]:
        """Return work that is requested or running and that no run holds a lease of, each with its
        run id if it has one.

        The longest unattended comes first. Nothing that changed in the last 15 seconds is among it.
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
        """Return the removed videos of which something may still be kept, the longest removed
        first."""
        ...

    def finish_removal(self, video_id: str) -> None:
        """Note that all that was made of a removed video is gone: it can be handed in again."""
        ...

    def dub_removals(self, *, limit: int) -> Sequence[tuple[str, str]]:
        """Return the removed dubs, as (video, language), of which something may still be kept, the
        longest removed first."""
        ...

    def finish_dub_removal(self, video_id: str, language: str) -> None:
        """Note that all that was made of a removed dub is gone: if it was asked for again, it can
        begin."""
        ...

    def hold_all(self, video_id: str, run_id: str, *, now: datetime, at_rest: bool = True) -> bool:
        """Take or renew the leases of a video and of all its dubs, so that none of it changes.

        Returns False, and holds none, while something of it is held by another run, or waits or is
        under way unless it need not be `at_rest`. Raises VideoNotFoundError.
        """
        ...

    def let_go_all(self, video_id: str, run_id: str) -> None:
        """End this run's leases of a video and its dubs."""
        ...

    def drop_leases(self, *, before: datetime, dry_run: bool = False) -> int:
        """Delete leases that nobody has renewed since `before`; return how many. A dry run only
        counts."""
        ...

    def drop_events(self, *, before: datetime, dry_run: bool = False) -> int:
        """Delete the events from before `before`, and the messages about them that are no longer
        tried; return how many. A dry run only counts."""
        ...


class Registry(Catalogue, WorkQueue, Maintenance, Protocol):
    """Extends the three ports: this is what is wired. A caller's signature names the one that it
    needs."""

    def of(self, tenant: str) -> Catalogue:
        """Return the catalogue of one tenant: it shows nothing of another's and has no way
        to it."""
        ...

    def ping(self) -> None:
        """Return if the tables answer. Raises StorageError."""
        ...
