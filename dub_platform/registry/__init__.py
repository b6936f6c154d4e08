"""What was asked for and how far it got: the platform's own tables.

`port.py` says what a registry promises, `sql.py` keeps the promises on SQLite and PostgreSQL,
`migrations/` is its schema. The registry is the truth about what was asked for; Dagster is the
truth about what was made.

    registry = SqlRegistry.at("sqlite:///registry.sqlite")
    registry.accept(NewVideo(id="dQw4w9WgXcQ", source=Source.YOUTUBE), ["es", "ca"])
"""

from dub_platform.registry.port import (
    Catalogue,
    Channel,
    Dub,
    DubStatus,
    NewVideo,
    Registry,
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
    "NewVideo",
    "Registry",
    "Source",
    "SqlRegistry",
    "Stale",
    "Video",
    "VideoStatus",
    "Work",
]
