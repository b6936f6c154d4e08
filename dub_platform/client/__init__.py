"""A client of the API, for Python and for the command line.

    with DubClient("https://dub.example.com", key="dub_...") as client:
        video = client.add("clip.mp4", ["es", "fr"])
        for video in client.follow(video["id"]):
            print([dub["status"] for dub in video["dubs"]])

    dub add clip.mp4 --to es,fr --wait

It knows nothing of the platform but its addresses, so it can be taken along by itself.
"""

from dub_platform.client.client import DubClient
from dub_platform.client.errors import DubClientError, RefusedError, UnreachableError

__all__ = ["DubClient", "DubClientError", "RefusedError", "UnreachableError"]
