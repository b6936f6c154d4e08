"""The bucket as Dagster's resource."""

from __future__ import annotations

import pytest

from assets.step.r2_resource import bucket
from dub_platform.settings import Settings


@pytest.mark.parametrize("prefix", ["DUB_R2_", "R2_"])
def test_its_keys_are_read_under_the_name_that_they_have(
    monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """A platform that sets the former names has runs that reach the bucket, as the API does."""
    monkeypatch.setenv(f"{prefix}ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv(f"{prefix}SECRET_ACCESS_KEY", "a-secret")
    settings = Settings.from_environment().model_copy(update={"r2_endpoint": "http://127.0.0.1:1"})
    resource = bucket(settings).process_config_and_initialize()
    keys = resource.get_client()._request_signer._credentials
    assert ("a-key", "a-secret") == (keys.access_key, keys.secret_key)
