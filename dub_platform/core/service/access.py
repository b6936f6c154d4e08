"""Who may do what: tenants, scopes, and the tokens of API keys.

    token = Token.new()
    token.text                                   # dub_3f9c51a07be2_kR1..., shown to its holder once
    Token.parse(token.text).sha256              # what is kept, and compared

A tenant is whoever owns videos. Without keys everything belongs to DEFAULT_TENANT.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import Enum

from dub_platform.core.errors import InvalidRequestError

DEFAULT_TENANT = "default"
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_TOKEN = re.compile(r"dub_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Scope(str, Enum):
    """What a key may do: read what its tenant has, change it, manage its tenant's keys."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True)
class Token:
    """What a client sends: an id to find the key by, and 256 random bits that prove it."""

    id: str
    secret: str

    @classmethod
    def new(cls) -> Token:
        """Make a token that nobody can guess."""
        return cls(secrets.token_hex(6), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """Return the token in a header; None for what cannot be one."""
        found = _TOKEN.fullmatch(text)
        return cls(*found.groups()) if found else None

    @property
    def text(self) -> str:
        return f"dub_{self.id}_{self.secret}"

    @property
    def sha256(self) -> str:
        """What is kept (64 hex digits).

        A slow hash is for what people choose; nobody tries 2^256 secrets, however fast.
        """
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Token({self.id})"


def check_tenant(text: str) -> str:
    """Return `text` if a tenant can be called so. Raises InvalidRequestError."""
    if _TENANT.fullmatch(text):
        return text
    raise InvalidRequestError(
        "This cannot be a tenant's name: it is 1 to 32 of a-z, 0-9 and -, and begins with neither "
        "a capital nor a hyphen."
    )


def of_tenant(tenant: str, content: str) -> str:
    """Return what tells this tenant's from another's of the same content: 32 hex digits."""
    return hashlib.sha256(f"{tenant}\0{content}".encode()).hexdigest()[:32]
