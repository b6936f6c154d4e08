"""A running platform with DUB_STORE=r2, and what its runs print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from benchmarks.faults import paid_engines
from tests.assets.conftest import SENTENCES
from tests.integration.golden_clip import make_golden_clip
from tests.integration.platform import Platform, running_platform
from tests.providers.elevenlabs_server import ElevenLabsServer
from tests.providers.openai_server import OpenAIServer
from tests.swift_s3 import SwiftS3, running_swift

pytestmark = pytest.mark.xdist_group("bucket_logs")  # one stack serves them all

RUNS = """query($tags: [ExecutionTag!]!) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results { runId } } }
}"""

LOGS = """query($key: [String!]!) {
  capturedLogs(logKey: $key) { stderr }
  capturedLogsMetadata(logKey: $key) { stderrLocation }
}"""


@dataclass(frozen=True)
class Deployment:
    """Real servers, after one video was prepared and dubbed; `logs` is key -> content."""

    platform: Platform
    swift: SwiftS3
    runs: frozenset[str]
    logs: Mapping[str, str]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder, swift = tmp_path_factory.mktemp("bucket"), running_swift()
    clip = make_golden_clip(folder, SENTENCES, 9.0)
    with OpenAIServer() as chat, ElevenLabsServer(folder / "asked.jsonl") as voice:
        chosen = {**paid_engines(chat, voice), **swift.new_settings()}
        with running_platform(folder / "home", **chosen) as platform:
            video = platform.hand_in(clip.path, "es")
            platform.released(video["id"], "es")
            yield _deployment(platform, swift, video["id"])


def test_every_run_leaves_its_log_in_the_private_bucket(deployment: Deployment) -> None:
    """One for the preparation and one for the dub, and each tells of its steps."""
    assert 2 == len(deployment.runs)
    assert deployment.runs == {key.split("/")[2] for key in deployment.logs}
    told = "".join(deployment.logs.values())
    assert all(asset in told for asset in ("transcript", "speech", "r2_object"))


def test_dagster_shows_the_log_from_the_bucket(deployment: Deployment) -> None:
    """The whole of it, and where it is."""
    bucket = deployment.platform.settings.r2_bucket
    for key, content in deployment.logs.items():
        shown = _shown(deployment.platform, key)
        assert content == shown["capturedLogs"]["stderr"]
        assert f"s3://{bucket}/{key}" == shown["capturedLogsMetadata"]["stderrLocation"]


def test_viewers_read_releases_and_no_log(deployment: Deployment) -> None:
    """The public bucket holds nothing else."""
    public = deployment.platform.settings.r2_public_bucket
    assert {"releases"} == {key.split("/")[0] for key in _keys(deployment.swift, public)}


def test_no_log_holds_a_secret(deployment: Deployment) -> None:
    """Neither the providers' keys nor the bucket's."""
    settings = deployment.platform.settings
    keys = (settings.openai_api_key, settings.elevenlabs_api_key, settings.r2_secret_access_key)
    told = "".join(deployment.logs.values())
    assert [False] * 3 == [key is None or key.get_secret_value() in told for key in keys]


def _deployment(platform: Platform, swift: SwiftS3, video_id: str) -> Deployment:
    tags = [{"key": "dub/video", "value": video_id}]
    found = platform.ask_dagster(RUNS, tags=tags)["runsOrError"]["results"]
    runs, bucket = frozenset(run["runId"] for run in found), platform.settings.r2_bucket

    def logs() -> dict[str, str]:
        keys = [key for key in _keys(swift, bucket, "dagster/") if key.endswith(".err")]
        return {key: _content(swift, bucket, key) for key in keys if key.split("/")[2] in runs}

    # A run puts its log after its last step, in which the dub was released.
    platform.until(lambda: len(logs()) == len(runs))
    return Deployment(platform, swift, runs, logs())


def _shown(platform: Platform, key: str) -> Mapping[str, Mapping[str, str]]:
    """What the UI shows of the log under a key: dagster/storage/RUN/compute_logs/NAME.err."""
    log_key = key.removesuffix(".err").split("/")[2:]
    answer: Mapping[str, Mapping[str, str]] = platform.ask_dagster(LOGS, key=log_key)
    return answer


def _content(swift: SwiftS3, bucket: str, key: str) -> str:
    return str(swift.client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def _keys(swift: SwiftS3, bucket: str, prefix: str = "") -> list[str]:
    listed = swift.client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", [])]
