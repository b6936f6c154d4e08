"""OpenAI's API, or any server that speaks it: what all engines behind it have in common.

    api = OpenAIApi(ProviderKey(text, "OPENAI_API_KEY"), "https://api.openai.com/v1")
    calls = ProviderCalls(api.provider, policy, SDK)
    async with api.client() as client:              # inside a request of `calls`
        reply = Reply.of(await client.chat.completions.with_raw_response.create(...))

Retries and time limits are those of `resources/system/calls.py`; the SDK's own are off. The SDK's
exceptions end here, because they quote the key.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dub_platform.core.errors import ProviderAnswerError
from dub_platform.core.service.addresses import is_openai
from dub_platform.observability.context import request_id
from resources.providers.api_key import ProviderKey
from resources.system.calls import CallFailedError, CallFailure, error_text, retry_after

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
# Modules that the SDK would otherwise import during its first request.
SDK = ("openai", "openai.resources.audio", "httpcore2")


@dataclass(frozen=True)
class Reply:
    """The body of a successful answer, whatever it contains."""

    body: bytes
    kind: str
    request_id: str | None

    @classmethod
    def of(cls, raw: Any) -> Reply:
        """Convert what `with_raw_response` returns; the parsed form would take a proxy's page
        for an answer."""
        return cls(raw.content, raw.headers.get("content-type", ""), raw.request_id)

    @property
    def is_page(self) -> bool:
        """Whether it is a text for people, such as a proxy's error page: no work was done for
        it."""
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
        """Make a client for one request, closed at the end of the block. Raises CallFailedError."""
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
                default_headers=_request_id_header(),
            ) as client:
                yield client
        except APIError as error:
            # `from None`: the chained exception would print the key.
            raise self._failure_for(error) from None

    def no_answer(self, what: str, reply: Reply, why: ValueError) -> ProviderAnswerError:
        """Make the error for a reply that cannot be used for `what`."""
        reason = str(why).partition("\n")[0]
        return ProviderAnswerError(
            f"{self.provider} answered {what} with something that cannot be used (request "
            f"{reply.request_id or 'without an id'}): {reason}. Ask again; "
            "what was paid for before is kept. If it goes on, look at the server's address, or "
            "choose another model.",
            detail=self.key.hidden_in(reply.body[:300].decode(errors="replace")),
        )

    def _failure_for(self, error: APIError) -> CallFailedError:
        import httpx2
        from openai import APIStatusError

        if isinstance(error, APIStatusError):
            return CallFailedError(self._refused_call(error), may_be_charged=False)
        cause = error.__cause__ or error
        words = self.key.hidden_in(f"{type(cause).__name__}: {cause}")
        unreached = isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout))
        return CallFailedError(CallFailure(words), may_be_charged=not unreached)

    def _refused_call(self, error: APIStatusError) -> CallFailure:
        said = error.body if isinstance(error.body, dict) else {"message": error.message}
        words = error_text([said.get("code") or said.get("type"), said.get("message")])
        return CallFailure(
            self.key.hidden_in(words),
            error.status_code,
            retry_after(error.response.headers),
            error.request_id,
            # An empty account answers 429, as a busy server does.
            no_credit=error.code == "insufficient_quota",
        )


async def _leave_out_key(request: Any) -> None:
    request.headers.pop("Authorization", None)


def _request_id_header() -> Mapping[str, str]:
    """The header by which the provider's support finds a request: who asked, and which it was."""
    asked = request_id()
    return {"X-Client-Request-Id": f"{asked}.{secrets.token_hex(4)}"} if asked else {}
