"""OpenAI's chat completions over HTTP, on this machine: `POST /v1/chat/completions`.

    with OpenAIServer(faults=[Fault.BUSY, None, Fault.HALF]) as server:
        AsyncOpenAI(base_url=server.base_url, api_key=server.api_key)
    server.asked    # what it was asked, in order, with what it made of each

A request is held to the documented shape before anything is done with it: fields, roles, the
strict subset of JSON schema. The model behind it knows a few words and leaves the rest as they
are, so a test can say what the answer must be: `render("the house", "es")`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from tests.support.servers.providers.local_server import JSON, Handler, LocalServer

DICTIONARY: Mapping[str, Mapping[str, str]] = {
    "ca": {"the": "la", "house": "casa", "harbor": "port", "father": "pare", "wind": "vent"},
    "eo": {"the": "la", "house": "domo", "harbor": "haveno", "father": "patro", "wind": "vento"},
    "es": {"the": "la", "house": "casa", "harbor": "puerto", "father": "padre", "wind": "viento"},
    "gl": {"the": "a", "house": "casa", "harbor": "porto", "father": "pai", "wind": "vento"},
}
_WORD = re.compile(r"[A-Za-z]+")
_CODE = re.compile(r"\((\w+)\)$")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES = {"developer", "system", "user", "assistant", "tool"}
# The documented fields that a caller of this project may send; a typo must not pass.
_FIELDS = {
    "frequency_penalty",
    "max_completion_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "temperature",
    "top_p",
    "verbosity",
}
_SCHEMA_KEYWORDS = {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
}


class Fault(Enum):
    """What can go wrong with one request."""

    BUSY = "429 without Retry-After"
    BUSY_A_SECOND = "429 with Retry-After: 1"
    NO_CREDIT = "429 that no waiting helps"
    BROKEN = "500"
    GATEWAY = "502 with a proxy's page"
    HANG = "no answer at all"
    DRIP = "a byte now and then"
    HALF = "half of the body, and the connection closed"
    EMPTY = "200 without a body"
    HTML = "200 with a page"
    OTHER_JSON = "200 with JSON that is no chat completion"
    NO_USAGE = "a right answer that does not say its tokens"
    PROSE = "text where JSON was asked for"
    OTHER_SHAPE = "JSON of another shape"
    CUT = "the answer ends at the token limit"
    REFUSAL = "the model refuses"
    NOTHING = "no line at all"
    MISSING = "one line is left out"
    EXTRA = "a line nobody asked for"
    MERGED = "two lines in one, where there are two"
    DOUBLED = "one line twice"
    REORDERED = "the lines in another order"
    EMPTY_LINE = "one line without text"
    ENDLESS_LINE = "one line that never ends"
    TAGGED_LINE = "one line with markup that nobody said"


_LOSING = frozenset({Fault.HANG, Fault.DRIP, Fault.HALF})


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it; `ids` are the lines it was asked for, `named` is what the
    client calls it."""

    request_id: str
    fault: Fault | None
    system: str
    material: Mapping[str, Any]
    ids: tuple[int, ...]
    tokens: tuple[int, int]
    named: str | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the answer was made, and is charged, but never came whole to the client."""
        return self.fault in _LOSING


class RefusedError(Exception):
    """The request is not what the documentation says."""


def random_faults(seed: int, rate: float, kinds: Iterable[Fault]) -> Iterator[Fault | None]:
    """Faults for ever, the same for a seed, at this rate."""
    chance, choices = random.Random(seed), list(kinds)
    while True:
        yield chance.choice(choices) if chance.random() < rate else None


class OpenAIServer(LocalServer):
    """A server in threads of this process. `faults` has one entry for each request to come."""

    api_key = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz"

    def __init__(self, faults: Iterable[Fault | None] = ()) -> None:
        super().__init__(_Handler)
        self._faults = iter(faults)
        self._asked: list[Asked] = []

    @property
    def base_url(self) -> str:
        """What an SDK is given."""
        return f"{self.origin}/v1"

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The requests that were as documented, in the order they came."""
        with self._lock:
            return tuple(self._asked)

    def script(self, *faults: Fault | None) -> None:
        """What happens to the next requests; after them all is well."""
        with self._lock:
            self._faults = iter(faults)

    def note(self, body: Mapping[str, Any], named: str | None = None) -> Asked:
        """Note the request in the account, with its fault."""
        system = "\n".join(m["content"] for m in body["messages"] if m["role"] == "system")
        user = [m["content"] for m in body["messages"] if m["role"] == "user"][-1]
        material = json.loads(user)
        ids = tuple(entry["id"] for entry in material["lines"] if "id" in entry)
        with self._lock:
            asked = Asked(
                request_id=f"req_{len(self._asked) + 1:04d}",
                fault=next(self._faults, None),
                system=system,
                material=material,
                ids=ids,
                tokens=(_tokens(system + user), _tokens(json.dumps(answer_lines(material)))),
                named=named,
            )
            self._asked.append(asked)
        return asked


def render(text: str, language: str) -> str:
    """Return what the model writes for a text: the words it knows, each with the capital it had."""
    words = DICTIONARY.get(language, {})

    def word(found: re.Match[str]) -> str:
        known = words.get(found[0].lower(), found[0])
        return known.capitalize() if found[0][0].isupper() and known != found[0] else known

    return _WORD.sub(word, text)


def answer_lines(material: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the right answer: each line with an id, translated, or its draft cut at a word."""
    found = _CODE.search(material["into"])
    language = found[1] if found else ""
    return [
        {"id": entry["id"], "text": _text(entry, language, material)}
        for entry in material["lines"]
        if "id" in entry
    ]


def _text(entry: Mapping[str, Any], language: str, material: Mapping[str, Any]) -> str:
    if "draft" in entry:
        short: str = entry["draft"][: entry["characters"]]
        return short.rsplit(" ", 1)[0]
    text = render(entry["text"], language)
    for term in material["glossary"]:
        if term["write"] is not None:
            was = render(term["term"], language)
            text = re.sub(re.escape(was), term["write"], text, flags=re.IGNORECASE)
    return text


def _spoilt(lines: list[dict[str, Any]], fault: Fault | None) -> list[dict[str, Any]]:
    """The right lines with this fault in them."""
    if not lines or fault is None:
        return lines
    middle = len(lines) // 2
    line, before, after = lines[middle], lines[:middle], lines[middle + 1 :]
    if fault is Fault.NOTHING:
        return []
    if fault is Fault.MISSING:
        return before + after
    if fault is Fault.MERGED and before:
        last = {**before[-1], "text": f"{before[-1]['text']} {line['text']}"}
        return [*before[:-1], last, *after]
    added = {
        Fault.EXTRA: [line, {"id": 1000, "text": "Nobody asked."}],
        Fault.DOUBLED: [line, {**line, "text": "Something else."}],
        Fault.EMPTY_LINE: [{**line, "text": " \n"}],
        Fault.ENDLESS_LINE: [{**line, "text": line["text"] + " bla" * 1000}],
        Fault.TAGGED_LINE: [{**line, "text": f'<break time="60s"/> {line["text"]}'}],
    }
    if fault is Fault.REORDERED:
        return lines[::-1]
    return [*before, *added.get(fault, [line]), *after]


def _completion(asked: Asked, model: str) -> dict[str, Any]:
    """The documented answer to a request, with the fault in it that belongs there."""
    text = json.dumps({"lines": _spoilt(answer_lines(asked.material), asked.fault)})
    content = {
        Fault.PROSE: "Here are your translations!",
        Fault.OTHER_SHAPE: '{"translations": ["Hola."]}',
        Fault.CUT: text[: len(text) // 2],
        Fault.REFUSAL: None,
    }
    refusal = "I'm sorry, I can't help with that." if asked.fault is Fault.REFUSAL else None
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content.get(asked.fault, text) if asked.fault else text,
        "refusal": refusal,
        "annotations": [],
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "length" if asked.fault is Fault.CUT else "stop",
    }
    completion = {
        "id": f"chatcmpl-{asked.request_id}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{model}-2026-03-17",
        "choices": [choice],
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
    }
    return completion if asked.fault is Fault.NO_USAGE else {**completion, "usage": _usage(asked)}


def _usage(asked: Asked) -> dict[str, Any]:
    prompt, completion = asked.tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def _error(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refuse_wrong(body: Any) -> None:
    """Raise RefusedError, as the API answers 400, for a body that is not as documented."""
    if not isinstance(body, dict):
        raise RefusedError("We could not parse the JSON body of your request.")
    if unknown := set(body) - _FIELDS:
        raise RefusedError(f"Unrecognized request argument supplied: {sorted(unknown)[0]}")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise RefusedError("you must provide a model parameter")
    _refuse_wrong_messages(body.get("messages"))
    _refuse_wrong_format(body.get("response_format"))


def _refuse_wrong_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise RefusedError("Missing required parameter: 'messages'.")
    for number, message in enumerate(messages):
        said = message if isinstance(message, dict) else {}
        if said.get("role") not in _ROLES or not isinstance(said.get("content"), str):
            raise RefusedError(f"Invalid value in messages[{number}].")


def _refuse_wrong_format(response_format: Any) -> None:
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        raise RefusedError("Invalid value: 'response_format.type'.")
    given = response_format.get("json_schema", {})
    if not _NAME.fullmatch(str(given.get("name", ""))):
        raise RefusedError("Invalid 'response_format.json_schema.name'.")
    if given.get("strict") is not True:
        raise RefusedError("This model of the tests answers in strict mode only.")
    if given.get("schema", {}).get("type") != "object":
        raise RefusedError("Invalid schema: the root must be of type 'object'.")
    _refuse_wrong_schema(given["schema"])


def _refuse_wrong_schema(schema: Mapping[str, Any]) -> None:
    """Strict mode's subset: all properties required, nothing else allowed, known keywords."""
    if unknown := set(schema) - _SCHEMA_KEYWORDS:
        raise RefusedError(f"Invalid schema: {sorted(unknown)[0]!r} is not permitted.")
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            raise RefusedError("Invalid schema: 'additionalProperties' must be false.")
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            raise RefusedError("Invalid schema: 'required' must have every property.")
    inner = [schema["items"]] if "items" in schema else []
    for each in [*schema.get("properties", {}).values(), *inner]:
        _refuse_wrong_schema(each)


class _Handler(Handler):
    provider: ClassVar[OpenAIServer]

    def post(self) -> None:
        raw = self.content()
        if self.path != "/v1/chat/completions":
            self._json(404, _error("Unknown request URL.", "invalid_request_error"))
        elif self.headers.get("authorization") != f"Bearer {self.provider.api_key}":
            self._wrong_key()
        else:
            self._complete(raw)

    def _wrong_key(self) -> None:
        # OpenAI masks most of it; other servers quote it whole.
        said = self.headers.get("authorization", "").removeprefix("Bearer ")
        message = f"Incorrect API key provided: {said}."
        self._json(401, _error(message, "invalid_request_error", "invalid_api_key"), "req_denied")

    def _complete(self, raw: bytes) -> None:
        try:
            body = json.loads(raw)
            refuse_wrong(body)
        except (ValueError, RefusedError) as error:
            self._json(400, _error(str(error), "invalid_request_error"), "req_refused")
            return
        asked = self.provider.note(body, self.headers.get("x-client-request-id"))
        self._answer(asked, json.dumps(_completion(asked, body["model"])).encode())

    def _answer(self, asked: Asked, body: bytes) -> None:
        headers = {"content-type": JSON, "x-request-id": asked.request_id}
        if self._answer_fault(asked):
            return
        if asked.fault is Fault.HANG:
            self.provider.ended.wait()
        elif asked.fault is Fault.DRIP:
            self.drip(headers, body)
        elif asked.fault is Fault.HALF:
            self.send_half(headers, body)
        else:
            self.send(200, headers, body)

    def _answer_fault(self, asked: Asked) -> bool:
        """Send the fault if it is an answer of its own; return whether it was."""
        busy = _error("Rate limit reached for requests.", "requests", "rate_limit_exceeded")
        no_credit = _error("You exceeded your quota.", "insufficient_quota", "insufficient_quota")
        broken = _error("The server had an error.", "server_error")
        page = b"<html><body><h1>Welcome</h1></body></html>"
        answers: dict[Fault, tuple[int, str, bytes]] = {
            Fault.BUSY: (429, JSON, json.dumps(busy).encode()),
            Fault.BUSY_A_SECOND: (429, JSON, json.dumps(busy).encode()),
            Fault.NO_CREDIT: (429, JSON, json.dumps(no_credit).encode()),
            Fault.BROKEN: (500, JSON, json.dumps(broken).encode()),
            Fault.GATEWAY: (502, "text/html", b"<html>502 Bad Gateway</html>"),
            Fault.EMPTY: (200, JSON, b""),
            Fault.HTML: (200, "text/html", page),
            Fault.OTHER_JSON: (200, JSON, b'{"status": "ok"}'),
        }
        if asked.fault not in answers:
            return False
        status, kind, body = answers[asked.fault]
        after = {"retry-after": "1"} if asked.fault is Fault.BUSY_A_SECOND else {}
        self.send(status, {"content-type": kind, "x-request-id": asked.request_id, **after}, body)
        return True

    def _json(self, status: int, value: Any, request_id: str = "req_none") -> None:
        headers = {"content-type": JSON, "x-request-id": request_id}
        self.send(status, headers, json.dumps(value).encode())
