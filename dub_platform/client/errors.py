"""The errors of the client.

DubClientError
├── WrongUseError       nothing was sent, because the arguments are unusable
├── LineChangedError    the line's text is not the one its editor has read
├── DubRemovedError     somebody removed the dub that is waited for
├── RefusedError        the platform refused: its `code`, its sentence, the request's id
└── UnreachableError    no answer, after all retries
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from dub_platform.client.answers import LineAnswer, SourceLineAnswer


class DubClientError(Exception):
    """A failed operation; the message is a sentence for people."""


class WrongUseError(DubClientError):
    """The arguments cannot be sent as they are."""


class LineChangedError(DubClientError):
    """Somebody edited the line after it was read; `line` is its present state."""

    def __init__(self, line: LineAnswer | SourceLineAnswer) -> None:
        told = {name.replace("corrected", "edited"): said for name, said in line.items()}
        name = told.get("edited_by_name") or told.get("edited_by")
        who = f" by {name}" if name else ""
        when = f" at {told['edited_at']}" if "edited_at" in told else ""
        super().__init__(
            f"Line {line['number']} was changed since it was read{who}{when}, so nothing was "
            f"written. It says now: {line['text']}"
        )
        self.line = line


class DubRemovedError(DubClientError):
    """Somebody removed dubs in these languages while they were waited for."""

    def __init__(self, languages: Collection[str]) -> None:
        super().__init__(
            f"Somebody removed what was waited for: {', '.join(sorted(languages))}. Ask for it "
            "again to have it made anew."
        )


class UnreachableError(DubClientError):
    """The platform gives no answer."""


class RefusedError(DubClientError):
    """The platform's problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.request_id = request_id

    @classmethod
    def of(cls, answer: httpx.Response) -> RefusedError:
        """Make the error from an answer, which may come from a proxy and be no problem document."""
        try:
            said = answer.json()
            return cls(answer.status_code, said["code"], said["detail"], said["request_id"])
        except (ValueError, KeyError, TypeError):
            phrase = HTTPStatus(answer.status_code).phrase
            return cls(answer.status_code, "http_error", f"{answer.url} answered {phrase}.")
