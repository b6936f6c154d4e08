"""Signed links: who has one may watch a video until it is past its time.

    links = Links(secret)
    signed = links.sign("dQw4w9WgXcQ", now)
    links.check("dQw4w9WgXcQ", signed.expires, signed.signature, now)     # or LinkExpiredError

A signature is for a video as a whole: its page, its film, its tracks and captions. Nothing is kept
of a link, so it cannot be taken back alone: a new secret ends all.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from dub_platform.core.errors import LinkExpiredError

GOOD_FOR = timedelta(days=1)
# Where Dagster's webserver leads an operator on, with a signature that is made then.
SIGNING = "/dub"
# So that what is asked again within the hour is the same address, for caches and players.
_STEP_SECONDS = 3600


@dataclass(frozen=True)
class Signed:
    """What a link carries: until when it is good (seconds since 1970), and the proof of it."""

    expires: int
    signature: str

    @property
    def query(self) -> str:
        return urlencode({"expires": self.expires, "signature": self.signature})


@dataclass(frozen=True, repr=False)
class Links:
    """Signs with a secret that all processes share."""

    secret: str

    def sign(self, video_id: str, now: datetime) -> Signed:
        """Sign a link that is good for a day at least, and an hour more at most."""
        until = (now + GOOD_FOR).timestamp() / _STEP_SECONDS
        expires = math.ceil(until) * _STEP_SECONDS
        return Signed(expires, self._signature(video_id, expires))

    def check(self, video_id: str, expires: str, signature: str, now: datetime) -> bool:
        """Tell whether the link is ours. Raises LinkExpiredError for one that was good once.

        What is wrong with one that is not ours is told to nobody.
        """
        # Eleven digits reach the year 5138; a longer number only costs time to read.
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            return False
        proof = self._signature(video_id, int(expires)).encode()
        if not hmac.compare_digest(proof, signature.encode()):
            return False
        if now.timestamp() >= int(expires):
            raise LinkExpiredError(
                "This link is past its time. Ask for a new one where you got it: the API's answer "
                "for the video has it."
            )
        return True

    def _signature(self, video_id: str, expires: int) -> str:
        message = f"{video_id}\n{expires}".encode()
        return hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
