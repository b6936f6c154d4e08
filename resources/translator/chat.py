"""A chat model that answers in JSON of a given shape, at OpenAI or any server that speaks its API.

    chat = OpenAIChat(api_key, model="gpt-5.4-mini")
    texts = chat.answer("lines 1-40 in es", Question(system, user, schema), texts_of, price, bill)

The API is `POST /chat/completions` with structured outputs, which vLLM, Ollama, llama.cpp and most
gateways speak as well. Only the fields that all models take are sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, Field, ValidationError

from dub_platform.core.errors import ProviderError
from dub_platform.core.service.addresses import is_openai
from dub_platform.core.service.cost import CHARACTERS_PER_TOKEN
from resources.providers.openai_api import OPENAI_URL, SDK, OpenAIApi, Reply, read_key
from resources.providers.paid_once import Bill
from resources.system.calls import (
    CallFailedError,
    CallFailure,
    CallPolicy,
    ProviderCalls,
    may_be_charged,
)

T = TypeVar("T")

_log = structlog.get_logger(__name__)

# A page of lines takes a model a minute at times, and one that reasons first takes longer.
PATIENT = CallPolicy(try_seconds=120.0, deadline_seconds=300.0)
# Ways to have an answer in JSON, from the surest one to asking for it in words alone.
FORMATS = ("json_schema", "json_object", "none")
# What a server says of the field where it does not know it, in its own words.
_OF_THE_FORMAT = re.compile(r"response_format|json_object|schema|grammar", re.IGNORECASE)
_CANNOT = frozenset({400, 415, 422, 501})
# What vLLM, OpenRouter, LM Studio and llama.cpp call the tokens that a model takes at once.
_CONTEXT = (
    "max_model_len",
    "context_length",
    "loaded_context_length",
    "max_context_length",
    "n_ctx",
)
_LOOK = CallPolicy(tries=1, try_seconds=10.0, deadline_seconds=10.0)
# What models that reason write before they answer.
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
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
        """Tell what this many tokens cost."""
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

    def estimate_usage(self, answers: int) -> Usage:
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

    A server that refuses structured output is asked once in a plainer way, which is logged and
    then kept to.

    Raises EngineUnavailableError for what can be no key.
    """

    def __init__(
        self,
        api_key: str,
        model: str,
        base_url: str = OPENAI_URL,
        policy: CallPolicy = PATIENT,
        *,
        key_setting: str = "OPENAI_API_KEY",
    ) -> None:
        self._api = OpenAIApi(read_key(api_key, key_setting, base_url), base_url)
        self.provider = self._api.provider
        self.engine = f"{model} ({self._api.host})"
        self.model = model
        self._format = FORMATS[0]
        self._calls = ProviderCalls(self.provider, policy, SDK)

    @property
    def structures(self) -> str:
        """How the server is asked for JSON, as far as it is known: one of FORMATS."""
        return self._format

    @cached_property
    def context_tokens(self) -> int | None:
        """How many tokens the model reads and writes at once; None where its server, or OpenAI,
        does not say. It is asked once."""
        if is_openai(self._api.base_url):
            return None
        try:
            most = ProviderCalls(self.provider, _LOOK, SDK).call(
                "what its models can do", self._look
            )
        except ProviderError:
            most = None
        _log.info("server tells its context", provider=self.provider, model=self.model, tokens=most)
        return most

    async def _look(self) -> int | None:
        async with self._api.client() as client:
            raw = await client.models.with_raw_response.list()
            return _read_context(Reply.of(raw).body, self.model)

    def answer(
        self,
        what: str,
        question: Question,
        read: Callable[[str], T],
        price: TokenPrice,
        bill: Bill,
        answers: int = 1,
    ) -> T:
        """Tell what `read` makes of the model's answer; `bill` is added to whatever happens.

        `read` raises ValueError for an answer that is no good, which is then asked for again.
        Raises ProviderRefusedError, ProviderBusyError, ProviderUnavailableError,
        ProviderAnswerError.
        """

        expected = question.estimate_usage(answers)

        async def request() -> T:
            try:
                reply = await self._complete(question)
            except BaseException as error:
                if may_be_charged(error):
                    bill.guess(expected.tokens, price.usd(expected))
                raise
            bill.request_id = reply.request_id
            try:
                return read(_read_content(reply.body, expected, price, bill))
            except ValueError as error:
                raise self._api.no_answer(what, reply, error) from error

        return self._calls.call(what, request)

    async def _complete(self, question: Question) -> Reply:
        for way in FORMATS[FORMATS.index(self._format) :]:
            try:
                reply = await self._post(question, way)
            except CallFailedError as failure:
                if way == FORMATS[-1] or not _is_of_the_format(failure.trouble):
                    raise
                _log.info(
                    "server does not structure answers so",
                    provider=self.provider,
                    model=self.model,
                    response_format=way,
                )
            else:
                self._format = way
                return reply
        raise AssertionError("the last way is either answered or raised")

    async def _post(self, question: Question, way: str) -> Reply:
        from openai import omit

        in_words = "" if way == FORMATS[0] else _describe(question.shape)
        async with self._api.client() as client:
            raw = await client.chat.completions.with_raw_response.create(
                model=self.model,
                messages=[
                    {"role": "system", "content": question.system + in_words},
                    {"role": "user", "content": question.user},
                ],
                response_format=omit if way == "none" else _response_format(question.shape, way),
            )
            return Reply.of(raw)


def _read_context(body: bytes, model: str) -> int | None:
    """Return the context of a model in the answer of `GET /models`, wherever its server has it."""
    try:
        listed = json.loads(body)["data"]
        (about,) = [each for each in listed if each["id"] == model] or listed[:1]
        told = [each.get(name) for each in (about, about.get("meta") or {}) for name in _CONTEXT]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return next((each for each in told if isinstance(each, int) and each > 0), None)


def _is_of_the_format(trouble: CallFailure) -> bool:
    """Whether a server refused the field that asks for JSON, and not the question."""
    return trouble.status in _CANNOT and bool(_OF_THE_FORMAT.search(trouble.words))


def _describe(shape: Mapping[str, Any]) -> str:
    return f"Answer with one JSON object and nothing else, in this schema: {json.dumps(shape)}\n"


def _response_format(shape: Mapping[str, Any], way: str) -> Any:
    if way == "json_object":
        return {"type": way}
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": dict(shape)},
    }


def _read_content(body: bytes, expected: Usage, price: TokenPrice, bill: Bill) -> str:
    """Return the text of the model's answer, its tokens put on the bill. Raises ValueError."""
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
    return _find_json(choice.message.content or "")


def _find_json(content: str) -> str:
    """Return the JSON object in an answer, without thoughts before it and a fence or words around
    it."""
    said = _THOUGHT.sub("", content)
    first, last = said.find("{"), said.rfind("}")
    return said[first : last + 1] if 0 <= first < last else said
