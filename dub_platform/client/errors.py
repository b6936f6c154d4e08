"""What can go wrong for a client.

DubClientError
├── RefusedError        the platform said no: its `code`, its sentence, the request's id
└── UnreachableError    no answer, however often it was tried
"""

from __future__ import annotations

from http import HTTPStatus

import httpx


class DubClientError(Exception):
    """It did not work; the message is a sentence for people."""


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
