"""What happened to a video, as it is told to whoever listens.

    event.type                      # "dub.released"
    event.as_json()                 # {"type": "dub.released", "timestamp": "...", "data": {...}}

An event is what a row had become: its type is the row's kind and status. The same JSON is sent
down a stream of events and to webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

STALE = "dub.stale"
# `running` comes again with every stage, `stale` with every change that what is released has not.
TYPES = (
    "video.queued",
    "video.running",
    "video.prepared",
    "video.failed",
    "video.removed",
    "dub.queued",
    "dub.running",
    "dub.released",
    STALE,
    "dub.failed",
    "dub.removed",
)
# A tool's own words stay with the operator: they name paths.
_SHOWN = ("code", "message", "retryable")


@dataclass(frozen=True)
class Event:
    """One change of a video, or of a dub if there is a `language`.

    `id` grows in the order in which changes became visible. `is_last` says that after it nothing of
    the video waited or was under way.
    """

    id: int
    type: str
    video_id: str
    language: str | None
    stage: str | None
    generation: int
    error: Mapping[str, Any] | None
    is_last: bool
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the event in plain JSON types, without what it does not have."""
        data = {
            "video_id": self.video_id,
            "language": self.language,
            "stage": self.stage,
            "generation": self.generation,
            "error": self.error,
        }
        return message(self.type, self.created_at, data)


def message(type_: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told in the form of Standard Webhooks (type, timestamp, data)."""
    there = {name: value for name, value in data.items() if value is not None}
    return {"type": type_, "timestamp": at.isoformat(), "data": there}


def select_public_details(details: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a user may read of a row's `error_details`."""
    return {name: details[name] for name in _SHOWN if name in details} if details else None
