"""What one method of one address takes and answers: a row of the table in `api/operations.py`.

    OPERATIONS = (
        Operation("GET", "/videos/{id}", Video, "One video with its dubs", {200: VideoAnswer},
                  tagged=True, errors=(InvalidVideoIdError, VideoNotFoundError)),
    )

The rows stand below the handlers they name, in the handlers' module. What follows from a row is not
repeated in it: a POST takes an Idempotency-Key, a `tagged` answer has an ETag, a body can be
malformed, and an address that is not open (`api/caller.py`) needs a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from api.caller import scope_needed
from api.contract.problems import HTTP_CODE, status_of
from api.probes import PROBES, SAFE
from dub_platform.core import errors
from dub_platform.core.errors import DubError

JSON, FORM, PAGE, ANY = "application/json", "multipart/form-data", "text/html", "*/*"
EVENTS, PLAIN = "text/event-stream", "text/plain"
Errors = Sequence[type[DubError]]
# Every operation can fail with these, for reasons inside the platform.
OURS: Errors = (
    errors.StorageError,
    errors.StorageUnavailableError,
    errors.StorageFullError,
    errors.InternalError,
)
_OF_HEAD = (400, 414, 431)
OF_DUB: Errors = (
    errors.InvalidVideoIdError,
    errors.UnknownLanguageError,
    errors.VideoNotFoundError,
    errors.DubNotFoundError,
)
_OF_KEY: Errors = (errors.KeyRequiredError, errors.KeyInvalidError, errors.ScopeMissingError)


# `eq=False`: a row is only ever the same as itself, so it can be hashed.
@dataclass(frozen=True, eq=False)
class Operation:
    """One method of one address.

    `route` is the address as Starlette takes it. `handler` is a function, or a class that has a
    method of this name; for an address that ends in `/{path}` it makes the app that answers all
    addresses below. `answers` has for each status the model of its JSON, the media type of another
    body, or None for an empty one. `body` has a model for each media type, `query` the model of the
    parameters. `tagged` says that the answer has an ETag, which GET compares and PUT may require.
    `matched` says that a write must name the ETag it has seen. `errors` are the errors of its own;
    `refused` are further HTTP statuses.
    """

    method: str
    route: str
    handler: Callable[..., Any]
    summary: str
    answers: Mapping[int, type[BaseModel] | str | None]
    query: type[BaseModel] | None = None
    body: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    needs_body: bool = False
    tagged: bool = False
    matched: bool = False
    errors: Errors = ()
    refused: Sequence[int] = ()

    @property
    def path(self) -> str:
        """The address as OpenAPI has it, without converters."""
        return re.sub(r":\w+}", "}", self.route)

    @property
    def compares(self) -> bool:
        """Whether it checks If-Match."""
        return self.matched or (self.method == "PUT" and self.tagged)

    @property
    def is_strict(self) -> bool:
        """Whether it refuses unknown query parameters.

        Pages and files do not, because people open them by links that sites add parameters to; nor
        do health probes, whose callers are configured elsewhere, and /oembed, which each site asks
        with parameters of its own.
        """
        is_lenient = self.path in PROBES or self.path == "/oembed"
        return {PAGE, ANY}.isdisjoint(self.answers.values()) and not is_lenient

    @property
    def needs_key(self) -> bool:
        """Whether it needs an API key, in a deployment that asks for keys."""
        return scope_needed(self.method, self.path) is not None

    @property
    def codes(self) -> Mapping[int, Sequence[str]]:
        """The codes of all errors that it can answer, by HTTP status."""
        found: dict[int, list[str]] = {}
        for status, code in sorted({*self._error_statuses(), *self._http_statuses()}):
            found.setdefault(status, []).append(code)
        return found

    def _error_statuses(self) -> Iterator[tuple[int, str]]:
        for kind in (*self.errors, *self._implied_errors(), *self._client_errors(), *OURS):
            yield status_of(kind("")), kind.code

    def _implied_errors(self) -> Iterator[type[DubError]]:
        if self.method == "POST":
            yield from (errors.IdempotencyKeyReusedError, errors.RequestInProgressError)
            yield errors.InvalidRequestError
        if self.compares:
            yield errors.PreconditionFailedError
        if self.matched:
            yield errors.PreconditionRequiredError
        if self.body:
            yield from (errors.InvalidRequestError, errors.UploadTooLargeError)
        if self.query or self.is_strict:
            yield errors.InvalidRequestError

    def _client_errors(self) -> Iterator[type[DubError]]:
        """Yield the errors that depend on who asks, how often, and how slowly."""
        if self.path not in PROBES:
            yield from (errors.NotLocalError, errors.UnknownHostError, errors.RateLimitedError)
        if self.method not in SAFE:
            yield errors.CrossSiteError
        if self.needs_key:
            yield from _OF_KEY
        if self.body or self.method == "POST":
            yield errors.SlowBodyError

    def _http_statuses(self) -> Iterator[tuple[int, str]]:
        of_body = (400, 415) if self.body else ()
        of_path = (404,) if "{" in self.path else ()
        for status in (*of_body, *of_path, *_OF_HEAD, *self.refused):
            yield status, HTTP_CODE[status]
