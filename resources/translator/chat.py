"""A chat model that answers in JSON of a given shape, at OpenAI or any server that speaks its API.

    chat = OpenAIChat(api_key, model="gpt-5.4-mini")
    texts = chat.answer("lines 1-40 in es", Question(system, user, schema), texts_of, price, bill)

The API is `POST /chat/completions` with structured outputs, which vLLM, Ollama, llama.cpp and most
gateways speak as well. Only the fields that all models take are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from dub_platform.core.cost import CHARACTERS_PER_TOKEN
from resources.providers.api_key import ProviderKey
from resources.providers.openai_api import OPENAI_URL, SDK, OpenAIApi, Reply
from resources.providers.paid_once import Bill
from resources.system.calls import CallPolicy, Calls, may_be_charged

T = TypeVar("T")

# A page of lines takes a model a minute at times, and one that reasons first takes longer.
PATIENT = CallPolicy(try_seconds=120.0, deadline_seconds=300.0)
# Quotes and braces around each line of an answer, in tokens.
_FRAME_TOKENS = 12


@dataclass(frozen=True)
class Usage:
    """Tokens, as the provider counts and bills them."""

    input_tokens: int = 0
    output_tokens: int = 0

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


class OpenAIChat:
    """One model at one server. It keeps nothing open between calls.

    Raises EngineUnavailableError for what can be no key.
    """

    def __init__(
        self, api_key: str, model: str, base_url: str = OPENAI_URL, policy: CallPolicy = PATIENT
    ) -> None:
        self._api = OpenAIApi(ProviderKey(api_key, "OPENAI_API_KEY"), base_url)
        self.provider = self._api.provider
        self.engine = f"{model} ({self._api.host})"
        self.model = model
        self._calls = Calls(self.provider, policy, SDK)

    def answer(
        self,
        what: str,
        question: Question,
        read: Callable[[str], T],
        price: TokenPrice,
        bill: Bill,
        answers: int = 1,
    ) -> T:
        """What `read` makes of the model's answer; `bill` is added to whatever happens.

        `read` raises ValueError for an answer that is no good, which is then asked for again.
        Raises ProviderRefusedError, ProviderBusyError, ProviderUnavailableError,
        ProviderAnswerError.
        """

        expected = question.expected(answers)

        async def request() -> T:
            try:
                reply = await self._completed(question)
            except BaseException as error:
                if may_be_charged(error):
                    bill.guess(expected.tokens, price.usd(expected))
                raise
            bill.request_id = reply.request_id
            try:
                return read(_content(reply.body, expected, price, bill))
            except ValueError as error:
                raise self._api.no_answer(what, reply, error) from error

        return self._calls.made(what, request)

    async def _completed(self, question: Question) -> Reply:
        async with self._api.client() as client:
            raw = await client.chat.completions.with_raw_response.create(
                model=self.model,
                messages=[
                    {"role": "system", "content": question.system},
                    {"role": "user", "content": question.user},
                ],
                response_format=_response_format(question.shape),
            )
            return Reply.of(raw)


def _response_format(shape: Mapping[str, Any]) -> Any:
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": dict(shape)},
    }


def _content(body: bytes, expected: Usage, price: TokenPrice, bill: Bill) -> str:
    """The text of the model's answer, its tokens put on the bill. Raises ValueError."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        raise ValueError("it is not a chat completion") from None
    used = completion.usage
    usage = Usage(used.prompt_tokens, used.completion_tokens) if used else expected
    bill.charge(usage.tokens, price.usd(usage))
    choice = completion.choices[0]
    if choice.message.refusal:
        raise ValueError(f"the model refused, saying {choice.message.refusal[:200]!r}")
    if choice.finish_reason in ("length", "content_filter"):
        raise ValueError(f"the answer is not whole, its finish_reason is {choice.finish_reason}")
    return choice.message.content or ""
