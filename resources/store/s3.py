"""The store on Cloudflare R2, or on any S3: two buckets, one of which viewers can read.

    s3 = client("https://ACCOUNT.r2.cloudflarestorage.com", key_id, secret)
    store = S3Store(s3, bucket="dub", public_bucket="dub-media", public_url="https://media.dub.test")
    store.put_file("releases/ID/es/track.m4a", path)
    store.url("releases/ID/es/track.m4a")  # https://media.dub.test/releases/ID/es/track.m4a

A public bucket of R2 is public as a whole, so what lies under `releases/` has one of its own.

What makes a write whole: an object, also one of many parts, is there at once or not at all; each
request is signed with the sha256 of its body, so the server itself refuses what was cut or changed
on the way; and what came together from parts must have the file's length. Each object carries the
sha256 of its content, and whatever reads it whole compares.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, of which the built-in is no parent
    HTTPClientError,
    IncompleteReadError,
)

from dub_platform.core.errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    StorageError,
    StorageRefusedError,
    StorageUnavailableError,
)
from dub_platform.core.keys import file_sha256
from resources.store.local import replacing
from resources.store.port import (
    LENT_FOR,
    PUBLIC,
    Kept,
    Unfinished,
    address,
    cache_control,
    checked_key,
    checked_prefix,
    copy_name,
    is_key,
    media_type,
    missing,
)
from resources.system.calls import CallPolicy

T = TypeVar("T")

# R2 takes parts of one size only, of 5 MiB at least.
PART_BYTES = 8 << 20
# A transfer slower than this, in bytes a second, is as good as none.
SLOWEST = 100_000
_BLOCK_BYTES = 1 << 20
# Of one process; with fewer, each fetch beyond them would shake hands with the server anew.
_MOST_CONNECTIONS = 32
_POLICY = CallPolicy()
# In the thread that asked: the deadline ends it there, and no more than one part is in memory.
_TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
)
_GONE = frozenset({"NoSuchKey", "NoSuchUpload", "NotFound", "404"})
_CUT_OR_CHANGED = frozenset(
    {"BadDigest", "IncompleteBody", "InvalidDigest", "XAmzContentSHA256Mismatch"}
)
_PASSING = frozenset({408, 409, 429})


def client(endpoint: str, key_id: str, secret: str, policy: CallPolicy = _POLICY) -> Any:
    """A boto3 client for `S3Store`; safe to share between threads.

    botocore makes the tries, since it knows which of S3's errors pass, and nobody else makes any:
    `policy.tries` is all there are. A server that has regions says which one it is in, and boto3
    signs for that one from then on.
    """
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="auto",
        # A key that was read from a file ends as its last line does, and no header may.
        aws_access_key_id=key_id.strip(),
        aws_secret_access_key=secret.strip(),
        config=_options(policy),
    )


def _options(policy: CallPolicy) -> Config:
    return Config(
        signature_version="s3v4",
        # Over TLS boto3 may leave the body out of the signature; then nobody would check it.
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        # R2 has answered Unauthorized to the CRC32 that boto3 adds otherwise.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=10,
        read_timeout=policy.try_seconds,
        max_pool_connections=_MOST_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": policy.tries},
    )


class S3Store:
    """Two buckets: what lies under `releases/` is in `public_bucket`, the rest in `bucket`.

    `public_url` is where viewers reach `public_bucket`; it is open where that is the bucket itself
    and not an API that lends what is in it. Every request ends within
    `policy.deadline_seconds`, and a transfer within what `SLOWEST` adds for its bytes.
    Raises StorageRefusedError, StorageUnavailableError, ArtifactDamagedError.
    """

    def __init__(
        self,
        client: Any,
        *,
        bucket: str,
        public_bucket: str,
        public_url: str,
        is_open: bool = True,
        policy: CallPolicy = _POLICY,
    ) -> None:
        self.client = client
        self.bucket = bucket
        self.public_bucket = public_bucket
        self.public_url = public_url.rstrip("/")
        self._is_open = is_open
        self.policy = policy

    def put_file(self, key: str, path: Path) -> None:
        place, size, sha256 = self._place(key), path.stat().st_size, file_sha256(path)
        with path.open("rb") as file:

            def upload() -> None:
                about = _about(key, sha256)
                self.client.upload_fileobj(file, **place, ExtraArgs=about, Config=_TRANSFER)

            self._done(key, upload, size)
        self._compare_length(key, size, sha256)

    def put_bytes(self, key: str, data: bytes) -> None:
        about = _about(key, hashlib.sha256(data).hexdigest())
        self._asked("put_object", key, Body=data, **about)

    def get_bytes(self, key: str) -> bytes:
        return self.read_dated(key)[0]

    def read_dated(self, key: str) -> tuple[bytes, datetime]:
        blocks: list[bytes] = []
        _, put_at = self._read(key, blocks.append)
        return b"".join(blocks), put_at

    def fetch(self, key: str, into: Path) -> Path:
        target = into / copy_name(checked_key(key))
        with replacing(target) as staged, staged.open("wb") as file:
            self._read(key, file.write)
        return target

    def exists(self, key: str) -> bool:
        try:
            self._asked("head_object", key)
        except ArtifactMissingError:
            return False
        return True

    def size(self, key: str) -> int:
        return int(self._asked("head_object", key)["ContentLength"])

    def checksum(self, key: str) -> str:
        return self._read(key, lambda _: None)[0]

    @property
    def is_open(self) -> bool:
        return self._is_open

    def url(self, key: str) -> str:
        return address(self.public_url, key)

    def lend(self, key: str) -> str | None:
        # Signed here, so nobody is asked; what is kept says that all caches may have it.
        asked = {**self._place(key), "ResponseCacheControl": "private, no-cache"}
        seconds = int(LENT_FOR.total_seconds())
        lent: str = self.client.generate_presigned_url("get_object", asked, ExpiresIn=seconds)
        return lent

    def keys(self, prefix: str) -> Iterator[Kept]:
        both = (self.bucket, self.public_bucket)
        for bucket in (self._bucket(checked_prefix(prefix)),) if prefix else both:
            place = {"Bucket": bucket, "Prefix": prefix}
            for page in self._pages("list_objects_v2", prefix, **place):
                for found in page.get("Contents", ()):
                    if is_key(found["Key"]):
                        yield Kept(found["Key"], found["Size"], found["LastModified"])

    def delete(self, key: str) -> None:
        # Some servers mind, R2 does not.
        with contextlib.suppress(ArtifactMissingError):
            self._asked("delete_object", key)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        place = {"Bucket": self._bucket(checked_prefix(prefix)), "Prefix": prefix}
        for page in self._pages("list_multipart_uploads", prefix, **place):
            for found in page.get("Uploads", ()):
                # It may have ended while others were looked at.
                with contextlib.suppress(ArtifactMissingError):
                    yield self._begun(found)

    def give_up(self, write: Unfinished) -> None:
        with contextlib.suppress(ArtifactMissingError):
            self._asked("abort_multipart_upload", write.key, UploadId=write.id)

    def check(self) -> None:
        # Of a missing key, GET says whether it is the key or the bucket that is missing; HEAD
        # does not. It costs a twelfth of a write, and a server is asked often whether it is ready.
        for key in ("ready", f"{PUBLIC}ready"):
            with contextlib.suppress(ArtifactMissingError):
                self._asked("get_object", key)

    def _bucket(self, key: str) -> str:
        return self.public_bucket if key.startswith(PUBLIC) else self.bucket

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket(checked_key(key)), "Key": key}

    def _pages(self, operation: str, what: str, **asked: str) -> Iterator[Any]:
        pages = iter(self.client.get_paginator(operation).paginate(**asked))
        while (page := self._done(what, lambda: next(pages, None))) is not None:
            yield page

    def _begun(self, upload: Any) -> Unfinished:
        key, place = upload["Key"], {"UploadId": upload["UploadId"]}
        pages = self._pages("list_parts", key, **self._place(key), **place)
        parts = [part for page in pages for part in page.get("Parts", ())]
        grew_at = max((part["LastModified"] for part in parts), default=upload["Initiated"])
        return Unfinished(key, upload["UploadId"], sum(part["Size"] for part in parts), grew_at)

    def _asked(self, operation: str, key: str, **more: Any) -> Any:
        request = getattr(self.client, operation)
        place = self._place(key)
        return self._done(key, lambda: request(**place, **more))

    def _read(self, key: str, take: Callable[[bytes], object]) -> tuple[str, datetime]:
        """Hand over every block of what is kept; return the sha256 of all of them, and when they
        were put."""
        answer = self._asked("get_object", key)
        body, size = answer["Body"], answer["ContentLength"]
        digest = self._done(key, lambda: _drained(body, take), size)
        if answer["Metadata"].get("sha256", digest) != digest:
            raise ArtifactDamagedError(
                f"What the store handed out for {key} is not what was kept under it. If that stays "
                "so, materialize the asset that makes it again."
            )
        return digest, answer["LastModified"]

    def _compare_length(self, key: str, size: int, sha256: str) -> None:
        kept = self._asked("head_object", key)
        # Another sha256 is another writer's, who came after this one.
        if kept["Metadata"].get("sha256") == sha256 and kept["ContentLength"] != size:
            raise ArtifactDamagedError(
                f"Of the {size} bytes of {key}, the store kept {kept['ContentLength']}. "
                "Materialize the asset that makes it again."
            )

    def _done(self, key: str, work: Callable[[], T], size: int = 0) -> T:
        """What `work` returns, in time for `size` bytes, with boto3's errors made ours."""
        seconds = self.policy.deadline_seconds + size / SLOWEST
        try:
            return _within(seconds, work)
        except ClientError as error:
            raise self._refusal(key, error) from error
        except concurrent.futures.TimeoutError as error:
            raise _unavailable(key, f"it was not done after {seconds:.0f} s") from error
        except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
            raise _unavailable(key, str(error)) from error
        except BotoCoreError as error:
            raise _refused(f"No request for {key} could be made: {error}", str(error)) from error

    def _refusal(self, key: str, error: ClientError) -> StorageError:
        answer: Any = error.response
        code, status = answer["Error"].get("Code"), answer["ResponseMetadata"]["HTTPStatusCode"]
        words = f"{answer['Error'].get('Message')} ({code})"
        if code in _GONE:
            return missing(key)
        if code in _CUT_OR_CHANGED:
            return ArtifactDamagedError(
                f"{key} did not arrive whole, and the store refused it: {words}. Try again.",
                detail=str(error),
            )
        if status >= 500 or status in _PASSING or code == "RequestTimeout":
            return _unavailable(key, words)
        return _refused(f"The bucket {self._bucket(key)!r} refused {key}: {words}", str(error))


def _about(key: str, sha256: str) -> dict[str, Any]:
    """What is kept beside the content."""
    return {
        "ContentType": media_type(key),
        "CacheControl": cache_control(key),
        "Metadata": {"sha256": sha256},
    }


def _drained(body: Any, take: Callable[[bytes], object]) -> str:
    digest = hashlib.sha256()
    # Closed by whoever reads it: closing waits for a read that another thread is in.
    with contextlib.closing(body):
        for block in body.iter_chunks(_BLOCK_BYTES):
            digest.update(block)
            take(block)
    return digest.hexdigest()


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns. Raises concurrent.futures.TimeoutError, and leaves it behind.

    boto3 is timed at each of its reads only: what drips would be waited for without an end.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the outcome is asked for
            outcome.set_exception(error)

    threading.Thread(target=run, name="s3", daemon=True).start()
    return outcome.result(seconds)


def _unavailable(key: str, words: str) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"The store at DUB_R2_ENDPOINT did not do what was asked for {key}: {words}. Try again; "
        "what was kept before is there.",
        detail=words,
    )


def _refused(what: str, words: str) -> StorageRefusedError:
    return StorageRefusedError(
        f"{what}. Check DUB_R2_ACCESS_KEY_ID and DUB_R2_SECRET_ACCESS_KEY and what they may do, "
        "DUB_R2_BUCKET, DUB_R2_PUBLIC_BUCKET, DUB_R2_ENDPOINT, and this machine's clock.",
        detail=words,
    )
