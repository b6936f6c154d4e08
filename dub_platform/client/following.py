"""Keeps a video's answer up to date by its events, so that nobody has to poll.

apply(event, video)                   # sets its status, stage and error to the event's
is_over(video, ["es"])                # whether nothing in Spanish waits or runs
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast

from dub_platform.client.answers import DubAnswer, VideoAnswer
from dub_platform.client.stream import Event

_TOLD = ("status", "stage", "error")
_ENDED = ("released", "failed")


def is_over(video: VideoAnswer, languages: Collection[str] = ()) -> bool:
    """Tell whether no work in these languages, or in any, waits or runs."""
    ended = [dub["status"] in _ENDED for dub in dubs_in(video, languages)]
    return video["status"] == "failed" or all(ended)


def dubs_in(video: VideoAnswer, languages: Collection[str] = ()) -> list[DubAnswer]:
    """Return the video's dubs in these languages, or all if none are given."""
    return [dub for dub in video["dubs"] if not languages or dub["language"] in languages]


def apply(event: Event, video: VideoAnswer) -> bool:
    """Write the event's changes into the video; return whether anything changed."""
    row = _row(event, video)
    # Older than what was read: the video already shows it.
    if row is None or time_of(event["timestamp"]) < time_of(row["updated_at"]):
        return False
    if event["type"] == "dub.removed":
        video["dubs"] = [dub for dub in video["dubs"] if dub is not row]
        return True
    if event["type"] == "dub.stale":
        # A stale dub stays released, so its status does not change.
        row["stale"] = True
        return True
    told: Mapping[str, Any] = {**event["data"], "status": event["type"].partition(".")[2]}
    before = {name: row.pop(name) for name in _TOLD if name in row}
    row.update({name: told[name] for name in _TOLD if name in told}, updated_at=event["timestamp"])
    return before != {name: row[name] for name in _TOLD if name in row}


def _row(event: Event, video: VideoAnswer) -> dict[str, Any] | None:
    """Return the part of the video that an event is about; None for a dub that is not in it yet."""
    language = event["data"].get("language")
    dub = next((each for each in video["dubs"] if each["language"] == language), None)
    return cast("dict[str, Any] | None", dub if language else video)


def time_of(text: str) -> datetime:
    """Parse a time of the API; Python before 3.11 does not read the Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
