"""A video as its events tell of it, so that nobody has to ask for it again and again.

apply(event, video)                   # its status, stage and error are those of the event
is_over(video, ["es"])                # whether nothing of Spanish waits or is under way
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
    """Whether nothing of these languages, or of any, waits or is under way."""
    ended = [dub["status"] in _ENDED for dub in of(video, languages)]
    return video["status"] == "failed" or all(ended)


def of(video: VideoAnswer, languages: Collection[str] = ()) -> list[DubAnswer]:
    """The video's dubs in these languages, or all where none are named."""
    return [dub for dub in video["dubs"] if not languages or dub["language"] in languages]


def apply(event: Event, video: VideoAnswer) -> bool:
    """Write what an event tells into the video; whether it was news."""
    row = _row(event, video)
    if row is None or time_of(event["timestamp"]) < time_of(row["updated_at"]):
        return False
    if event["type"] == "dub.removed":
        video["dubs"] = [dub for dub in video["dubs"] if dub is not row]
        return True
    if event["type"] == "dub.stale":
        # It is released all the same.
        row["stale"] = True
        return True
    told: Mapping[str, Any] = {**event["data"], "status": event["type"].partition(".")[2]}
    before = {name: row.pop(name) for name in _TOLD if name in row}
    row.update({name: told[name] for name in _TOLD if name in told}, updated_at=event["timestamp"])
    return before != {name: row[name] for name in _TOLD if name in row}


def _row(event: Event, video: VideoAnswer) -> dict[str, Any] | None:
    """What of the video an event is about; None for a dub that was not there yet."""
    language = event["data"].get("language")
    dub = next((each for each in video["dubs"] if each["language"] == language), None)
    return cast("dict[str, Any] | None", dub if language else video)


def time_of(text: str) -> datetime:
    """A time as the platform writes it; Python before 3.11 does not read the Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
