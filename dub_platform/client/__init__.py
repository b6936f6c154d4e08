"""A client of the API, for Python and for the command line.

    with DubClient("https://dub.example.com", key="dub_...") as client:
        video = client.add("clip.mp4", ["es", "fr"])
        video = client.wait(video["id"])
        print([dub["links"]["watch"] for dub in video["dubs"]])

    dub add clip.mp4 --to es,fr --wait

It knows nothing of the platform but its addresses, so it can be taken along by itself.
"""

from dub_platform.client.client import DubClient, tag_of
from dub_platform.client.errors import (
    DubClientError,
    LineChangedError,
    RefusedError,
    UnreachableError,
    WrongUseError,
)
from dub_platform.client.retries import Retries
from dub_platform.client.stream import Event

__all__ = [
    "DubClient",
    "DubClientError",
    "Event",
    "LineChangedError",
    "RefusedError",
    "Retries",
    "UnreachableError",
    "WrongUseError",
    "tag_of",
]
