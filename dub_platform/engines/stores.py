"""Our stores, as pyproject.toml names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dub_platform.engines import provisions
from dub_platform.engines.declarations import Chosen, StoreEngine

if TYPE_CHECKING:
    from dub_platform.settings import Settings
    from resources.store.port import Store


def make_local(chosen: Chosen, _client: Any) -> Store:
    from resources.store.local import LocalStore

    return LocalStore(chosen.settings.store_dir, f"{chosen.settings.base_url}/media")


def make_r2(chosen: Chosen, client: Any) -> Store:
    # boto3 costs a process three tenths of a second.
    from resources.store.s3 import S3Store

    settings = chosen.settings
    return S3Store(
        client or bucket_client(settings),
        bucket=settings.r2_bucket,
        public_bucket=settings.r2_public_bucket,
        public_url=settings.r2_public_url or f"{settings.base_url}/media",
        is_public=bool(settings.r2_public_url),
    )


def bucket_client(settings: Settings) -> Any:
    """A boto3 client for the two buckets of DUB_STORE=r2."""
    from resources.store.s3 import client

    key_id, key = settings.r2_access_key_id, settings.r2_secret_access_key
    return client(settings.r2_endpoint, provisions.secret(key_id), provisions.secret(key))


LOCAL = StoreEngine(about="A folder below DUB_HOME.", make=make_local)
R2 = StoreEngine(
    about="Two buckets of Cloudflare R2, or of anything that speaks S3.",
    needs="buckets, a token",
    make=make_r2,
)
