"""The store on Cloudflare R2, or any S3: two buckets, one of which viewers can read.

    s3 = client("https://ACCOUNT.r2.cloudflarestorage.com", key_id, secret)
    store = S3Store(s3, bucket="dub", public_bucket="dub-media", public_url="https://media.dub.test")
    store.put_file("releases/ID/es/track.m4a", path)
    store.url("releases/ID/es/track.m4a")  # https://media.dub.test/releases/ID/es/track.m4a

R2 makes a bucket public as a whole, so keys under `releases/` have a bucket of their own.

Writes are atomic: S3 shows an object, also one of many parts, completely or not at all. Each
request is signed with the SHA-256 of its body, so the server refuses what was cut or changed on the
way; an object of many parts is compared to the file's length. Each object carries its SHA-256,
which every complete read compares.
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
    PRESIGNED_TTL,
    PUBLIC,
    IncompleteUpload,
    StoredObject,
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

# R2 requires parts of equal size, of at least 5 MiB.
PART_BYTES = 8 << 20
# Bytes per second; a slower transfer counts as failed.
SLOWEST = 100_000
_BLOCK_BYTES = 1 << 20
# For one process. With fewer, each further fetch would need a new TLS handshake.
_MOST_CONNECTIONS = 32
_POLICY = CallPolicy()
# Without boto3's threads, the deadline ends the whole transfer, and one part at most is in memory.
_TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
)
_GONE = frozenset({"NoSuchKey", "NoSuchUpload", "NotFound", "404"})
_CUT_OR_CHANGED = frozenset(
    {"BadDigest", "IncompleteBody", "InvalidDigest", "XAmzContentSHA256Mismatch"}
)
_PASSING = frozenset({408, 409, 429})


def client(endpoint: str, key_id: str, secret: str, policy: CallPolicy = _POLICY) -> Any:
    """Make a boto3 client for `S3Store`; it may be shared between threads.

    botocore alone retries, `policy.tries` times in all, because it knows which errors are
    temporary. A server with regions answers which one it is in, and boto3 signs for that one from
    then on.
    """
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="auto",
        # A key read from a file ends with a line break, which no header may have.
        aws_access_key_id=key_id.strip(),
        aws_secret_access_key=secret.strip(),
        config=_options(policy),
    )


def _options(policy: CallPolicy) -> Config:
    return Config(
        signature_version="s3v4",
        # Without it boto3 does not sign the body over TLS, and damage on the way is not noticed.
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        # R2 has answered Unauthorized to the CRC32 header that boto3 adds by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=10,
        read_timeout=policy.try_seconds,
        max_pool_connections=_MOST_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": policy.tries},
    )


class S3Store:
    """Two buckets: keys under `releases/` are in `public_bucket`, all others in `bucket`.

    `public_url` is where viewers reach `public_bucket`. `is_public` is False if that is our own
    API, which redirects to presigned URLs. Each request ends within `policy.deadline_seconds`, a
    transfer within one second more for each `SLOWEST` bytes. Raises StorageRefusedError,
    StorageUnavailableError, ArtifactDamagedError.
    """

    def __init__(
        self,
        client: Any,
        *,
        bucket: str,
        public_bucket: str,
        public_url: str,
        is_public: bool = True,
        policy: CallPolicy = _POLICY,
    ) -> None:
        self.client = client
        self.bucket = bucket
        self.public_bucket = public_bucket
        self.public_url = public_url.rstrip("/")
        self._is_open = is_public
        self.policy = policy

    def put_file(self, key: str, path: Path) -> None:
        place, size, sha256 = self._place(key), path.stat().st_size, file_sha256(path)
        with path.open("rb") as file:

            def upload() -> None:
                about = _object_headers(key, sha256)
                self.client.upload_fileobj(file, **place, ExtraArgs=about, Config=_TRANSFER)

            self._run(key, upload, size)
        self._compare_length(key, size, sha256)

    def put_bytes(self, key: str, data: bytes) -> None:
        about = _object_headers(key, hashlib.sha256(data).hexdigest())
        self._request("put_object", key, Body=data, **about)

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
            self._request("head_object", key)
        except ArtifactMissingError:
            return False
        return True

    def size(self, key: str) -> int:
        return int(self._request("head_object", key)["ContentLength"])

    def checksum(self, key: str) -> str:
        return self._read(key, lambda _: None)[0]

    @property
    def is_public(self) -> bool:
        return self._is_open

    def url(self, key: str) -> str:
        return address(self.public_url, key)

    def presigned_url(self, key: str) -> str | None:
        # Signing needs no request. The object itself says `public`; a private link must not.
        asked = {**self._place(key), "ResponseCacheControl": "private, no-cache"}
        seconds = int(PRESIGNED_TTL.total_seconds())
        lent: str = self.client.generate_presigned_url("get_object", asked, ExpiresIn=seconds)
        return lent

    def keys(self, prefix: str) -> Iterator[StoredObject]:
        both = (self.bucket, self.public_bucket)
        for bucket in (self._bucket(checked_prefix(prefix)),) if prefix else both:
            place = {"Bucket": bucket, "Prefix": prefix}
            for page in self._pages("list_objects_v2", prefix, **place):
                for found in page.get("Contents", ()):
                    if is_key(found["Key"]):
                        yield StoredObject(found["Key"], found["Size"], found["LastModified"])

    def delete(self, key: str) -> None:
        # Some servers answer 404 to the deletion of a missing key; R2 does not.
        with contextlib.suppress(ArtifactMissingError):
            self._request("delete_object", key)

    def incomplete_uploads(self, prefix: str) -> Iterator[IncompleteUpload]:
        place = {"Bucket": self._bucket(checked_prefix(prefix)), "Prefix": prefix}
        for page in self._pages("list_multipart_uploads", prefix, **place):
            for found in page.get("Uploads", ()):
                # It may have been completed while others were listed.
                with contextlib.suppress(ArtifactMissingError):
                    yield self._incomplete_upload(found)

    def abort(self, write: IncompleteUpload) -> None:
        with contextlib.suppress(ArtifactMissingError):
            self._request("abort_multipart_upload", write.key, UploadId=write.id)

    def check(self) -> None:
        # For a missing key, GET tells whether the key or the bucket is missing; HEAD does not.
        # R2 charges a twelfth of a write for it, and /ready is asked often.
        for key in ("ready", f"{PUBLIC}ready"):
            with contextlib.suppress(ArtifactMissingError):
                self._request("get_object", key)

    def _bucket(self, key: str) -> str:
        return self.public_bucket if key.startswith(PUBLIC) else self.bucket

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket(checked_key(key)), "Key": key}

    def _pages(self, operation: str, what: str, **asked: str) -> Iterator[Any]:
        pages = iter(self.client.get_paginator(operation).paginate(**asked))
        while (page := self._run(what, lambda: next(pages, None))) is not None:
            yield page

    def _incomplete_upload(self, upload: Any) -> IncompleteUpload:
        key, place = upload["Key"], {"UploadId": upload["UploadId"]}
        pages = self._pages("list_parts", key, **self._place(key), **place)
        parts = [part for page in pages for part in page.get("Parts", ())]
        grew_at = max((part["LastModified"] for part in parts), default=upload["Initiated"])
        return IncompleteUpload(
            key, upload["UploadId"], sum(part["Size"] for part in parts), grew_at
        )

    def _request(self, operation: str, key: str, **more: Any) -> Any:
        request = getattr(self.client, operation)
        place = self._place(key)
        return self._run(key, lambda: request(**place, **more))

    def _read(self, key: str, take: Callable[[bytes], object]) -> tuple[str, datetime]:
        """Pass each block of the object to `take`; return its SHA-256 in hex, and the time it was
        put.

        Raises ArtifactDamagedError if the content does not have the SHA-256 it was stored with.
        """
        answer = self._request("get_object", key)
        body, size = answer["Body"], answer["ContentLength"]
        digest = self._run(key, lambda: _read_to_end(body, take), size)
        if answer["Metadata"].get("sha256", digest) != digest:
            raise ArtifactDamagedError(
                f"What the store handed out for {key} is not what was kept under it. If that stays "
                "so, materialize the asset that makes it again."
            )
        return digest, answer["LastModified"]

    def _compare_length(self, key: str, size: int, sha256: str) -> None:
        kept = self._request("head_object", key)
        # With another SHA-256 it is the object of another writer, who came later.
        if kept["Metadata"].get("sha256") == sha256 and kept["ContentLength"] != size:
            raise ArtifactDamagedError(
                f"Of the {size} bytes of {key}, the store kept {kept['ContentLength']}. "
                "Materialize the asset that makes it again."
            )

    def _run(self, key: str, work: Callable[[], T], size: int = 0) -> T:
        """Return what `work` returns, within the time for `size` bytes; translate boto3's
        errors."""
        seconds = self.policy.deadline_seconds + size / SLOWEST
        try:
            return _run_in_time(seconds, work)
        except ClientError as error:
            raise self._translate(key, error) from error
        except concurrent.futures.TimeoutError as error:
            raise _unavailable_error(key, f"it was not done after {seconds:.0f} s") from error
        except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
            raise _unavailable_error(key, str(error)) from error
        except BotoCoreError as error:
            raise _refused_error(
                f"No request for {key} could be made: {error}", str(error)
            ) from error

    def _translate(self, key: str, error: ClientError) -> StorageError:
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
            return _unavailable_error(key, words)
        return _refused_error(
            f"The bucket {self._bucket(key)!r} refused {key}: {words}", str(error)
        )


def _object_headers(key: str, sha256: str) -> dict[str, Any]:
    """Return the headers and metadata that are stored with an object."""
    return {
        "ContentType": media_type(key),
        "CacheControl": cache_control(key),
        "Metadata": {"sha256": sha256},
    }


def _read_to_end(body: Any, take: Callable[[bytes], object]) -> str:
    """Pass each block of the body to `take`, and return the SHA-256 of all of them in hex."""
    digest = hashlib.sha256()
    # Closed in the thread that reads: close() waits for a read in another thread.
    with contextlib.closing(body):
        for block in body.iter_chunks(_BLOCK_BYTES):
            digest.update(block)
            take(block)
    return digest.hexdigest()


def _run_in_time(seconds: float, work: Callable[[], T]) -> T:
    """Return what `work` returns. Raises concurrent.futures.TimeoutError, and abandons the thread
    then.

    boto3 limits single reads only: a server that sends a byte now and then would be waited for
    without end.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the outcome is asked for
            outcome.set_exception(error)

    threading.Thread(target=run, name="s3", daemon=True).start()
    return outcome.result(seconds)


def _unavailable_error(key: str, words: str) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"The store at DUB_R2_ENDPOINT did not do what was asked for {key}: {words}. Try again; "
        "what was kept before is there.",
        detail=words,
    )


def _refused_error(what: str, words: str) -> StorageRefusedError:
    return StorageRefusedError(
        f"{what}. Check DUB_R2_ACCESS_KEY_ID and DUB_R2_SECRET_ACCESS_KEY and what they may do, "
        "DUB_R2_BUCKET, DUB_R2_PUBLIC_BUCKET, DUB_R2_ENDPOINT, and this machine's clock.",
        detail=words,
    )
