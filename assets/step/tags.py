"""The tags by which a run knows its work and finds a worker, and by which it is found again.

Runs are listed with their tags, so only what tells people which video it is has a plain name:
`dub/title` and `dub/language`. Dagster shows none that begins with `.dagster/`.
"""

from collections.abc import Mapping

from dub_platform.core.service.titles import make_plain
from dub_platform.registry import Video, Work

_FORMER, _HIDDEN = "dub/", ".dagster/dub."
VIDEO, GENERATION, REQUEST = (f"{_HIDDEN}{name}" for name in ("video", "generation", "request"))
FILM_ONLY = f"{_HIDDEN}film_only"
LANGUAGE, TITLE = "dub/language", "dub/title"
PARTITION = "dagster/partition"
QUEUE, RUN_PRIORITY = "dagster-celery/queue", "dagster-celery/run_priority"
# Workers that listen on the first may have a GPU; those on the second have cores.
PREPARING, DUBBING = "transcribe", "dub"
# On Redis a smaller number goes first: what nobody waits for goes last.
FIRST, LAST = "0", "9"
# Of a title, what a list of runs has room for.
_LONGEST_TITLE = 60


def tags_of(work: Work) -> dict[str, str]:
    """Return the tags of the run that does this work."""
    tags = {VIDEO: work.video_id, GENERATION: str(work.generation)}
    if work.film_only:
        tags[FILM_ONLY] = "true"
    return tags if work.language is None else {**tags, LANGUAGE: work.language}


def tag_request(work: Work) -> dict[str, str]:
    """Return the tag that names the request. Runs are never looked up by it, so it may change."""
    return {REQUEST: work.request_id} if work.request_id else {}


def tag_title(video: Video) -> dict[str, str]:
    """Return the tag by which people know a video; none while it has no title."""
    title = make_plain(video.title)
    if len(title) > _LONGEST_TITLE:
        title = f"{title[: _LONGEST_TITLE - 1].strip()}…"
    return {TITLE: title} if title else {}


def work_of(tags: Mapping[str, str]) -> Work | None:
    """Return the work a run was requested for; None for a run that an operator started by hand."""
    video_id, generation = _read(tags, VIDEO), _read(tags, GENERATION)
    if video_id is None or generation is None:
        return None
    return Work(
        video_id,
        tags.get(LANGUAGE),
        int(generation),
        _read(tags, REQUEST),
        film_only=FILM_ONLY in tags,
    )


def queue_of(tags: Mapping[str, str]) -> str:
    """Return the queue that a run goes to: the one that it names, else that of what it makes.

    A run by hand, or of a backfill, is known by its partition alone: `es|ID` is a dub, and ID a
    video, which is prepared.
    """
    prepares = "|" not in tags.get(PARTITION, "|")
    return tags.get(QUEUE, PREPARING if prepares else DUBBING)


def priority_of(tags: Mapping[str, str]) -> str:
    """Return where a run goes in its queue: what somebody asked for before what an operator
    started."""
    return tags.get(RUN_PRIORITY, LAST if work_of(tags) is None else FIRST)


def _read(tags: Mapping[str, str], name: str) -> str | None:
    """Read a hidden tag, also of a run that was requested before these tags were hidden."""
    return tags.get(name) or tags.get(name.replace(_HIDDEN, _FORMER))
