"""A dub that is removed while there is another: what is watched then, and what is made again."""

from __future__ import annotations

from datetime import datetime, timezone

import av
from dagster import AssetKey

from api.asgi import services_from
from assets.partitions import dub_key
from assets.step.tags import tags_of
from dub_platform import wiring
from dub_platform.registry import DubStatus
from sensors.removal import clear_dub
from tests.assets.conftest import Dubbed
from tests.support.rig.services import local_client
from tests.support.rig.workshop import Workshop, list_made, metadata_of


def test_a_dub_goes_and_comes_again(workshop: Workshop, dubbed: Dubbed) -> None:
    """The film is made without it by a run that makes nothing else; when it is made again, all of
    its takes are found."""
    video_id, registry = dubbed.video_id, workshop.registry
    services = services_from(workshop.settings, workshop.add_partitions)  # type: ignore[arg-type]
    with local_client(services) as client:
        client.put(f"/videos/{video_id}/dubs/ca")
        workshop.dub(video_id, "ca")
        assert ["eng", "cat", "spa"] == sounds(workshop, video_id)
        before = registry.dub(video_id, "ca").release
        assert 204 == client.delete(f"/videos/{video_id}/dubs/es").status_code
    [work] = registry.claim_dubs(limit=9, now=datetime.now(timezone.utc))
    job = workshop.defs.resolve_job_def("dub_video")
    made = job.execute_in_process(
        partition_key=dub_key(video_id, "ca"),
        tags=tags_of(work),
        instance=workshop.instance,
        asset_selection=[AssetKey("r2_object")],
    )
    assert ["r2_object"] == list(list_made(made))
    assert (DubStatus.RELEASED, before) == (
        registry.dub(video_id, "ca").status,
        registry.dub(video_id, "ca").release,
    )
    assert ["eng", "cat"] == sounds(workshop, video_id)

    # It makes nothing while something of the first is left.
    registry.ask(video_id, "es")
    assert {} == list_made(workshop.dub_by_hand(video_id, "es"))
    remover = wiring.remover(workshop.settings, workshop.store)
    assert clear_dub(video_id, "es", registry, remover, workshop.instance)
    assert [] == [each.key for each in workshop.store.keys(f"videos/{video_id}/dubs/es/")]
    again = list_made(workshop.dub(video_id, "es"))
    assert (0, 2) == tuple(
        metadata_of(again["speech"])[name].value for name in ("takes paid", "takes reused")
    )
    assert ["eng", "cat", "spa"] == sounds(workshop, video_id)


def sounds(workshop: Workshop, video_id: str) -> list[str]:
    """The languages of the film's sounds."""
    key = workshop.registry.video(video_id).film_key
    assert key is not None
    with av.open(str(workshop.store.path(key))) as film:  # type: ignore[attr-defined]
        return [stream.metadata["language"] for stream in film.streams.audio]
