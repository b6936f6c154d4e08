"""A disk that fills up in the midst of a run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dagster import ExecuteInProcessResult

from resources.media import ffmpeg
from resources.store.local import LocalStore
from tests.assets.workshop import Workshop
from tests.full_disks import no_file_beyond


@pytest.mark.parametrize(
    ("place", "write"),
    [(ffmpeg, "run"), (LocalStore, "put_file"), (LocalStore, "put_bytes")],
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
    assert workshop.dub(prepared, "es").success
    assert before.items() <= media(workshop).items()


def without_space(write: Callable[..., object]) -> Callable[..., object]:
    """The function on a disk that is full."""

    def limited(*given: object, **named: object) -> object:
        with no_file_beyond(100):
            return write(*given, **named)

    return limited


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
