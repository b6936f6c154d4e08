"""A disk that fills up in the midst of a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from dagster import ExecuteInProcessResult

from dub_platform.registry import VideoStatus
from resources.media import ffmpeg
from resources.store.local import LocalStore
from resources.system.disk import full_disk
from tests.support.full_disks import no_file_beyond
from tests.support.rig.workshop import Workshop

CAPTIONS = """\
1
00:00:00,800 --> 00:00:03,600
Every summer, many people come to visit us.

2
00:00:05,200 --> 00:00:08,200
On Sunday morning, the market opens at seven.
"""


@pytest.mark.parametrize(
    ("place", "write"),
    [
        pytest.param(ffmpeg, "run", marks=pytest.mark.long),
        pytest.param(LocalStore, "put_file", marks=pytest.mark.long),
        (LocalStore, "put_bytes"),
    ],
    ids=["its work", "its media", "its value"],
)
def test_a_step_that_finds_no_space_fails_in_words(
    workshop: Workshop, prepared: str, monkeypatch: pytest.MonkeyPatch, place: object, write: str
) -> None:
    """What is kept is whole, and nothing is in the spool; with space, the same work goes on."""
    with monkeypatch.context() as patch:
        patch.setattr(place, write, without_space(getattr(place, write)))
        failed = workshop.dub(prepared, "es", raise_on_error=False)
    assert "storage_full" == code(failed)
    assert [] == list(workshop.settings.spool_dir.iterdir())
    before = media(workshop)
    run_out(workshop)
    assert workshop.dub(prepared, "es").success
    assert before.items() <= media(workshop).items()


def test_a_video_whose_transcript_was_not_kept_is_not_prepared(
    workshop: Workshop, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dub that began at once would find nothing to read."""
    video_id = workshop.hand_in(clip, "es", captions=CAPTIONS)
    put = LocalStore.put_bytes

    def refuse_transcript(store: LocalStore, key: str, content: bytes) -> None:
        if key.endswith("/transcript.json"):
            raise full_disk(key, "No space left on device")
        put(store, key, content)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "put_bytes", refuse_transcript)
        assert not workshop.prepare(video_id, raise_on_error=False).success
    assert VideoStatus.RUNNING is workshop.registry.video(video_id).status
    run_out(workshop)
    assert workshop.prepare(video_id).success
    assert VideoStatus.PREPARED is workshop.registry.video(video_id).status


def without_space(write: Callable[..., object]) -> Callable[..., object]:
    """The function on a disk that is full."""

    def limited(*given: object, **named: object) -> object:
        with no_file_beyond(100):
            return write(*given, **named)

    return limited


def run_out(workshop: Workshop) -> None:
    """The lease of the run that failed, which nobody renews, as in twenty seconds by itself."""
    workshop.registry.drop_leases(before=datetime.now(timezone.utc) + timedelta(minutes=1))


def media(workshop: Workshop) -> dict[str, bytes]:
    """What the store keeps besides values, by the file's path; half writes too."""
    paths = [path for path in workshop.settings.store_dir.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in paths if path.suffix != ".json"}


def code(failed: ExecuteInProcessResult) -> str:
    """What the registry would be told."""
    (event,) = [each for each in failed.all_events if each.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure
    return str(failure.metadata["error"].value["code"])  # type: ignore[index, call-overload]
