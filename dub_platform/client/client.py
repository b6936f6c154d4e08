"""The API's operations as methods; their answers have the shapes of `answers.py`.

    client = DubClient.from_environment()       # DUB_URL, DUB_API_KEY
    client.add("https://youtu.be/dQw4w9WgXcQ", ["es"])["id"]
    client.edit("dQw4w9WgXcQ", "es", 3, "Bon dia.")

Answers are the API's own JSON. Every method raises RefusedError and UnreachableError.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import httpx
from typing_extensions import Self

from dub_platform.client import answers, following
from dub_platform.client.answers import DubAnswer, LineAnswer, ScriptAnswer, VideoAnswer
from dub_platform.client.errors import LineChangedError, RefusedError, WrongUseError
from dub_platform.client.retries import Retries
from dub_platform.client.stream import Event, listen

DEFAULT_URL = "http://127.0.0.1:5001"
# As many lines as one request may edit.
MOST_EDITS = 200
_PAGE = 100
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
# Long, because the answer to an upload comes after all of it is stored.
TIMEOUT = httpx.Timeout(30.0, read=600.0, write=600.0)
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_ADDRESS = re.compile(r"https?://|(?:[a-z]+\.)?youtu(?:\.be|be\.com)/", re.IGNORECASE)
# Short enough to type; that a line's next text has the same tag is one chance in 16 million.
_TAG_LENGTH = 6

Answer = Mapping[str, Any]
Glossary = Mapping[str, Mapping[str, str] | None]
Opened = Callable[[Path], AbstractContextManager[BinaryIO]]


class DubClient:
    """A client of one platform. A `with` block closes its connections."""

    def __init__(self, url: str, key: str | None = None, retries: Retries | None = None) -> None:
        address = _address(url)
        headers = {"authorization": f"Bearer {key.strip()}"} if key else {}
        # A proxy configured on this machine cannot reach this machine's own addresses.
        self._proxied = address.host not in _THIS_MACHINE
        self._http = httpx.Client(
            base_url=address, headers=headers, timeout=TIMEOUT, trust_env=self._proxied
        )
        self._retries = retries or Retries()

    @classmethod
    def from_environment(cls, retries: Retries | None = None) -> DubClient:
        """Make a client for the platform at DUB_URL, with the key in DUB_API_KEY if there is
        one."""
        url = os.environ.get("DUB_URL") or DEFAULT_URL
        return cls(url, os.environ.get("DUB_API_KEY"), retries)

    @property
    def url(self) -> str:
        """The platform's address."""
        return str(self._http.base_url).rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # Videos

    def add(
        self,
        source: str,
        languages: Sequence[str],
        *,
        captions: Path | None = None,
        title: str | None = None,
        source_language: str | None = None,
        glossary: Glossary | None = None,
        formality: str | None = None,
        visibility: str | None = None,
        opened: Opened | None = None,
    ) -> VideoAnswer:
        """Submit a video: a file of this machine, or a link. `opened` opens the file."""
        fields = _fields(source_language, glossary, formality, visibility)
        return cast(VideoAnswer, self._submit(source, languages, captions, title, fields, opened))

    def estimate(
        self, source: str, languages: Sequence[str], *, source_language: str | None = None
    ) -> answers.Quote:
        """Return the cost of dubbing this into these languages; nothing is submitted."""
        fields = {**_fields(source_language, None, None, None), "dry_run": True}
        return cast(answers.Quote, self._submit(source, languages, None, None, fields, None))

    def video(self, video_id: str) -> VideoAnswer:
        """Return a video with its dubs."""
        return cast(VideoAnswer, self._request_json("GET", _video(video_id)))

    def videos(
        self,
        *,
        status: str | None = None,
        language: str | None = None,
        dub_status: str | None = None,
        search: str | None = None,
        order: str | None = None,
        limit: int = _PAGE,
    ) -> Iterator[answers.VideoRow]:
        """Yield every video that matches, newest first; requested in pages of `limit`."""
        narrowed = {
            "status": status,
            "language": language,
            "dub_status": dub_status,
            "search": search,
            "order": order,
        }
        return self._list_pages("/videos", "videos", narrowed, limit)

    def show_to(self, video_id: str, visibility: str) -> VideoAnswer:
        """Let everybody watch a video (`public`), or only holders of a signed link (`signed`)."""
        body = {"visibility": visibility}
        return cast(VideoAnswer, self._request_json("PATCH", _video(video_id), body=body))

    def rename(self, video_id: str, title: str) -> VideoAnswer:
        """Change the title of a video."""
        return cast(
            VideoAnswer, self._request_json("PATCH", _video(video_id), body={"title": title})
        )

    def remove(self, video_id: str) -> None:
        """Remove a video with everything made of it."""
        self._request("DELETE", _video(video_id))

    def events(self, video_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield a video's events after this one, until no work on it waits or runs.

        A broken connection is made again, as often as needed.
        """
        path = f"{_video(video_id)}/events"
        return listen(self._http, path, self._retries.endless, after=after)

    def follow(self, video_id: str, languages: Collection[str] = ()) -> Iterator[VideoAnswer]:
        """Yield the video each time it changes, until its dubs in these languages (or all) have
        ended.

        It listens to events instead of polling, however long it takes, and through restarts of the
        platform.
        """
        after = 0
        for rounds in itertools.count(1):
            video = cast(VideoAnswer, self._request_patiently("GET", _video(video_id)).json())
            yield video
            if following.is_over(video, languages):
                return
            for event in self.events(video_id, after=after):
                after = event["id"]
                if following.apply(event, video):
                    yield video
                if following.is_over(video, languages):
                    break
            # Read the final state instead of building it from events: dubs may have been requested
            # again meanwhile.
            self._retries.breathe(rounds)

    def wait(self, video_id: str, languages: Collection[str] = ()) -> VideoAnswer:
        """Return the video once its dubs in these languages, or all, are released or failed."""
        *_, video = self.follow(video_id, languages)
        return video

    def languages(self, source_language: str | None = None) -> answers.LanguagesAnswer:
        """Return the languages that a video can be dubbed into here."""
        query = {"source_language": source_language}
        return cast(answers.LanguagesAnswer, self._request_json("GET", "/languages", query=query))

    # Dubs

    def dub(self, video_id: str, language: str) -> DubAnswer:
        """Return a dub; with addresses and numbers once it is released."""
        return cast(DubAnswer, self._request_json("GET", _dub(video_id, language)))

    def ask(
        self,
        video_id: str,
        language: str,
        *,
        glossary: Glossary | None = None,
        formality: str | None = None,
    ) -> DubAnswer:
        """Request a dub: a new one, one that failed, or one in another wording."""
        body = _fields(None, glossary, formality, None)
        return cast(DubAnswer, self._request_json("PUT", _dub(video_id, language), body=body))

    def remove_dub(self, video_id: str, language: str) -> None:
        """Remove a dub with everything made of it; the video and its other dubs stay."""
        self._request("DELETE", _dub(video_id, language))

    def estimate_dub(self, video_id: str, language: str) -> answers.Quote:
        """Return the cost of dubbing a video into one more language; nothing is requested."""
        path, query = _dub(video_id, language), {"dry_run": "true"}
        return cast(answers.Quote, self._request_json("PUT", path, query=query))

    def captions(
        self, video_id: str, language: str, kind: str = "srt", *, of_source: bool = False
    ) -> str:
        """Return the captions of a released dub, or of the original speech."""
        dub = self.dub(video_id, language)
        of_dub = dub.get("captions_urls", {})
        urls = dub.get("source_captions_urls", {}) if of_source else of_dub
        if kind not in urls:
            there = ", ".join(urls) or "none before it is released"
            raise WrongUseError(
                f"There are no captions of {video_id} in {language} as {kind}: there is {there}."
            )
        return self.file(urls[kind]).decode()

    def file(self, address: str) -> bytes:
        """Download a released file by an address from an answer."""

        def send() -> httpx.Response:
            # Without the API key, because the address may be a bucket of somebody else.
            url = self._http.base_url.join(address)
            return httpx.get(url, timeout=TIMEOUT, trust_env=self._proxied, follow_redirects=True)

        return self._send_checked(send, self._retries).content

    # Lines

    def lines(self, video_id: str, language: str) -> list[LineAnswer]:
        """Return the lines of a dub."""
        return self.script(video_id, language)["lines"]

    def script(self, video_id: str, language: str) -> ScriptAnswer:
        """Return the lines of a dub, and the edits that are kept but not applied."""
        return cast(ScriptAnswer, self._request_json("GET", _lines(video_id, language)))

    def line(self, video_id: str, language: str, number: int) -> LineAnswer:
        """Return one line of a dub."""
        return cast(LineAnswer, self._request_json("GET", f"{_lines(video_id, language)}/{number}"))

    def take(self, video_id: str, language: str, number: int, text: str | None = None) -> bytes:
        """Return the sound of a line of the release, or of a draft that was spoken, as FLAC."""
        query = f"?text={quote(text, safe='')}" if text else ""
        return self._request("GET", f"{_lines(video_id, language)}/{number}/take{query}").content

    def speak(
        self, video_id: str, language: str, number: int, text: str | None = None
    ) -> answers.TakeAnswer:
        """Have a line spoken in the words of a draft; nothing is published."""
        path = f"{_lines(video_id, language)}/{number}/take"
        return cast(
            answers.TakeAnswer, self._request_json("POST", path, body=_without_none(text=text))
        )

    def edit(
        self, video_id: str, language: str, number: int, text: str, *, tag: str | None = None
    ) -> LineAnswer:
        """Set the text of a line, if the line still has the text it had with this tag (`tag_of`).

        Without a tag, the line's present text is assumed. Raises LineChangedError.
        """
        return self._write_line("PUT", video_id, language, number, {"text": text}, tag)

    def revert(
        self, video_id: str, language: str, number: int, *, tag: str | None = None
    ) -> LineAnswer:
        """Set a line back to its translation; conditions as for `edit`."""
        return self._write_line("DELETE", video_id, language, number, None, tag)

    def edit_lines(
        self,
        video_id: str,
        language: str,
        texts: Mapping[int, str | None],
        *,
        tags: Mapping[int, str] | None = None,
    ) -> ScriptAnswer:
        """Edit several lines, MOST_EDITS at a time; None sets a line back to its translation.

        Each line must still have the text it had with its tag. Raises LineChangedError.
        """
        self._patch_lines(_lines(video_id, language), texts, tags)
        return self.script(video_id, language)

    # What is said in a video

    def said(self, video_id: str) -> answers.SourceAnswer:
        """Return the lines spoken in a video, with the recogniser's confidence."""
        return cast(answers.SourceAnswer, self._request_json("GET", f"{_video(video_id)}/lines"))

    def said_line(self, video_id: str, number: int) -> answers.SourceLineAnswer:
        """Return one line spoken in a video."""
        path = f"{_video(video_id)}/lines/{number}"
        return cast(answers.SourceLineAnswer, self._request_json("GET", path))

    def correct(
        self, video_id: str, number: int, text: str, *, tag: str | None = None
    ) -> answers.SourceLineAnswer:
        """Correct the text of a spoken line; conditions as for `edit`. Dubs become stale."""
        path, seen = f"{_video(video_id)}/lines/{number}", {number: tag}
        changed = self._write_unchanged("PUT", path, {"text": text}, seen)
        return cast(answers.SourceLineAnswer, changed)

    def correct_lines(
        self,
        video_id: str,
        texts: Mapping[int, str | None],
        *,
        tags: Mapping[int, str] | None = None,
    ) -> answers.SourceAnswer:
        """Correct several spoken lines, as `edit_lines` does; None undoes a correction."""
        self._patch_lines(f"{_video(video_id)}/lines", texts, tags)
        return self.said(video_id)

    def uncorrect(
        self, video_id: str, number: int, *, tag: str | None = None
    ) -> answers.SourceLineAnswer:
        """Undo the correction of a spoken line."""
        path, seen = f"{_video(video_id)}/lines/{number}", {number: tag}
        return cast(answers.SourceLineAnswer, self._write_unchanged("DELETE", path, None, seen))

    def caption(self, video_id: str, captions: Path) -> VideoAnswer:
        """Replace what was recognised in a video by captions."""
        _require_captions(captions)

        def send() -> httpx.Response:
            with captions.open("rb") as file:
                files = {"captions": (captions.name, file)}
                return self._http.put(f"{_video(video_id)}/captions", files=files)

        return cast(VideoAnswer, _json(self._send_checked(send, self._retries)))

    def name_language(self, video_id: str, source_language: str) -> VideoAnswer:
        """Set the language spoken in a video; it is recognised again."""
        body = {"source_language": source_language}
        return cast(VideoAnswer, self._request_json("PATCH", _video(video_id), body=body))

    def believe(self, video_id: str) -> VideoAnswer:
        """Have a video dubbed as it was recognised, although the recogniser is unsure."""
        return cast(
            VideoAnswer, self._request_json("PATCH", _video(video_id), body={"believe": True})
        )

    # Channels, keys and webhooks

    def channels(self) -> Iterator[answers.ChannelRow]:
        """Yield the channels that videos came from."""
        return self._list_pages("/channels", "channels")

    def channel(self, channel_id: str) -> answers.ChannelAnswer:
        """Return a channel with its glossary and formality."""
        return cast(answers.ChannelAnswer, self._request_json("GET", _channel(channel_id)))

    def word_channel(
        self,
        channel_id: str,
        *,
        title: str | None = None,
        glossary: Glossary | None = None,
        formality: str | None = None,
    ) -> answers.ChannelAnswer:
        """Set the wording for dubs of a channel's videos; what is left out stays."""
        body = {**_fields(None, glossary, formality, None), **_without_none(title=title)}
        return cast(
            answers.ChannelAnswer, self._request_json("PUT", _channel(channel_id), body=body)
        )

    def keys(self) -> Iterator[answers.KeyAnswer]:
        """Yield the tenant's API keys, newest first."""
        return self._list_pages("/keys", "keys")

    def make_key(
        self,
        name: str = "",
        *,
        scopes: Sequence[str] | None = None,
        expires_at: str | None = None,
    ) -> answers.NewKeyAnswer:
        """Create an API key; only this answer shows it."""
        body = _without_none(name=name, scopes=scopes, expires_at=expires_at)
        return cast(answers.NewKeyAnswer, self._request_json("POST", "/keys", body=body))

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key: it is refused from now on."""
        self._request("DELETE", f"/keys/{quote(key_id, safe='')}")

    def webhooks(self) -> Iterator[answers.WebhookAnswer]:
        """Yield the webhooks, oldest first."""
        return self._list_pages("/webhooks", "webhooks")

    def webhook(self, webhook_id: str) -> answers.WebhookAnswer:
        """Return one webhook."""
        return cast(answers.WebhookAnswer, self._request_json("GET", _webhook(webhook_id)))

    def add_webhook(
        self, url: str, *, events: Sequence[str] = (), secret: str | None = None
    ) -> answers.WebhookAnswer:
        """Create a webhook for this address; only this answer shows the secret."""
        body = _without_none(url=url, events=events or None, secret=secret)
        return cast(answers.WebhookAnswer, self._request_json("POST", "/webhooks", body=body))

    def remove_webhook(self, webhook_id: str) -> None:
        """Delete a webhook: its address gets no more messages."""
        self._request("DELETE", _webhook(webhook_id))

    def test_webhook(self, webhook_id: str) -> answers.DeliveryAnswer:
        """Send a test message to a webhook."""
        return cast(
            answers.DeliveryAnswer, self._request_json("POST", f"{_webhook(webhook_id)}/test")
        )

    def deliveries(
        self, webhook_id: str, *, state: str | None = None
    ) -> Iterator[answers.DeliveryAnswer]:
        """Yield the messages to a webhook, newest first."""
        path = f"{_webhook(webhook_id)}/deliveries"
        return self._list_pages(path, "deliveries", {"state": state})

    def delivery(self, webhook_id: str, delivery_id: str) -> answers.DeliveryAnswer:
        """Return a message with the state of its delivery."""
        path = _delivery(webhook_id, delivery_id)
        return cast(answers.DeliveryAnswer, self._request_json("GET", path))

    def redeliver(self, webhook_id: str, delivery_id: str) -> answers.DeliveryAnswer:
        """Send a message again."""
        path = f"{_delivery(webhook_id, delivery_id)}/redeliver"
        return cast(answers.DeliveryAnswer, self._request_json("POST", path))

    # The platform

    def health(self) -> answers.AliveAnswer:
        """Return an answer if the process lives."""
        return cast(answers.AliveAnswer, self._request_json("GET", "/health"))

    def ready(self) -> answers.ReadyAnswer:
        """Return the health of every part, also if one does not work."""
        answer = Retries(tries=1).answer(lambda: self._http.get("/ready"))
        is_told = answer.headers.get("content-type", "").startswith("application/json")
        return cast(answers.ReadyAnswer, _json(answer if is_told else _require_good(answer)))

    def version(self) -> answers.VersionAnswer:
        """Return the build that answers."""
        return cast(answers.VersionAnswer, self._request_json("GET", "/version"))

    def metrics(self) -> str:
        """Return the metrics of the process that answers, in Prometheus' format."""
        return self._request("GET", "/metrics").text

    def contract(self) -> Answer:
        """Return the contract, as OpenAPI."""
        return self._request_json("GET", "/openapi.json")

    def _submit(
        self,
        source: str,
        languages: Sequence[str],
        captions: Path | None,
        title: str | None,
        fields: Answer,
        opened: Opened | None,
    ) -> Answer:
        path = Path(source)
        if path.is_file():
            form = {name: _form_field(value) for name, value in fields.items()}
            form |= {"languages": ",".join(languages), **_without_none(title=title)}
            return self._upload(path, captions, form, opened or _open)
        _require_link(source)
        if captions or title:
            raise WrongUseError(
                "Captions and a title go with a file: a link's are those of its page."
            )
        body = {"source": source, "languages": [*languages], **fields}
        return self._request_json("POST", "/videos", body=body)

    def _upload(
        self, path: Path, captions: Path | None, form: Mapping[str, str], opened: Opened
    ) -> Answer:
        if captions:
            _require_captions(captions)
        headers = {"idempotency-key": str(uuid.uuid4())}

        def send() -> httpx.Response:
            with ExitStack() as stack:
                files = {"file": (path.name, stack.enter_context(opened(path)))}
                if captions:
                    texts = stack.enter_context(captions.open("rb"))
                    files["captions"] = (captions.name, texts)
                return self._http.post("/videos", files=files, data=form, headers=headers)

        return _json(self._send_checked(send, self._retries))

    def _write_line(
        self,
        method: str,
        video_id: str,
        language: str,
        number: int,
        body: Answer | None,
        tag: str | None,
    ) -> LineAnswer:
        path = f"{_lines(video_id, language)}/{number}"
        return cast(LineAnswer, self._write_unchanged(method, path, body, {number: tag}))

    def _patch_lines(
        self, path: str, texts: Mapping[int, str | None], tags: Mapping[int, str] | None
    ) -> None:
        numbers = [*texts]
        for first in range(0, len(numbers), MOST_EDITS):
            some = numbers[first : first + MOST_EDITS]
            body = {"lines": [{"number": number, "text": texts[number]} for number in some]}
            seen = {number: (tags or {}).get(number) for number in some}
            self._write_unchanged("PATCH", path, body, seen)

    def _write_unchanged(
        self, method: str, path: str, body: Answer | None, seen: dict[int, str | None]
    ) -> Answer:
        """Write lines that were just read, if they still have the tags that the caller has seen.

        A line without a tag gets that of the first reading. The ETag also covers the lines' places
        in the release; if only those have changed, the lines are read and written again.
        """
        while True:
            read = self._request("GET", path)
            found = _json(read)
            for line in found.get("lines", [found]):
                if line["number"] in seen:
                    _require_unchanged(line, seen)
            try:
                return self._request_json(method, path, body=body, etag=read.headers["etag"])
            except RefusedError as error:
                if error.status != httpx.codes.PRECONDITION_FAILED:
                    raise

    def _list_pages(
        self,
        path: str,
        name: str,
        query: Mapping[str, str | None] | None = None,
        limit: int = _PAGE,
    ) -> Iterator[Any]:
        cursor = None
        while True:
            asked = {**(query or {}), "limit": str(limit), "cursor": cursor}
            page = self._request_json("GET", path, query=asked)
            yield from page[name]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _request_json(
        self,
        method: str,
        path: str,
        *,
        body: Answer | None = None,
        etag: str | None = None,
        query: Mapping[str, str | None] | None = None,
    ) -> Answer:
        return _json(self._request(method, path, body=body, etag=etag, query=query))

    def _request_patiently(self, method: str, path: str) -> httpx.Response:
        return self._send_checked(lambda: self._http.request(method, path), self._retries.endless)

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Answer | None = None,
        etag: str | None = None,
        query: Mapping[str, str | None] | None = None,
    ) -> httpx.Response:
        headers = {"idempotency-key": str(uuid.uuid4())} if method == "POST" else {}
        if etag:
            headers["if-match"] = etag
        there = _without_none(**(query or {}))
        return self._send_checked(
            lambda: self._http.request(method, path, json=body, headers=headers, params=there),
            self._retries,
        )

    def _send_checked(self, send: Callable[[], httpx.Response], retries: Retries) -> httpx.Response:
        return _require_good(retries.answer(send))


def tag_of(line: LineAnswer | answers.SourceLineAnswer) -> str:
    """Return a short tag of a line's text, which changes with the text."""
    return hashlib.sha256(line["text"].encode()).hexdigest()[:_TAG_LENGTH]


def _require_unchanged(line: LineAnswer, seen: dict[int, str | None]) -> None:
    """Set the line's tag if it has none. Raises LineChangedError if the line has another tag."""
    seen[line["number"]] = seen[line["number"]] or tag_of(line)
    if seen[line["number"]] != tag_of(line):
        raise LineChangedError(line)


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WrongUseError(f"DUB_URL cannot be used: {error}.") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise WrongUseError(
            f"DUB_URL is {url!r}: it is to be an address such as https://dub.example.com."
        )
    return address


def _require_captions(captions: Path) -> None:
    if not captions.is_file():
        raise WrongUseError(f"There is no file {captions}: check the path of the captions.")


def _require_link(source: str) -> None:
    """Raises WrongUseError for a text that is neither a link nor an existing file."""
    if _ADDRESS.match(source) or _YOUTUBE_ID.fullmatch(source):
        return
    if Path(source).is_dir():
        raise WrongUseError(f"{source} is a folder: hand in one file at a time.")
    raise WrongUseError(
        f"There is no file {source}. Check the path; a video of YouTube's is named by its address "
        "or its 11 characters."
    )


def _require_good(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise RefusedError.of(answer)
    return answer


def _json(answer: httpx.Response) -> Answer:
    try:
        body: Answer = answer.json()
    except ValueError as error:
        raise RefusedError(
            answer.status_code,
            "http_error",
            f"{answer.url} answered no JSON: check that DUB_URL is the platform's address.",
        ) from error
    return body


def _fields(
    source_language: str | None,
    glossary: Glossary | None,
    formality: str | None,
    visibility: str | None,
) -> Answer:
    """Return the given ones of the fields that a request may have beside its video."""
    return _without_none(
        source_language=source_language,
        glossary=glossary,
        formality=formality,
        visibility=visibility,
    )


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _form_field(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _video(video_id: str) -> str:
    return f"/videos/{quote(video_id, safe='')}"


def _dub(video_id: str, language: str) -> str:
    return f"{_video(video_id)}/dubs/{quote(language, safe='')}"


def _lines(video_id: str, language: str) -> str:
    return f"{_dub(video_id, language)}/lines"


def _channel(channel_id: str) -> str:
    return f"/channels/{quote(channel_id, safe='')}"


def _webhook(webhook_id: str) -> str:
    return f"/webhooks/{quote(webhook_id, safe='')}"


def _delivery(webhook_id: str, delivery_id: str) -> str:
    return f"{_webhook(webhook_id)}/deliveries/{quote(delivery_id, safe='')}"


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
