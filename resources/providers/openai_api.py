"""OpenAI's API, or any server that speaks it: what the engines behind it have in common.

    api = OpenAIApi(ProviderKey(text, "OPENAI_API_KEY"), "https://api.openai.com/v1")
    calls = Calls(api.provider, policy, SDK)
    async with api.client() as client:              # inside a request of `calls`
        reply = Reply.of(await client.chat.completions.with_raw_response.create(...))

What is tried again, and for how long, is decided in `resources/system/calls.py`: the SDK's
own retries and time limits are off, and its exceptions end here, because they quote the key.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dub_platform.core.addresses import is_openai
from dub_platform.core.errors import ProviderAnswerError
from dub_platform.observability.context import request_id
from resources.providers.api_key import ProviderKey
from resources.system.calls import CallFailedError, Trouble, retry_after, said_by

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
# What the SDK would load in the midst of its first request.
SDK = ("openai", "openai.resources.audio", "httpcore2")


@dataclass(frozen=True)
class Reply:
    """The body of an answer with a status of success, whatever is in it."""

    body: bytes
    kind: str
    request_id: str | None

    @classmethod
    def of(cls, raw: Any) -> Reply:
        """From what `with_raw_response` gives: the SDK takes a proxy's page for an answer."""
        return cls(raw.content, raw.headers.get("content-type", ""), raw.request_id)

    @property
    def is_page(self) -> bool:
        """Whether it is text for people, which no work was done for."""
        return self.kind.startswith("text/")


def read_key(text: str, setting: str, base_url: str) -> ProviderKey:
    """The key for a server; another than OpenAI's may want none. Raises EngineUnavailableError."""
    return ProviderKey(text, setting, needed=is_openai(base_url))


class OpenAIApi:
    """One server, and the key for it. Where there is none, no header says so."""

    def __init__(self, key: ProviderKey, base_url: str = OPENAI_URL) -> None:
        self.key = key
        self.base_url = base_url
        self.host = urlsplit(base_url).hostname or base_url
        self.provider = "OpenAI" if is_openai(base_url) else self.host

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncOpenAI]:
        """A client for one request, of which nothing stays open. Raises CallFailedError."""
        from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient

        # The SDK wants a key: where there is none, its header is taken out again.
        hooks = {} if self.key.value else {"request": [_leave_out_key]}
        try:
            async with AsyncOpenAI(
                api_key=self.key.value or "none",
                base_url=self.base_url,
                # What a video says would go along to wherever a redirect leads.
                http_client=DefaultAsyncHttpxClient(follow_redirects=False, event_hooks=hooks),
                max_retries=0,
                timeout=None,
                default_headers=_named_request(),
            ) as client:
                yield client
        except APIError as error:
            # From None: what is printed of a chain would have the key in it again.
            raise self._failed(error) from None

    def no_answer(self, what: str, reply: Reply, why: ValueError) -> ProviderAnswerError:
        """The error for a reply that says nothing about `what`."""
        reason = str(why).partition("\n")[0]
        return ProviderAnswerError(
            f"{self.provider} answered {what} with something that cannot be used (request "
            f"{reply.request_id or 'without an id'}): {reason}. Ask again; "
            "what was paid for before is kept. If it goes on, look at the server's address, or "
            "choose another model.",
            detail=self.key.hidden_in(reply.body[:300].decode(errors="replace")),
        )

    def _failed(self, error: APIError) -> CallFailedError:
        import httpx2
        from openai import APIStatusError

        if isinstance(error, APIStatusError):
            return CallFailedError(self._refusal(error), may_be_charged=False)
        cause = error.__cause__ or error
        words = self.key.hidden_in(f"{type(cause).__name__}: {cause}")
        unreached = isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout))
        return CallFailedError(Trouble(words), may_be_charged=not unreached)

    def _refusal(self, error: APIStatusError) -> Trouble:
        said = error.body if isinstance(error.body, dict) else {"message": error.message}
        words = said_by([said.get("code") or said.get("type"), said.get("message")])
        return Trouble(
            self.key.hidden_in(words),
            error.status_code,
            retry_after(error.response.headers),
            error.request_id,
            # It answers 429 like a busy server.
            no_credit=error.code == "insufficient_quota",
        )


async def _leave_out_key(request: Any) -> None:
    request.headers.pop("Authorization", None)


def _named_request() -> Mapping[str, str]:
    """The header by which the provider's support finds a request: who asked, and which it was."""
    asked = request_id()
    return {"X-Client-Request-Id": f"{asked}.{secrets.token_hex(4)}"} if asked else {}
