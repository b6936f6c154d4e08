"""A short soak: a second round of videos and visitors leaves what the first one has left."""

from __future__ import annotations

import json

import pytest

from benchmarks.faults import short_clip
from benchmarks.soak import JUDGED, Outcome, open_cluster, soak
from tests.support.rig.cluster.providers import local_providers

# One cluster serves them all.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("soak")]

CONNECTIONS = ("PostgreSQL's clients", "PgBouncer's clients", "Redis' clients")


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome]:
    """The first two videos, in which all is imported and connected, and four more."""
    folder = tmp_path_factory.mktemp("soak")
    clip = short_clip(folder).read_bytes()
    with (
        local_providers(folder) as paid,
        open_cluster(folder / "c", paid) as running,
    ):
        first = soak(running, clip, videos=2, seed=1)
        return first, soak(running, clip, videos=4, seed=2)


def test_every_video_is_released(rounds: tuple[Outcome, Outcome]) -> None:
    """And nobody at the API got an answer that was not to be expected."""
    assert [each.videos for each in rounds] == [each.released for each in rounds]
    assert [0, 0] == [each.surprised for each in rounds]


def test_no_temporary_file_is_left(rounds: tuple[Outcome, Outcome]) -> None:
    """Of no step, and of no upload that was broken off."""
    assert [0, 0] == [each.temp_files for each in rounds]


@pytest.mark.parametrize("role", JUDGED)
def test_a_video_costs_no_descriptor(rounds: tuple[Outcome, Outcome], role: str) -> None:
    """What few more there are come from pools, and are fewer than the videos."""
    before, after = (sum(at.fds for at in each.at_rest.processes[role].values()) for each in rounds)
    assert after - before < rounds[1].videos


@pytest.mark.parametrize("name", CONNECTIONS)
def test_a_video_costs_no_connection(rounds: tuple[Outcome, Outcome], name: str) -> None:
    """To the databases, the pooler and the broker, from all servers together."""
    before, after = (each.at_rest.counts[name] for each in rounds)
    assert after - before < rounds[1].videos


def test_the_line_for_machines_has_both_slopes(rounds: tuple[Outcome, Outcome]) -> None:
    """And what they are of."""
    line = json.loads(rounds[1].as_json())
    assert ["rss_slope_mb_per_hour", "fd_slope_per_hour"] == list(line)[:2]
    assert rounds[1].videos == line["videos"]
