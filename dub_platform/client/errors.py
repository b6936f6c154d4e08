"""What can go wrong for a client.

DubClientError
├── WrongUseError       it was not asked: what was given cannot be sent
├── LineChangedError    the line says something else than who edits it has read
├── DubRemovedError     somebody removed what is waited for
├── RefusedError        the platform said no: its `code`, its sentence, the request's id
└── UnreachableError    no answer, however often it was tried
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from dub_platform.client.answers import LineAnswer, SourceLineAnswer


class DubClientError(Exception):
    """It did not work; the message is a sentence for people."""


class WrongUseError(DubClientError):
    """What was given cannot be sent as it is."""


class LineChangedError(DubClientError):
    """Somebody edited the line since it was read; `line` is what it is now."""

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
    """There is no answer from the platform."""


class RefusedError(DubClientError):
    """The platform's problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.request_id = request_id

    @classmethod
    def of(cls, answer: httpx.Response) -> RefusedError:
        """From an answer; one of something in between is no problem document."""
        try:
            said = answer.json()
            return cls(answer.status_code, said["code"], said["detail"], said["request_id"])
        except (ValueError, KeyError, TypeError):
            phrase = HTTPStatus(answer.status_code).phrase
            return cls(answer.status_code, "http_error", f"{answer.url} answered {phrase}.")
