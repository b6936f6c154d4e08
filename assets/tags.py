"""The tags by which a run knows its work and finds a worker, and by which it is found again."""

from collections.abc import Mapping

from dub_platform.registry import Work

VIDEO, LANGUAGE, GENERATION = "dub/video", "dub/language", "dub/generation"
REQUEST = "dub/request"
# On Redis a smaller number goes first: what nobody waits for goes last.
LAST = "9"


def queued(queue: str) -> dict[str, str]:
    """The tags of a job whose runs Celery workers take from this queue, unless told, last."""
    return {"dagster-celery/queue": queue, "dagster-celery/run_priority": LAST}


def tags_of(work: Work) -> dict[str, str]:
    """The tags of the run that does this work."""
    tags = {VIDEO: work.video_id, GENERATION: str(work.generation)}
    return tags if work.language is None else {**tags, LANGUAGE: work.language}


def asked_by(work: Work) -> dict[str, str]:
    """The tag that names the request; by it nothing is found again, so that it may change."""
    return {REQUEST: work.request_id} if work.request_id else {}


def work_of(tags: Mapping[str, str]) -> Work | None:
    """The work a run was requested for; None for a run that an operator started by hand."""
    if VIDEO not in tags or GENERATION not in tags:
        return None
    return Work(tags[VIDEO], tags.get(LANGUAGE), int(tags[GENERATION]), tags.get(REQUEST))
