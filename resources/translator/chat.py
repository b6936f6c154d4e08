"""A chat model that answers in JSON of a given shape, at OpenAI or any server that speaks its API.

    chat = OpenAIChat(api_key, model="gpt-5.4-mini")
    texts = chat.answer("lines 1-40 in es", Question(system, user, schema), texts_of, bill)

The API is `POST /chat/completions` with structured outputs, which vLLM, Ollama, llama.cpp and most
gateways speak as well. Only the fields that all models take are sent. What is tried again, and for
how long, is decided in `resources/calls.py`; the SDK's own retries are off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from dub_platform.core.cost import CHARACTERS_PER_TOKEN
from dub_platform.core.errors import (
    EngineUnavailableError,
    ProviderAnswerError,
    ProviderRefusedError,
)
from resources.calls import CallPolicy, Calls, Trouble, retry_after

if TYPE_CHECKING:
    from openai import APIError

T = TypeVar("T")

OPENAI_URL = "https://api.openai.com/v1"
# A page of lines takes a model a minute at times, and one that reasons first takes longer.
PATIENT = CallPolicy(try_seconds=120.0, deadline_seconds=300.0)
# How OpenAI quotes a key in its errors: masked, but not all of it.
_KEY = re.compile(r"\bsk-\S+")
_NO_CREDIT = "insufficient_quota"
# Quotes and braces around each line of an answer, in tokens.
_FRAME_TOKENS = 12


@dataclass(frozen=True)
class Usage:
    """Tokens, as the provider counts and bills them."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens
        )

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class TokenPrice:
    """What a model costs, in US dollars for a million tokens."""

    usd_per_million_input: float
    usd_per_million_output: float

    def usd(self, usage: Usage) -> float:
        """What this many tokens cost."""
        return (
            usage.input_tokens * self.usd_per_million_input
            + usage.output_tokens * self.usd_per_million_output
        ) / 1_000_000


@dataclass
class Bill:
    """What a call came to over all its tries: answers that were no good are charged too.

    `lost` says that a try may have been charged and nobody knows: its answer never came whole.
    """

    usage: Usage = field(default_factory=Usage)
    request_id: str | None = None
    lost: bool = False


@dataclass(frozen=True)
class Question:
    """`system` is ours; `user` is the material; the answer follows the JSON schema `shape`."""

    system: str
    user: str
    shape: Mapping[str, Any]

    def expected(self, answers: int) -> Usage:
        """About how many tokens this takes if each of so many lines is answered at its length."""
        user = len(self.user.encode()) / CHARACTERS_PER_TOKEN
        system = len(self.system.encode()) / CHARACTERS_PER_TOKEN
        return Usage(int(system + user), int(user + _FRAME_TOKENS * answers))


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Completion(BaseModel):
    """What is read of an answer. Servers differ in the rest, and leave out `usage` at times."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Tokens | None = None


@dataclass(frozen=True)
class _Reply:
    """The body of a 2xx answer, whatever is in it."""

    body: bytes
    request_id: str | None


class _TryFailedError(Exception):
    """An SDK's exception with the key taken out: the original quotes it, and would be logged."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.words)
        self.trouble = trouble


class OpenAIChat:
    """One model at one server. It keeps nothing open between calls.

    A server that wants no key takes any. Raises EngineUnavailableError for what can be no key.
    """

    def __init__(
        self, api_key: str, model: str, base_url: str = OPENAI_URL, policy: CallPolicy = PATIENT
    ) -> None:
        _refuse_impossible(api_key)
        host = urlsplit(base_url).hostname or base_url
        self.provider = "OpenAI" if host.endswith("openai.com") else host
        self.engine = f"{model} ({host})"
        self.model = model
        self._api_key = api_key
        self._base_url = base_url
        self._calls = Calls(self.provider, policy)

    def answer(
        self, what: str, question: Question, read: Callable[[str], T], bill: Bill, answers: int = 1
    ) -> T:
        """What `read` makes of the model's answer; `bill` is added to whatever happens.

        `read` raises ValueError for an answer that is no good, which is then asked for again.
        Raises ProviderRefusedError, ProviderBusyError, ProviderUnavailableError,
        ProviderAnswerError.
        """

        async def request() -> T:
            reply = await self._reply(what, question, bill)
            bill.request_id = reply.request_id
            try:
                return read(_content(reply.body, question.expected(answers), bill))
            except ValueError as error:
                raise self._no_answer(what, reply, error) from error

        # It takes a second, which must not count as the first try's.
        import_module("openai")
        return self._calls.made(what, request, _trouble_of)

    async def _reply(self, what: str, question: Question, bill: Bill) -> _Reply:
        from openai import APIError, AsyncOpenAI

        arrived = False
        try:
            async with AsyncOpenAI(
                api_key=self._api_key, base_url=self._base_url, max_retries=0, timeout=None
            ) as client:
                raw = await client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=[
                        {"role": "system", "content": question.system},
                        {"role": "user", "content": question.user},
                    ],
                    response_format=_response_format(question.shape),
                )
                # The body is read as it is: the SDK takes a proxy's page for an answer.
                arrived = True
                return _Reply(raw.content, raw.request_id)
        except APIError as error:
            arrived = _charged_nothing(error)
            self._refuse_empty_account(what, error)
            # From None: what is printed of a chain would have the key in it again.
            raise _TryFailedError(self._trouble(error)) from None
        finally:
            # A try that is cancelled at its time limit ends here too, with its answer on the way.
            bill.lost = bill.lost or not arrived

    def _trouble(self, error: APIError) -> Trouble:
        from openai import APIStatusError

        if not isinstance(error, APIStatusError):
            cause = error.__cause__ or error
            return Trouble(self._keyless(str(cause) or type(cause).__name__))
        return Trouble(
            words=self._keyless(error.message.removeprefix(f"Error code: {error.status_code} - ")),
            status=error.status_code,
            retry_after=retry_after(error.response.headers),
            request_id=error.request_id,
        )

    def _refuse_empty_account(self, what: str, error: APIError) -> None:
        """An empty account answers 429 like a busy server, but no waiting fills it."""
        if error.code != _NO_CREDIT:
            return
        said = self._keyless(error.message)
        raise ProviderRefusedError(
            f"{self.provider} did not do {what}, because the account has no credit left: {said} "
            "Add credit and ask again; what was paid for before is kept.",
            detail=said,
        ) from None

    def _no_answer(self, what: str, reply: _Reply, why: ValueError) -> ProviderAnswerError:
        return ProviderAnswerError(
            f"{self.provider} answered {what} with something that cannot be used "
            f"(request {reply.request_id or 'without an id'}): {_first_line(why)}. Ask again; "
            "what was paid for before is kept. If it goes on, choose another model.",
            detail=self._keyless(reply.body[:300].decode(errors="replace")),
        )

    def _keyless(self, words: str) -> str:
        return _KEY.sub("[key]", words.replace(self._api_key, "[key]"))


def _refuse_impossible(api_key: str) -> None:
    """A header cannot hold it, and the SDK's complaint would quote it."""
    if not re.fullmatch(r"[!-~]+", api_key):
        raise EngineUnavailableError(
            "The OpenAI API key is empty, or has spaces, line ends or characters that no key has. "
            "Copy it again."
        )


def _response_format(shape: Mapping[str, Any]) -> Any:
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": dict(shape)},
    }


def _content(body: bytes, expected: Usage, bill: Bill) -> str:
    """The text of the model's answer, its tokens put on the bill. Raises ValueError."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        raise ValueError("it is not a chat completion") from None
    used = completion.usage
    bill.usage += Usage(used.prompt_tokens, used.completion_tokens) if used else expected
    choice = completion.choices[0]
    if choice.message.refusal:
        raise ValueError(f"the model refused, saying {choice.message.refusal[:200]!r}")
    if choice.finish_reason in ("length", "content_filter"):
        raise ValueError(f"the answer is not whole, its finish_reason is {choice.finish_reason}")
    return choice.message.content or ""


def _charged_nothing(error: APIError) -> bool:
    """Whether the server answered with an error, or was never reached."""
    from httpx2 import ConnectError, ConnectTimeout
    from openai import APIStatusError

    unreached = isinstance(error.__cause__, (ConnectError, ConnectTimeout))
    return unreached or isinstance(error, APIStatusError)


def _trouble_of(error: Exception) -> Trouble | None:
    return error.trouble if isinstance(error, _TryFailedError) else None


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0]
