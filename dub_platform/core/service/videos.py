"""Video ids: YouTube's eleven characters, or the content hash of an upload.

An id is also a Dagster partition key, a path in the store and a part of URLs, so only
`[A-Za-z0-9_-]` can be in one.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from dub_platform.core.errors import InvalidVideoIdError
from dub_platform.core.service.access import DEFAULT_TENANT, of_tenant

YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# A tenant's own: its uploads, and its rows of YouTube's videos.
HASHED_ID = re.compile(r"(?:up|yt)-[0-9a-f]{32}")

YOUTUBE_HOSTS = frozenset(
    {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"}
)


def youtube_id(text: str) -> str:
    """Return the eleven characters in a YouTube id or URL, whatever form the URL has.

    Raises InvalidVideoIdError: a URL is never fetched as given, so one without an id is no use.
    """
    text = text.strip()
    candidate = text if YOUTUBE_ID.fullmatch(text) else _id_in_url(text)
    if candidate is None or not YOUTUBE_ID.fullmatch(candidate):
        raise InvalidVideoIdError(
            "This is not a YouTube video: give the 11-character id, or the address of its page, "
            "such as https://www.youtube.com/watch?v=dQw4w9WgXcQ."
        )
    return candidate


def upload_id(sha256: str, tenant: str = DEFAULT_TENANT) -> str:
    """Return the id of an upload from its content's sha256 (64 hex digits): same content, same
    video.

    Another tenant's is another video, and neither id tells the other.
    """
    # 128 bits of the hash: two files never share them by chance, and addresses stay short.
    return f"up-{sha256[:32] if tenant == DEFAULT_TENANT else of_tenant(tenant, sha256)}"


def tenants_id(youtube: str, tenant: str) -> str:
    """Return the id under which a tenant has this video of YouTube's."""
    return youtube if tenant == DEFAULT_TENANT else f"yt-{of_tenant(tenant, youtube)}"


def check_video_id(text: str) -> str:
    """Return `text` if it is a video id. Raises InvalidVideoIdError."""
    if YOUTUBE_ID.fullmatch(text) or HASHED_ID.fullmatch(text):
        return text
    raise InvalidVideoIdError(
        "This is not a video id: it is either YouTube's 11 characters, or 'up-' or 'yt-' and 32 "
        "hex digits, as POST /videos answered it."
    )


def _id_in_url(text: str) -> str | None:
    try:
        url = urlsplit(text if "//" in text else f"https://{text}")
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or (url.hostname or "") not in YOUTUBE_HOSTS:
        return None
    first, _, rest = url.path.strip("/").partition("/")
    if url.hostname == "youtu.be":
        return first
    if first in ("shorts", "embed", "live", "v"):
        return rest.partition("/")[0]
    return parse_qs(url.query).get("v", [None])[0]
