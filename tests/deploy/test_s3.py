"""The S3 to develop against: its settings, its keys, and how its buckets are made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import httpx
import pytest
from dotenv import dotenv_values

from dub_platform.settings import Settings
from tests.support.patience import HANG_SECONDS
from tests.support.rig.cluster.composition import ROOT
from tests.support.servers.swift import running_swift

FOLDER = ROOT / "deploy" / "s3"
GIVEN = {name: str(value) for name, value in dotenv_values(FOLDER / "development.env").items()}


def test_its_settings_are_all_that_a_bucket_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform starts with them."""
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    assert "r2" == Settings.from_environment().store


def test_it_knows_the_key_and_shows_anybody_the_public_bucket_only() -> None:
    """What its configuration allows is what the settings ask for."""
    keyed, anybody = json.loads((FOLDER / "s3.json").read_text())["identities"]
    [key] = keyed["credentials"]
    assert GIVEN["DUB_R2_ACCESS_KEY_ID"] == key["accessKey"]
    assert GIVEN["DUB_R2_SECRET_ACCESS_KEY"] == key["secretKey"]
    assert [f"Read:{GIVEN['DUB_R2_PUBLIC_BUCKET']}"] == anybody["actions"]


def test_its_buckets_are_made_once() -> None:
    """A second start finds them and is content."""
    swift, name = running_swift(), uuid.uuid4().hex[:12]
    environment = {
        **os.environ,
        **GIVEN,
        "DUB_R2_ENDPOINT": swift.endpoint,
        "DUB_R2_BUCKET": f"private-{name}",
        "DUB_R2_PUBLIC_BUCKET": f"public-{name}",
        "DUB_R2_ACCESS_KEY_ID": swift.key_id,
        "DUB_R2_SECRET_ACCESS_KEY": swift.secret,
    }
    for _ in range(2):
        command = [sys.executable, str(FOLDER / "buckets.py")]
        subprocess.run(command, env=environment, cwd=ROOT, check=True)
    made = {bucket["Name"] for bucket in swift.client.list_buckets()["Buckets"]}
    assert {f"private-{name}", f"public-{name}"} <= made
    assert httpx.get(swift.public_url(f"private-{name}"), timeout=HANG_SECONDS).status_code in (
        401,
        403,
        404,
    )
