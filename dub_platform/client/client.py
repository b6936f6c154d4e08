"""The API's addresses as methods.

    client = DubClient.from_environment()       # DUB_URL, DUB_API_KEY
    client.add("https://youtu.be/dQw4w9WgXcQ", ["es"])["id"]
    client.edit("dQw4w9WgXcQ", "es", 3, "Bon dia.")

Answers are the API's own JSON. Every method raises RefusedError and UnreachableError.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from typing_extensions import Self

from dub_platform.client.errors import RefusedError
from dub_platform.client.retries import Retries

DEFAULT_URL = "http://127.0.0.1:5001"
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
POLL_SECONDS = 2.0
# An upload's answer comes when all of it is taken and stored.
TIMEOUT = httpx.Timeout(30.0, read=600.0, write=600.0)

Answer = dict[str, Any]
Opened = Callable[[Path], AbstractContextManager[BinaryIO]]


class DubClient:
    """One platform. Closes its connections at the end of a `with` block."""

    def __init__(self, url: str, key: str | None = None, retries: Retries | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # A proxy of this machine's cannot reach this machine.
        proxied = httpx.URL(url).host not in _THIS_MACHINE
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, trust_env=proxied)
        self._retries = retries or Retries()

    @classmethod
    def from_environment(cls) -> DubClient:
        """The platform at DUB_URL, with the key in DUB_API_KEY if there is one."""
        return cls(os.environ.get("DUB_URL") or DEFAULT_URL, os.environ.get("DUB_API_KEY"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def add(self, source: str, languages: Sequence[str], *, opened: Opened | None = None) -> Answer:
        """Hand a video in: a file of this machine, or a link. `opened` opens the file."""
        path = Path(source)
        if not path.is_file():
            return self._asked(
                "POST", "/videos", json={"source": source, "languages": [*languages]}
            )
        headers = {"idempotency-key": str(uuid.uuid4())}
        fields = {"languages": ",".join(languages)}

        def send() -> httpx.Response:
            with (opened or _opened)(path) as file:
                files = {"file": (path.name, file)}
                return self._http.post("/videos", files=files, data=fields, headers=headers)

        return self._read(send)

    def video(self, video_id: str) -> Answer:
        """A video with its dubs."""
        return self._asked("GET", f"/videos/{video_id}")

    def videos(self) -> Iterator[Answer]:
        """Every video, the newest first."""
        path: str | None = "/videos?limit=100"
        while path:
            page = self._asked("GET", path)
            yield from page["videos"]
            cursor = page.get("next_cursor")
            path = f"/videos?{httpx.QueryParams(limit=100, cursor=cursor)}" if cursor else None

    def follow(self, video_id: str) -> Iterator[Answer]:
        """The video as it is now and then, until its dubs are released or failed."""
        while True:
            video = self.video(video_id)
            yield video
            if is_over(video):
                return
            time.sleep(POLL_SECONDS)

    def lines(self, video_id: str, language: str) -> Sequence[Answer]:
        """The lines of a dub."""
        lines: Sequence[Answer] = self._asked("GET", _lines(video_id, language))["lines"]
        return lines

    def edit(self, video_id: str, language: str, number: int, text: str) -> Answer:
        """Have a line say this, unless somebody edits it at the same moment."""
        path = f"{_lines(video_id, language)}/{number}"
        read = self._retried("GET", path)
        return self._asked("PUT", path, json={"text": text}, etag=read.headers["etag"])

    def remove(self, video_id: str) -> None:
        """Remove a video with all that was made of it."""
        self._retried("DELETE", f"/videos/{video_id}")

    def _asked(
        self, method: str, path: str, *, json: Answer | None = None, etag: str | None = None
    ) -> Answer:
        answer: Answer = self._retried(method, path, json=json, etag=etag).json()
        return answer

    def _retried(
        self, method: str, path: str, *, json: Answer | None = None, etag: str | None = None
    ) -> httpx.Response:
        headers = {"idempotency-key": str(uuid.uuid4())} if method == "POST" else {}
        if etag:
            headers["if-match"] = etag
        return self._checked(lambda: self._http.request(method, path, json=json, headers=headers))

    def _read(self, send: Callable[[], httpx.Response]) -> Answer:
        answer: Answer = self._checked(send).json()
        return answer

    def _checked(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        answer = self._retries.answer(send)
        if answer.is_error:
            raise RefusedError.of(answer)
        return answer


def is_over(video: Answer) -> bool:
    """Whether nothing of it waits or is under way."""
    ended = [dub["status"] in ("released", "failed") for dub in video["dubs"]]
    return bool(video["status"] == "failed" or all(ended))


def _lines(video_id: str, language: str) -> str:
    return f"/videos/{video_id}/dubs/{language}/lines"


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
