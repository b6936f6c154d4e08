"""S3: what a server that checks everything lets through, and what is made of what it refuses."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    StorageRefusedError,
    StorageUnavailableError,
)
from dub_platform.core.keys import file_sha256
from resources.store.s3 import PART_BYTES, S3Store, client
from resources.system.calls import CallPolicy
from tests.support.patience import HANG_SECONDS
from tests.support.servers.swift import KEY_ID, SECRET, SwiftS3, running_swift

KEY = "videos/dQw4w9WgXcQ/audio/sound.flac"
PUBLIC_KEY = "releases/dQw4w9WgXcQ/es/0123/track.m4a"
WRONG = "wrong-secret-4711"
ONCE = CallPolicy(tries=1, try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS)


@pytest.fixture
def swift() -> SwiftS3:
    return running_swift()


@pytest.fixture
def store(swift: SwiftS3) -> S3Store:
    """Empty."""
    private, public = swift.new_buckets()
    url = swift.public_url(public)
    return S3Store(swift.client, bucket=private, public_bucket=public, public_url=url)


@pytest.fixture
def hooked(swift: SwiftS3, store: S3Store) -> S3Store:
    """The same with a client of its own, for tests that hook into what it sends."""
    return with_client(store, client(swift.endpoint, swift.key_id, swift.secret, ONCE))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of two parts and a bit."""
    path = tmp_path / "large.flac"
    path.write_bytes(bytes(range(256)) * (PART_BYTES // 128) + b"the bit")
    return path


def with_client(store: S3Store, other: Any, **changed: str) -> S3Store:
    """The same store, reached by another client."""
    names = {"bucket": store.bucket, "public_bucket": store.public_bucket, **changed}
    return S3Store(other, public_url=store.public_url, policy=ONCE, **names)  # type: ignore[arg-type]


def every_call(store: S3Store, folder: Path) -> list[Callable[[], object]]:
    """Everything that can be asked of it."""
    file = folder / "some.flac"
    file.write_bytes(b"some")
    return [
        lambda: store.put_file(KEY, file),
        lambda: store.put_bytes(KEY, b"x"),
        lambda: store.get_bytes(KEY),
        lambda: store.fetch(KEY, folder),
        lambda: store.exists(KEY),
        lambda: store.size(KEY),
        lambda: store.checksum(KEY),
        lambda: list(store.keys("videos/")),
        lambda: store.delete(KEY),
        lambda: list(store.incomplete_uploads("videos/")),
        store.check,
    ]


def opened(url: str) -> tuple[int, dict[str, str]]:
    """Status and headers of what anybody gets there."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {}


def unfinished(store: S3Store) -> list[str]:
    """The keys of uploads that were begun and neither completed nor given up."""
    found = store.client.list_multipart_uploads(Bucket=store.bucket)
    return [each["Key"] for each in found.get("Uploads", [])]


class TestRefusals:
    """What an operator set wrongly is said by the names of the settings."""

    @pytest.mark.parametrize(("key_id", "secret"), [(KEY_ID, WRONG), ("test:nobody", SECRET)])
    def test_a_wrong_key_is_refused_whatever_is_asked(
        self, swift: SwiftS3, store: S3Store, tmp_path: Path, key_id: str, secret: str
    ) -> None:
        """No retry can help."""
        stranger = with_client(store, client(swift.endpoint, key_id, secret, ONCE))
        for ask in every_call(stranger, tmp_path):
            with pytest.raises(StorageRefusedError, match="DUB_R2_SECRET_ACCESS_KEY") as refused:
                ask()
            assert not refused.value.retryable
        assert [tmp_path / "some.flac"] == list(tmp_path.iterdir())

    def test_no_secret_is_in_what_is_said(
        self, swift: SwiftS3, store: S3Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not in the error, its cause or its traceback, nor in a log line or the store's repr."""
        stranger = with_client(store, client(swift.endpoint, KEY_ID, WRONG, ONCE))
        caplog.set_level("INFO")
        with pytest.raises(StorageRefusedError) as refused:
            stranger.put_bytes(KEY, b"x")
        told = "".join(traceback.format_exception(refused.value))
        said = [told, str(refused.value.as_details()), caplog.text, repr(vars(stranger))]
        assert [False] * 4 == [WRONG in each or SECRET in each for each in said]
        assert "SignatureDoesNotMatch" in told

    def test_the_end_of_a_line_is_no_part_of_a_key(self, swift: SwiftS3, store: S3Store) -> None:
        """Many a secret is kept in a file."""
        from_files = client(swift.endpoint, f"{KEY_ID}\n", f"{SECRET}\r\n", ONCE)
        with_client(store, from_files).put_bytes(KEY, b"x")
        assert b"x" == store.get_bytes(KEY)

    @pytest.mark.parametrize("which", ["bucket", "public_bucket"])
    def test_a_bucket_that_is_not_there_is_named(self, store: S3Store, which: str) -> None:
        """At the check too, which is where an operator sees it first."""
        other = with_client(store, store.client, **{which: "no-such-bucket"})
        with pytest.raises(StorageRefusedError, match=r"'no-such-bucket'.*DUB_R2_PUBLIC_BUCKET"):
            other.check()
        with pytest.raises(StorageRefusedError, match="NoSuchBucket"):
            other.put_bytes(KEY if which == "bucket" else PUBLIC_KEY, b"x")

    def test_a_name_that_no_bucket_can_have_is_refused(self, store: S3Store) -> None:
        """Before anything is sent."""
        with pytest.raises(StorageRefusedError, match="Invalid bucket name"):
            with_client(store, store.client, bucket="no bucket").put_bytes(KEY, b"x")

    def test_a_server_that_is_not_there_may_come_back(self, store: S3Store, tmp_path: Path) -> None:
        """A retry can help, and the setting with its address is named."""
        nobody = client("http://127.0.0.1:1", KEY_ID, SECRET, ONCE)
        for ask in every_call(with_client(store, nobody), tmp_path):
            with pytest.raises(StorageUnavailableError, match="DUB_R2_ENDPOINT") as away:
                ask()
            assert away.value.retryable


class TestWhatViewersGet:
    """The public bucket, without a signature."""

    @pytest.mark.parametrize(
        ("name", "kind", "cache"),
        [
            ("0123/track.m4a", "audio/mp4", "public, max-age=31536000, immutable"),
            ("0123/es.vtt", "text/vtt; charset=utf-8", "public, max-age=31536000, immutable"),
            ("0123/es.srt", "application/x-subrip", "public, max-age=31536000, immutable"),
            ("0123/film.mp4", "video/mp4", "public, max-age=31536000, immutable"),
            ("0123/manifest.json", "application/json", "public, max-age=31536000, immutable"),
            ("current.json", "application/json", "no-cache"),
        ],
    )
    def test_a_release_has_its_type_and_can_be_kept(
        self, store: S3Store, tmp_path: Path, name: str, kind: str, cache: str
    ) -> None:
        """Put as bytes or as a file; only the pointer must be asked for anew."""
        key = f"releases/dQw4w9WgXcQ/es/{name}"
        (tmp_path / "made").write_bytes(b"made")
        puts: list[Callable[[], None]] = [
            lambda: store.put_bytes(key, b"x"),
            lambda: store.put_file(key, tmp_path / "made"),
        ]
        for put in puts:
            put()
            status, headers = opened(store.url(key))
            assert (200, kind, cache) == (status, headers["content-type"], headers["cache-control"])

    def test_only_releases_are_public(self, store: S3Store, swift: SwiftS3) -> None:
        """Whoever guesses another key gets nothing, from neither bucket."""
        store.put_bytes(KEY, b"private")
        store.put_bytes(PUBLIC_KEY, b"public")
        guesses = [
            f"{swift.public_url(name)}/{KEY}" for name in (store.bucket, store.public_bucket)
        ]
        assert [200, 401, 404] == [opened(url)[0] for url in (store.url(PUBLIC_KEY), *guesses)]

    def test_a_signed_link_opens_what_it_was_made_for(self, store: S3Store) -> None:
        """Any change to it and the server refuses: what these tests rely on."""
        store.put_bytes(KEY, b"private")
        store.put_bytes("videos/other", b"private")
        link: str = store.client.generate_presigned_url(
            "get_object", Params={"Bucket": store.bucket, "Key": KEY}, ExpiresIn=60
        )
        changed = [
            link.replace(KEY, "videos/other"),
            link.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
            link[:-1] + ("0" if link[-1] != "0" else "1"),
        ]
        assert [200, 403, 403, 403] == [opened(url)[0] for url in (link, *changed)]


@dataclass
class Sent:
    """Every body that the store sends, as the server is told of it."""

    lengths: list[int] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)

    def note(self, request: Any, **_: object) -> None:
        self.lengths.append(int(request.headers.get("Content-Length", 0)))
        self.sha256.append(request.headers["x-amz-content-sha256"].decode())
        self.headers |= {name.lower() for name in request.headers}


class TestUploads:
    """Whole or not there at all."""

    def test_a_large_file_goes_up_in_equal_parts(self, hooked: S3Store, large: Path) -> None:
        """Of at least 5 MiB, all but the last; each signed with the sha256 of its own bytes."""
        sent, data = Sent(), large.read_bytes()
        hooked.client.meta.events.register("before-send.s3.UploadPart", sent.note)
        hooked.put_file(KEY, large)
        parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
        assert PART_BYTES >= 5 << 20
        assert [PART_BYTES, PART_BYTES, 7] == sent.lengths
        assert [hashlib.sha256(part).hexdigest() for part in parts] == sent.sha256
        assert file_sha256(large) == hooked.checksum(KEY)

    def test_no_checksum_is_added_that_r2_does_not_take(self, hooked: S3Store, large: Path) -> None:
        """Neither as a header nor behind the body."""
        sent = Sent()
        hooked.client.meta.events.register("before-send.s3", sent.note)
        hooked.put_file(KEY, large)
        hooked.put_bytes(KEY, b"x")
        added = ("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer")
        assert [] == [name for name in sent.headers if name.startswith(added)]

    def test_the_body_is_signed_over_tls_too(self, store: S3Store) -> None:
        """Where a client could leave it out, nobody would check what arrives."""
        sent = Sent()
        tls = with_client(store, client("https://127.0.0.1:1", KEY_ID, SECRET, ONCE))
        tls.client.meta.events.register("before-send.s3", sent.note)
        with pytest.raises(StorageUnavailableError):
            tls.put_bytes(KEY, b"x")
        assert [hashlib.sha256(b"x").hexdigest()] == sent.sha256

    def test_what_was_changed_on_the_way_is_not_kept(self, hooked: S3Store, large: Path) -> None:
        """The server compares with the signature, for one body and for one part of many."""

        def change(request: Any, **_: object) -> None:
            request.body = b"y" * int(request.headers["Content-Length"])

        for operation in ("PutObject", "UploadPart"):
            hooked.client.meta.events.register(f"before-send.s3.{operation}", change)
        with pytest.raises(ArtifactDamagedError, match="did not arrive whole") as damaged:
            hooked.put_bytes(KEY, b"x" * 1000)
        assert damaged.value.retryable
        with pytest.raises(ArtifactDamagedError, match="did not arrive whole"):
            hooked.put_file(KEY, large)
        assert (False, []) == (hooked.exists(KEY), unfinished(hooked))

    def test_a_part_that_is_left_out_is_noticed(self, hooked: S3Store, large: Path) -> None:
        """The server would not: it was told to put together what came before."""

        def leave_out(params: Any, **_: object) -> None:
            params["MultipartUpload"]["Parts"].pop()

        event = "provide-client-params.s3.CompleteMultipartUpload"
        hooked.client.meta.events.register(event, leave_out)
        with pytest.raises(ArtifactDamagedError, match=f"the store kept {2 * PART_BYTES}"):
            hooked.put_file(KEY, large)

    def test_an_upload_that_breaks_off_is_taken_back(self, hooked: S3Store, large: Path) -> None:
        """The old content stays, and no parts lie about to be paid for."""
        hooked.put_bytes(KEY, b"old")
        parts = iter([None])

        def break_off(request: Any, **_: object) -> None:
            if next(parts, "second") == "second":
                raise ConnectionClosedError(endpoint_url=request.url)

        hooked.client.meta.events.register("before-send.s3.UploadPart", break_off)
        with pytest.raises(StorageUnavailableError, match="Connection was closed"):
            hooked.put_file(KEY, large)
        assert (b"old", []) == (hooked.get_bytes(KEY), unfinished(hooked))

    def test_a_process_killed_while_it_uploads_leaves_nothing_to_see(
        self, store: S3Store, swift: SwiftS3, large: Path
    ) -> None:
        """Its parts are no object, and can be found and removed."""
        arguments = [swift.endpoint, KEY_ID, SECRET, store.bucket, KEY, str(large)]
        process = subprocess.Popen([sys.executable, "-c", HALF, *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert b"half of it is there\n" == process.stdout.readline()
        process.kill()
        process.communicate()
        (write,) = store.incomplete_uploads("videos/")
        assert (False, KEY, PART_BYTES) == (store.exists(KEY), write.key, write.bytes)
        with pytest.raises(ArtifactMissingError):
            store.get_bytes(KEY)
        store.abort(write)
        store.abort(write)
        assert [] == unfinished(store)

    def test_of_two_writers_one_wins_and_none_is_alarmed(
        self, store: S3Store, tmp_path: Path
    ) -> None:
        """What is kept is one content as a whole, with its own sha256 beside it."""
        contents = [letter * (PART_BYTES + 7) for letter in (b"a", b"b")]
        paths = [tmp_path / name for name in ("a", "b")]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)

        def put(path: Path) -> Callable[[], None]:
            return lambda: store.put_file(KEY, path)

        at_once([put(path) for path in paths] * 2)
        assert store.get_bytes(KEY) in contents
        assert store.client.head_object(Bucket=store.bucket, Key=KEY)["Metadata"] == {
            "sha256": store.checksum(KEY)
        }


HALF = """
import sys
from resources.store.s3 import S3Store, client

endpoint, key_id, secret, bucket, key, path = sys.argv[1:]
parts = []

def stop(request, **_):
    if parts:
        print("half of it is there", flush=True)
        sys.stdin.read()
    parts.append(request)

s3 = client(endpoint, key_id, secret)
s3.meta.events.register("before-send.s3.UploadPart", stop)
store = S3Store(s3, bucket=bucket, public_bucket=bucket, public_url="")
from pathlib import Path
store.put_file(key, Path(path))
"""


class TestListings:
    """What there is, however much."""

    def test_a_listing_is_more_than_its_first_page(self, hooked: S3Store) -> None:
        """A server answers with a thousand keys at most; here with two."""
        keys = [f"videos/v{number}/transcript.json" for number in range(5)]
        for key in keys:
            hooked.put_bytes(key, b"x")
        asked: list[object] = []

        def ask_for_two(params: Any, **_: object) -> None:
            asked.append(params)
            params["MaxKeys"] = 2

        hooked.client.meta.events.register("provide-client-params.s3.ListObjectsV2", ask_for_two)
        assert keys == [each.key for each in hooked.keys("videos/")]
        assert 3 == len(asked)


class TestDownloads:
    """What is handed out is what was kept."""

    @pytest.mark.parametrize("ask", ["get_bytes", "checksum"])
    def test_content_that_is_not_what_was_kept_is_refused(self, store: S3Store, ask: str) -> None:
        """Its sha256 stands beside it."""
        self._put_damaged(store)
        with pytest.raises(ArtifactDamagedError, match=KEY):
            getattr(store, ask)(KEY)

    def test_a_damaged_copy_is_not_left_in_the_folder(self, store: S3Store, tmp_path: Path) -> None:
        """Nor any part of it."""
        self._put_damaged(store)
        with pytest.raises(ArtifactDamagedError, match=KEY):
            store.fetch(KEY, tmp_path)
        assert [] == list(tmp_path.iterdir())

    def test_what_somebody_else_put_there_can_be_read(self, store: S3Store) -> None:
        """Without a sha256 beside it there is nothing to compare."""
        store.client.put_object(Bucket=store.bucket, Key=KEY, Body=b"by hand")
        assert b"by hand" == store.get_bytes(KEY)

    def _put_damaged(self, store: S3Store) -> None:
        wrong = {"sha256": hashlib.sha256(b"another").hexdigest()}
        store.client.put_object(Bucket=store.bucket, Key=KEY, Body=b"one", Metadata=wrong)


class TestDeadlines:
    """A server that misbehaves is given up, in time and after so many tries."""

    @pytest.mark.parametrize("manner", ["hang", "drip"])
    def test_no_call_outlasts_its_deadline(self, manner: str) -> None:
        """A drip is never late for the next byte, so only a deadline for all of it ends it."""
        policy = CallPolicy(tries=1, try_seconds=30.0, deadline_seconds=0.3)
        with misbehaving(manner) as server:
            store = store_at(server, policy)
            with pytest.raises(StorageUnavailableError, match="was not done after 0 s"):
                store.get_bytes(KEY)

    def test_a_server_that_errs_is_asked_as_often_as_the_policy_says(self) -> None:
        """By botocore, and by nobody else."""
        with misbehaving("err") as server:
            store = store_at(server, replace(ONCE, tries=2))
            with pytest.raises(StorageUnavailableError, match="Please reduce your request rate"):
                store.get_bytes(KEY)
        assert 2 == server.requests

    def test_half_an_answer_is_none(self, tmp_path: Path) -> None:
        """The copy is not left in the folder either."""
        with misbehaving("cut") as server:
            store = store_at(server, ONCE)
            for ask in (lambda: store.get_bytes(KEY), lambda: store.fetch(KEY, tmp_path)):
                with pytest.raises(StorageUnavailableError, match="bytes"):
                    ask()
        assert [] == list(tmp_path.iterdir())


def store_at(server: Misbehaving, policy: CallPolicy) -> S3Store:
    s3 = client(f"http://127.0.0.1:{server.server_port}", "key", "secret", policy=policy)
    return S3Store(s3, bucket="b", public_bucket="p", public_url="", policy=policy)


class Misbehaving(ThreadingHTTPServer):
    """A server that answers in one bad manner, and counts what it was asked."""

    daemon_threads = True

    def __init__(self, manner: str) -> None:
        super().__init__(("127.0.0.1", 0), _Manners)
        self.manner = manner
        self.requests = 0
        self.over = threading.Event()


class _Manners(BaseHTTPRequestHandler):
    server: Misbehaving

    def do_GET(self) -> None:
        self.server.requests += 1
        getattr(self, self.server.manner)()

    def hang(self) -> None:
        self.server.over.wait(HANG_SECONDS)

    def drip(self) -> None:
        self._begin(200, 1000)
        with contextlib.suppress(OSError):
            while not self.server.over.wait(0.02):
                self.wfile.write(b".")

    def cut(self) -> None:
        self._begin(200, 1000)
        self.wfile.write(b"." * 500)

    def err(self) -> None:
        said = b"<Code>SlowDown</Code><Message>Please reduce your request rate</Message>"
        body = b"<Error>" + said + b"</Error>"
        self._begin(503, len(body))
        self.wfile.write(body)

    def _begin(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing: what was asked is counted."""


@contextlib.contextmanager
def misbehaving(manner: str) -> Iterator[Misbehaving]:
    """Such a server, running."""
    with Misbehaving(manner) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()
