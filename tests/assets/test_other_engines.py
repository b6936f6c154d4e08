"""A dub by an engine of another package, from the setting to the release."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from dagster import AssetKey

from dub_platform.registry import DubStatus
from tests.assets.conftest import Prepare
from tests.support.packages import install_example, installed_packages
from tests.support.rig.workshop import open_workshop


@pytest.mark.long
def test_the_example_of_a_voice_dubs_a_video(tmp_path: Path, prepare: Prepare) -> None:
    """Its takes pass every gate; they sound as it makes them, and Dagster names it."""
    (folder := tmp_path / "platform").mkdir()
    with installed_packages(tmp_path / "packages") as packages:
        install_example(packages)
        with open_workshop(folder, voice="hum") as workshop:
            video_id = prepare(workshop, None)
            workshop.dub(video_id, "es")
            dub = workshop.registry.dub(video_id, "es")
            recordings = [
                workshop.store.fetch(kept.key, folder)
                for kept in workshop.store.keys("takes/")
                if kept.key.endswith(".flac")
            ]
            job = workshop.defs.resolve_job_def("dub_video")
    assert DubStatus.RELEASED is dub.status
    # Its own rate, which no voice of ours has that needs no account.
    assert {24_000} == {soundfile.info(each).samplerate for each in recordings}
    assert "hum" in job.asset_layer.asset_graph.get(AssetKey("speech")).kinds
