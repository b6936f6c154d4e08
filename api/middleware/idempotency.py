"""Idempotency-Key: a request that is sent again is answered as it was the first time.

    POST /videos
    Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324

It holds for every POST, for a day. The same key with another body is refused with 422, and with
409 while the first request is being answered. An answer that a retry could change (401, 404, 409,
429, 5xx) is not kept: whoever asks again is the first again. One that shows a secret is kept sealed
(`sealing.py`).
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
from api.middleware.sealing import opened, sealed
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
    """Answers a POST with a key that was answered before as it was then."""

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
        """The answer, and whether it is one that was given before."""
        answers, holder = services_of(request).first_answers, secrets.token_hex(16)
        body = BodyDigest(request, services_of(request).max_upload_bytes)
        claim = await run_in_threadpool(answers.claim, place, holder, now=_now())
        if not claim.is_mine:
            return opened(await _again(claim, body), request), True
        async with _held(answers, place, holder):
            answer = await _collected(self.app, request.scope, body)
            digest = await body.whole() if _is_for_keeps(answer) else None
            if digest is not None:
                kept = sealed(answer, request)
                await run_in_threadpool(answers.keep, place, holder, digest, kept)
        return answer, False


def _place(request: Request, key: str) -> str:
    """Where the key's answer is kept: each tenant has keys of its own."""
    if not _KEY.fullmatch(key):
        raise InvalidRequestError(
            f"An Idempotency-Key is 1 to {MOST_KEY_LENGTH} visible characters of ASCII: send a "
            "UUID, and another one for each request."
        )
    return key_of([services_of(request).tenant, key])


async def _again(claim: Claim, body: BodyDigest) -> FirstAnswer:
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


def _is_for_keeps(answer: FirstAnswer) -> bool:
    return answer.status < 400 or answer.status in _REFUSALS


@contextlib.asynccontextmanager
async def _held(answers: FirstAnswers, place: str, holder: str) -> AsyncIterator[None]:
    """The claim, renewed for as long as the request takes, and given back if nothing was kept."""
    renewing = asyncio.create_task(_renew(answers, place, holder))
    try:
        yield
    finally:
        renewing.cancel()
        await run_in_threadpool(answers.give_back, place, holder)


async def _renew(answers: FirstAnswers, place: str, holder: str) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await run_in_threadpool(answers.renew, place, holder, now=_now())


async def _collected(app: ASGIApp, scope: Scope, body: BodyDigest) -> FirstAnswer:
    """The app's answer as a whole: it is kept before anybody reads it."""
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
