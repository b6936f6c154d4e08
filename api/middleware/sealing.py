"""Encrypts a stored answer that shows a secret, such as a new API key.

    kept = seal_answer(answer, request)         # unreadable for whoever reads the database
    open_answer(kept, request)                  # the answer, for the sender of the same request

An answer that shows a secret says `cache-control: no-store`; all others are stored as they are. The
encryption key is derived from the headers Idempotency-Key and Authorization of the request, of
which the database holds digests only.
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


def seal_answer(answer: FirstAnswer, request: Request) -> FirstAnswer:
    """Return the answer as it is stored: with an encrypted body if it shows a secret."""
    if SHOWS_SECRET not in answer.headers:
        return answer
    return replace(answer, body=_cipher(request).encrypt(answer.body))


def open_answer(answer: FirstAnswer, request: Request) -> FirstAnswer:
    """Return the stored answer with its body in plain text.

    Raises IdempotencyKeyReusedError if this request has another API key than the first.
    """
    if SHOWS_SECRET not in answer.headers:
        return answer
    try:
        return replace(answer, body=_cipher(request).decrypt(answer.body))
    except InvalidToken as error:
        raise IdempotencyKeyReusedError(
            "This Idempotency-Key was sent with another API key before, and the answer shows a "
            "secret: send it with that API key again, or make a new one for a request of your own."
        ) from error


def _cipher(request: Request) -> Fernet:
    """Return the cipher whose key is derived from this request's own headers."""
    # An Idempotency-Key can be as short as "1"; nobody guesses an API key.
    known = " ".join(request.headers.get(name, "") for name in ("idempotency-key", "authorization"))
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(known.encode("latin-1"))
    return Fernet(urlsafe_b64encode(derived))
