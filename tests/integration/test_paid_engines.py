"""The engines that users pay for, through the whole pipeline, against local servers that speak
the providers' wire formats and a bucket that enforces signatures and checksums."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from benchmarks.faults import TRY_SECONDS, measure_faults, paid_engines
from dub_platform.registry import DubStatus
from dub_platform.registry.ledger import PaidCalls
from tests.assets.conftest import SENTENCES
from tests.support.measuring import decode
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.golden_clip import make_golden_clip
from tests.support.rig.workshop import Workshop, list_made, metadata_of, open_workshop
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_server import OpenAIServer
from tests.support.servers.swift import SwiftS3, running_swift

# One deployment serves most of them.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("paid engines")]


@dataclass(frozen=True)
class Paid:
    """A deployment that pays for everything, after it dubbed one video into Spanish."""

    workshop: Workshop
    voice: ElevenLabsServer
    swift: SwiftS3
    video_id: str


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    folder, swift = tmp_path_factory.mktemp("paid"), running_swift()
    clip = make_golden_clip(folder, SENTENCES, 9.0)
    with (
        pytest.MonkeyPatch.context() as environment,
        OpenAIServer() as chat,
        ElevenLabsServer(folder / "asked.jsonl") as voice,
    ):
        # Dagster's resource reads its secrets from the environment, so that its UI shows none.
        environment.setenv("DUB_R2_ACCESS_KEY_ID", swift.key_id)
        environment.setenv("DUB_R2_SECRET_ACCESS_KEY", swift.secret)
        chosen = {**paid_engines(chat, voice), **swift.new_settings()}
        with open_workshop(folder, **chosen) as workshop:
            video_id = workshop.hand_in(clip.path, "es")
            workshop.prepare(video_id)
            workshop.dub(video_id, "es")
            yield Paid(workshop, voice, swift, video_id)


def test_the_release_is_in_the_bucket_for_anybody_to_read(paid: Paid, tmp_path: Path) -> None:
    """The track is fetched without a signature and plays."""
    release = paid.workshop.registry.dub(paid.video_id, "es").release
    assert release is not None
    answer = httpx.get(
        paid.workshop.store.url(release.track_key), timeout=HANG_SECONDS
    ).raise_for_status()
    assert "audio/mp4" == answer.headers["content-type"]
    track = tmp_path / "track.m4a"
    track.write_bytes(answer.content)
    assert 9.0 == pytest.approx(len(decode(track)) / 48_000, abs=0.020)


def test_the_newest_release_is_named_last(paid: Paid) -> None:
    """The small manifest that points at the release is what the registry says too."""
    key = f"releases/{paid.video_id}/es/current.json"
    current = json.loads(
        httpx.get(paid.workshop.store.url(key), timeout=HANG_SECONDS).raise_for_status().text
    )
    release = paid.workshop.registry.dub(paid.video_id, "es").release
    assert release is not None
    assert (release.track_key, release.sha256) == (current["track"], current["sha256"])


def test_what_is_not_released_is_private(paid: Paid) -> None:
    """The source and the transcript cannot be read from the public bucket or without a key."""
    public = paid.swift.public_url(paid.workshop.settings.r2_public_bucket)
    private = paid.swift.public_url(paid.workshop.settings.r2_bucket)
    for base in (public, private):
        for name in ("upload.media", "transcript.json"):
            assert httpx.get(f"{base}/videos/{paid.video_id}/{name}").status_code in (401, 403, 404)


def test_every_paid_call_is_in_the_ledger(paid: Paid) -> None:
    """The dub's bill is above nothing, and is the voice's own account and the translation's."""
    calls = PaidCalls.at(paid.workshop.settings.registry_url)
    spent = calls.spent_usd(paid.video_id)["es"]
    spoken = sum(entry["charged_characters"] for entry in paid.voice.asked()) * 0.10 / 1000
    assert spoken < spent < spoken + 0.01


def test_a_second_run_pays_nothing(paid: Paid) -> None:
    """Neither a line nor a batch is bought twice."""
    calls = PaidCalls.at(paid.workshop.settings.registry_url)
    before, asked = calls.spent_usd(paid.video_id), len(paid.voice.asked())
    again = list_made(paid.workshop.dub_by_hand(paid.video_id, "es"))
    assert (before, asked) == (calls.spent_usd(paid.video_id), len(paid.voice.asked()))
    assert 0.0 == metadata_of(again["speech"])["cost in USD"].value
    assert 0.0 == metadata_of(again["translation"])["cost in USD"].value
    assert DubStatus.RELEASED is paid.workshop.registry.dub(paid.video_id, "es").status


def test_no_secret_is_shown(paid: Paid) -> None:
    """Not in a materialization, not in a run's log."""
    settings = paid.workshop.settings
    keys = (settings.openai_api_key, settings.elevenlabs_api_key, settings.r2_secret_access_key)
    secrets = [key.get_secret_value() for key in keys if key]
    assert 3 == len(secrets)
    for run in paid.workshop.instance.get_runs():
        log = "\n".join(repr(e) for e in paid.workshop.instance.all_logs(run.run_id))
        assert not any(secret in log for secret in secrets)


def test_a_cap_stops_a_dub_before_it_is_paid(tmp_path: Path) -> None:
    """The reason names the setting, and nothing was asked of the voice."""
    clip = make_golden_clip(tmp_path, SENTENCES, 9.0)
    with OpenAIServer() as chat, ElevenLabsServer(tmp_path / "asked.jsonl") as voice:
        capped = {**paid_engines(chat, voice), "cost_cap_per_video_usd": 0.0005}
        with open_workshop(tmp_path, **capped) as workshop:
            video_id = workshop.hand_in(clip.path, "es")
            workshop.prepare(video_id)
            result = workshop.dub(video_id, "es", raise_on_error=False)
        assert not result.success
        assert [] == voice.asked()
    failed = next(e for e in result.all_events if e.is_step_failure).step_failure_data
    assert failed.user_failure_data
    assert "DUB_COST_CAP_PER_VIDEO_USD" in str(failed.user_failure_data.description)


def test_misbehaving_providers_lose_nothing(tmp_path: Path) -> None:
    """Four videos while every fifth request goes wrong: all are released, nothing is paid twice."""
    # No answer takes as long as a whole dub, on no machine.
    plenty = max(TRY_SECONDS, measure_faults(_new(tmp_path, "usual"), 1, rate=0.0, seed=11).seconds)
    outcome = measure_faults(_new(tmp_path, "faulty"), 4, rate=0.2, seed=11, try_seconds=plenty)
    assert (4, 0, 0) == (outcome.released, outcome.synthesised_twice, outcome.over_deadline)
    assert outcome.faults > 0


def _new(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name
