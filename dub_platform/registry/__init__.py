"""What was asked for and how far it got: the platform's own tables.

`port.py` says what a registry promises, to three kinds of callers: the API has a `Catalogue`, the
assets and sensors a `WorkQueue`, removal and retention a `Maintenance`. `catalogue.py`, `work.py`
and `maintenance.py` keep the promises on SQLite and PostgreSQL; what their transactions share is in
`transactions/`, a module for each kind of rows. `records.py` is what they hand out. Tables that no
port is about have a module each: `api_keys.py`, `first_answers.py`, `ledger.py` (paid calls),
`speaking_rates.py`, `tallies.py` and `webhooks.py`. `database/` connects, and names the tables that
`migrations/` makes. The registry is the truth about what was asked for; Dagster is the truth about
what was made.

    registry = SqlRegistry.at("sqlite:///registry.sqlite")
    registry.accept(NewVideo(id="dQw4w9WgXcQ", source=Source.YOUTUBE), ["es", "ca"])
"""

from dub_platform.registry.port import Catalogue, Lookup, Maintenance, Registry, WorkQueue
from dub_platform.registry.records import (
    Channel,
    Dub,
    DubStatus,
    NewVideo,
    Source,
    Stale,
    Video,
    VideoStatus,
    Work,
)
from dub_platform.registry.sql import SqlRegistry

__all__ = [
    "Catalogue",
    "Channel",
    "Dub",
    "DubStatus",
    "Lookup",
    "Maintenance",
    "NewVideo",
    "Registry",
    "Source",
    "SqlRegistry",
    "Stale",
    "Video",
    "VideoStatus",
    "Work",
    "WorkQueue",
]
