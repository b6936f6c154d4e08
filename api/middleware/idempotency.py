"""Idempotency-Key: a request that is sent twice is done once, and answered twice the same.

    POST /videos
    Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324

Holds for every POST, for a day. The same key with another body is refused with 422, and with 409
while the first request is still under way. An answer that may change on a retry (401, 404, 409,
429, 5xx) is not stored: the next request with the key counts as the first. An answer that shows a
secret is stored encrypted (`sealing.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timezone

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.contract.problems import on_dub_error
from api.middleware.body_digest import BodyDigest
from api.middleware.sealing import open_answer, seal_answer
from api.services import services_of
from dub_platform.core.errors import (
    DubError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
    RequestInProgressError,
)
from dub_platform.core.keys import key_of
from dub_platform.registry.first_answers import Claim, FirstAnswer, FirstAnswers

MOST_KEY_LENGTH = 255
RENEW_SECONDS = 10.0
_KEY = re.compile(rf"[!-~]{{1,{MOST_KEY_LENGTH}}}")
_REFUSALS = (400, 422)


class Idempotency:
    """Answers a POST whose Idempotency-Key was used before with the stored first answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        key = request.headers.get("idempotency-key")
        if key is None:
            await self.app(scope, receive, send)
            return
        try:
            answer, again = await self._answer(request, _place(request, key))
        except DubError as error:
            await (await on_dub_error(request, error))(scope, receive, send)
        else:
            await _send(answer, send, again=again)

    async def _answer(self, request: Request, place: str) -> tuple[FirstAnswer, bool]:
        """Return the answer, and whether it is a stored one that is sent again."""
        answers, holder = services_of(request).first_answers, secrets.token_hex(16)
        body = BodyDigest(request, services_of(request).max_upload_bytes)
        claim = await run_in_threadpool(answers.claim, place, holder, now=_now())
        if not claim.is_mine:
            return open_answer(await _stored_answer(claim, body), request), True
        async with _hold_claim(answers, place, holder):
            answer = await _collect_answer(self.app, request.scope, body)
            # A handler may answer without reading the whole body; the digest needs the rest of it.
            digest = await body.whole() if _is_stable(answer) else None
            if digest is not None:
                kept = seal_answer(answer, request)
                await run_in_threadpool(answers.keep, place, holder, digest, kept)
        return answer, False


def _place(request: Request, key: str) -> str:
    """Return the name under which the answer to this key is stored: each tenant has its own.

    Raises InvalidRequestError for a key that is too long or not visible ASCII.
    """
    if not _KEY.fullmatch(key):
        raise InvalidRequestError(
            f"An Idempotency-Key is 1 to {MOST_KEY_LENGTH} visible characters of ASCII: send a "
            "UUID, and another one for each request."
        )
    return key_of([services_of(request).tenant, key])


async def _stored_answer(claim: Claim, body: BodyDigest) -> FirstAnswer:
    """Return the stored answer, if `body` is the same as that of the first request.

    Raises RequestInProgressError, IdempotencyKeyReusedError.
    """
    if claim.answer is None:
        raise RequestInProgressError(
            "A request with this Idempotency-Key is being answered just now: ask again in a moment."
        )
    if await body.whole() != claim.digest:
        raise IdempotencyKeyReusedError(
            "This Idempotency-Key was sent with another request before: make a new one for each "
            "request, and send the old one only to repeat the old request as it was."
        )
    return claim.answer


def _is_stable(answer: FirstAnswer) -> bool:
    """Whether a retry of the same request would get the same answer."""
    return answer.status < 400 or answer.status in _REFUSALS


@contextlib.asynccontextmanager
async def _hold_claim(answers: FirstAnswers, place: str, holder: str) -> AsyncIterator[None]:
    """Renew the claim within the block, and give it back at its end if no answer was stored."""
    renewing = asyncio.create_task(_renew(answers, place, holder))
    try:
        yield
    finally:
        renewing.cancel()
        await run_in_threadpool(answers.give_back, place, holder)


async def _renew(answers: FirstAnswers, place: str, holder: str) -> None:
    while True:
        # A claim that is not renewed lapses, so that a process that died blocks no retry for long.
        await asyncio.sleep(RENEW_SECONDS)
        await run_in_threadpool(answers.renew, place, holder, now=_now())


async def _collect_answer(app: ASGIApp, scope: Scope, body: BodyDigest) -> FirstAnswer:
    """Run the app and return its whole answer, which is stored before the client reads any of
    it."""
    messages: list[Message] = []

    async def collect(message: Message) -> None:
        messages.append(message)

    await app(scope, body.receive, collect)
    start, *rest = messages
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]
    ]
    return FirstAnswer(start["status"], headers, b"".join(each.get("body", b"") for each in rest))


async def _send(answer: FirstAnswer, send: Send, *, again: bool) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    if again:
        headers.append((b"idempotent-replayed", b"true"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _now() -> datetime:
    return datetime.now(timezone.utc)
