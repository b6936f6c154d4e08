"""The released files, over a real server."""

from __future__ import annotations

from functools import partial

import httpx2
import pytest

from dub_platform.registry.records import NewVideo, Source
from tests.api.test_uploads import connected
from tests.support.patience import HANG_SECONDS
from tests.support.rig.services import YOUTUBE, Services

get, head = (partial(ask, timeout=HANG_SECONDS) for ask in (httpx2.get, httpx2.head))
KEY = "releases/dQw4w9WgXcQ/es/1/track.m4a"


@pytest.fixture
def url(services: Services, server: str) -> str:
    """The address of a public file of ten bytes."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    services.store.put_bytes(KEY, b"0123456789")
    services.store.put_bytes("videos/dQw4w9WgXcQ/upload.media", b"secret")
    return f"{server}/media/{KEY}"


def test_a_file_comes_whole_and_may_be_kept(url: str) -> None:
    """Its address never changes its meaning, so a year in a cache is right."""
    answer = get(url)
    assert (200, b"0123456789") == (answer.status_code, answer.content)
    assert {
        "content-type": "audio/mp4",
        "x-content-type-options": "nosniff",
        "cache-control": "public, max-age=31536000, immutable",
        "accept-ranges": "bytes",
    }.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=0-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_comes_alone(url: str, asked: str, content: bytes, said: str) -> None:
    """Players seek with this."""
    answer = get(url, headers={"range": asked})
    assert (206, content, said) == (
        answer.status_code,
        answer.content,
        answer.headers["content-range"],
    )


def test_what_fits_into_one_part_is_the_same_as_of_a_long_file(
    services: Services, server: str, url: str
) -> None:
    """It is read at once, and all that is said of it is what is said of others."""
    long = "releases/dQw4w9WgXcQ/es/1/long.m4a"
    services.store.put_bytes(long, b"0123456789" * 100_000)
    for asked, count in (("bytes=2-4", 3), ("bytes=-2", 2), ("bytes=0-69999", 70_000)):
        answer = get(f"{server}/media/{long}", headers={"range": asked})
        assert (206, count) == (answer.status_code, len(answer.content))
        assert str(count) == answer.headers["content-length"]
    short, whole = get(url), get(f"{server}/media/{long}")
    assert set(short.headers) == set(whole.headers)
    assert (10, 1_000_000) == (len(short.content), len(whole.content))


def test_what_fits_into_one_part_needs_no_other_thread(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captions, manifests and the ranges of players that ask for little."""
    monkeypatch.setattr("anyio.open_file", lambda *_, **__: pytest.fail("it was opened again"))
    assert b"0123456789" == get(url).content
    assert b"89" == get(url, headers={"range": "bytes=8-"}).content


@pytest.mark.parametrize(
    "asked", ["items=0-1", "bytes=abc", "bytes=4-2", "bytes", "bytes=", "bytes=1-2,x", "bytes=--1"]
)
def test_a_range_that_cannot_be_understood_is_ignored(url: str, asked: str) -> None:
    """As RFC 9110 wants it: the whole file comes."""
    answer = get(url, headers={"range": asked})
    assert (200, 10) == (answer.status_code, len(answer.content))


def test_a_range_beyond_the_end_is_refused(url: str) -> None:
    """416 names the size there is."""
    answer = get(url, headers={"range": "bytes=10-"})
    assert (416, "bytes */10") == (answer.status_code, answer.headers["content-range"])


@pytest.mark.parametrize(("same", "status"), [(True, 206), (False, 200)])
def test_a_range_of_another_version_is_not_mixed_in(url: str, same: bool, status: int) -> None:
    """If-Range with a tag that is no longer right gives the whole file."""
    tag = head(url).headers["etag"] if same else '"other"'
    answer = get(url, headers={"range": "bytes=2-4", "if-range": tag})
    assert status == answer.status_code


LONG = "releases/dQw4w9WgXcQ/es/1/long.m4a"


@pytest.mark.parametrize(
    ("asked", "condition", "status", "part"),
    [
        ("bytes=2-4", None, 206, slice(2, 5)),
        ("bytes=0-1,4-5", None, 200, slice(None)),
        ("bytes=4-2", None, 200, slice(None)),
        ("bytes=4-", "etag", 206, slice(4, None)),
        ("bytes=4-", "last-modified", 206, slice(4, None)),
        ("bytes=4-", "another", 200, slice(None)),
        ("bytes=99999999-", "another", 200, slice(None)),
    ],
)
@pytest.mark.parametrize("key", [KEY, LONG])
def test_a_range_means_the_same_of_a_short_file_as_of_a_long_one(
    services: Services,
    server: str,
    url: str,
    key: str,
    asked: str,
    condition: str | None,
    status: int,
    part: slice,
) -> None:
    """A short file is read by the platform and a long one by Starlette, with one decision."""
    services.store.put_bytes(LONG, b"0123456789" * 100_000)
    address = url.replace(KEY, key)
    there, content = head(address).headers, services.store.get_bytes(key)
    says = {"range": asked}
    if condition is not None:
        says["if-range"] = there.get(condition, '"another"')
    answer = get(address, headers=says)
    assert (status, content[part]) == (answer.status_code, answer.content)
    assert there["content-type"] == answer.headers["content-type"]


@pytest.mark.parametrize("key", [KEY, LONG])
def test_a_range_is_of_what_is_got(services: Services, server: str, url: str, key: str) -> None:
    """HEAD tells of all of the file (RFC 9110, 14.2), also where the range is not there."""
    services.store.put_bytes(LONG, b"0123456789" * 100_000)
    for asked in ("bytes=2-4", "bytes=99999999-"):
        answer = head(url.replace(KEY, key), headers={"range": asked})
        size = str(len(services.store.get_bytes(key)))
        assert (200, size) == (answer.status_code, answer.headers["content-length"])


def test_what_the_client_has_is_not_sent_again(url: str) -> None:
    """A tag that still fits is answered without a body."""
    tag = head(url).headers["etag"]
    answer = get(url, headers={"if-none-match": f'"a", W/{tag}'})
    assert (304, b"", tag) == (answer.status_code, answer.content, answer.headers["etag"])


def test_head_tells_the_size_without_the_bytes(url: str) -> None:
    """HEAD is GET without its body."""
    answer = head(url)
    assert (200, "10", b"") == (
        answer.status_code,
        answer.headers["content-length"],
        answer.content,
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mp4", "video/mp4"),
        ("a.vtt", "text/vtt; charset=utf-8"),
        ("a.srt", "application/x-subrip"),
        ("a.json", "application/json"),
        ("a.html", "application/octet-stream"),
    ],
)
def test_a_file_is_served_as_what_it_is(
    services: Services, server: str, name: str, kind: str
) -> None:
    """What is none of ours is bytes, never a page."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    services.store.put_bytes(f"releases/{YOUTUBE}/{name}", b"x")
    answer = get(f"{server}/media/releases/{YOUTUBE}/{name}")
    assert kind == answer.headers["content-type"]


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    "path",
    [
        "/media/releases/nothing.m4a",
        "/media/releases/",
        "/media/releases",
        "/media/",
        "/media/videos/dQw4w9WgXcQ/upload.media",
        "/media/releases/../videos/dQw4w9WgXcQ/upload.media",
        "/media/releases/%2e%2e/videos/dQw4w9WgXcQ/upload.media",
        "/media/releases/..%2fvideos/dQw4w9WgXcQ/upload.media",
        "/media/releases//etc/passwd",
        "/media//etc/passwd",
        "/media/releases/a%00.m4a",
        "/media/releases/..%5c..%5cregistry.sqlite",
    ],
)
def test_path_tricks_find_nothing(server: str, path: str) -> None:
    """Sent as they stand, without a client that tidies them up: 404 and a problem document."""
    with connected(server) as client:
        request = f"GET {path} HTTP/1.1\r\nHost: dub.test\r\nConnection: close\r\n\r\n"
        client.sendall(request.encode())
        answer = b"".join(iter(lambda: client.recv(65_536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 404 ")
    assert "application/problem+json" in head
    assert "secret" not in body
