"""Answers that show a secret, such as a new API key, as they are kept for a request sent again.

    kept = sealed(answer, request)              # opens nothing for who reads the database
    opened(kept, request)                       # the answer, for who sends the request again

What shows a secret says `no-store`; every other answer is kept as it is. The key is made of the
Idempotency-Key and of what Authorization says, and the database has nothing of either but digests.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.requests import Request

from dub_platform.core.errors import IdempotencyKeyReusedError
from dub_platform.registry.first_answers import FirstAnswer

SHOWS_SECRET = ("cache-control", "no-store")
_PURPOSE = b"a first answer that shows a secret"


def sealed(answer: FirstAnswer, request: Request) -> FirstAnswer:
    """The answer as it may be kept."""
    if SHOWS_SECRET not in answer.headers:
        return answer
    return replace(answer, body=_lock(request).encrypt(answer.body))


def opened(answer: FirstAnswer, request: Request) -> FirstAnswer:
    """The answer as it was sent. Raises IdempotencyKeyReusedError for who did not ask first."""
    if SHOWS_SECRET not in answer.headers:
        return answer
    try:
        return replace(answer, body=_lock(request).decrypt(answer.body))
    except InvalidToken as error:
        raise IdempotencyKeyReusedError(
            "This Idempotency-Key was sent with another API key before, and the answer shows a "
            "secret: send it with that API key again, or make a new one for a request of your own."
        ) from error


def _lock(request: Request) -> Fernet:
    # An Idempotency-Key can be as short as "1"; nobody guesses an API key.
    known = " ".join(request.headers.get(name, "") for name in ("idempotency-key", "authorization"))
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(known.encode("latin-1"))
    return Fernet(urlsafe_b64encode(derived))
