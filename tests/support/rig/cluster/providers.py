"""What production pays for, as local servers: OpenAI's API, ElevenLabs', and an S3.

with local_providers(folder) as providers, cluster(folder, **providers.settings) as c:
    providers.chat.script(Fault.HANG)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults import paid_engines
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_server import OpenAIServer
from tests.support.servers.providers.speech_provider import Faults
from tests.support.servers.swift import SwiftS3, running_swift

# A busy machine speaks slowly; how patience runs out is what benchmarks.faults is about.
PATIENCE = {"provider_try_seconds": 60.0, "provider_deadline_seconds": 150.0}


@dataclass(frozen=True)
class Providers:
    """The servers, with what they were asked, and the settings of a deployment that pays them."""

    chat: OpenAIServer
    voice: ElevenLabsServer
    s3: SwiftS3
    settings: Mapping[str, Any]


@contextlib.contextmanager
def local_providers(
    folder: Path,
    faults: Faults | None = None,
    *,
    translation_seconds: float = 0.0,
    speech_seconds: float = 0.0,
) -> Iterator[Providers]:
    """All of them, with the voice's account in the folder.

    `faults` are what goes wrong with the voice; each answer takes as long as is said.
    """
    swift = running_swift()
    private, public = swift.new_buckets()
    bucket = {
        "store": "r2",
        "r2_endpoint": swift.endpoint,
        "r2_bucket": private,
        "r2_public_bucket": public,
        "r2_public_url": swift.public_url(public),
        "r2_access_key_id": swift.key_id,
        "r2_secret_access_key": swift.secret,
    }
    account = folder / "asked.jsonl"
    with OpenAIServer() as chat, ElevenLabsServer(account, faults or Faults()) as voice:
        chat.takes_seconds, voice.takes_seconds = translation_seconds, speech_seconds
        settings = {**paid_engines(chat, voice), **bucket, **PATIENCE}
        yield Providers(chat, voice, swift, settings)
