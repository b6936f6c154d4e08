"""A language model on a machine of one's own, as Ollama and others serve one: no keys, and slow.

    with OwnLLM(structures="none", context=2048) as server:
        OpenAIChat("", "qwen3:8b", server.base_url)
    server.headers      # of each request; server.formats: what was asked to structure its answer

It takes a part of OpenAI's API: `structures` is the surest way that it knows to have an answer in
JSON, and a model that is not told how writes its thoughts and a fence around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.servers.providers.local_server import JSON, Handler, LocalServer
from tests.support.servers.providers.openai_server import answer_lines

_WAYS = ("json_schema", "json_object", "none")
MODEL = "qwen3:8b"


class OwnLLM(LocalServer):
    """A server in threads of this process; `context` is what it says of its model, if anything."""

    def __init__(self, structures: str = "json_schema", context: int | None = None) -> None:
        super().__init__(_Handler)
        self.structures = structures
        self.context = context
        self.headers: list[Mapping[str, str]] = []
        self.formats: list[str] = []
        self.looks = 0
        self.systems: list[str] = []
        self.lines: list[int] = []

    @property
    def base_url(self) -> str:
        """What an SDK is given."""
        return f"{self.origin}/v1"


class _Handler(Handler):
    provider: ClassVar[OwnLLM]

    def do_GET(self) -> None:  # noqa: N802 - the name that the base class calls
        server = self.provider
        server.looks += 1
        about: dict[str, Any] = {"id": MODEL, "object": "model", "owned_by": "library"}
        if server.context:
            about["max_model_len"] = server.context
        self._json(200, {"object": "list", "data": [about]})

    def post(self) -> None:
        server, body = self.provider, json.loads(self.content())
        asked = (body.get("response_format") or {}).get("type", "none")
        server.headers.append({name.lower(): value for name, value in self.headers.items()})
        server.formats.append(asked)
        if _WAYS.index(asked) < _WAYS.index(server.structures):
            self._json(400, {"error": {"message": f"response_format {asked} is not supported"}})
            return
        system, user = (message["content"] for message in body["messages"])
        server.systems.append(system)
        said = answer_lines(json.loads(user))
        server.lines.append(len(said))
        text = json.dumps({"lines": said})
        if asked == "none":
            text = f"<think>{{Let me see.}}</think>Here you are:\n```json\n{text}\n```\nSo?"
        message = {"role": "assistant", "content": text}
        self._json(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def _json(self, status: int, value: Any) -> None:
        self.send(status, {"content-type": JSON}, json.dumps(value).encode())
