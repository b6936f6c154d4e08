"""Runs of the real assets: what they make, what they refuse, and what they never do twice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from dagster import (
    ExecuteInProcessResult,
    MarkdownMetadataValue,
    TableMetadataValue,
    UrlMetadataValue,
)

from dub_platform.registry import DubStatus, VideoStatus
from resources.store.local import LocalStore
from tests.assets.conftest import Dubbed
from tests.assets.workshop import Workshop, materialized, shown

SOURCE = ["source_media", "audio", "transcript"]
DUB = ["translation", "speech", "dubbed_track", "r2_object"]

# The browser of who looks at it would ask for it; in captions, brackets are no speech.
PLACE = "**www.e.vl**"
MARKDOWN = f"""\
1
00:00:00,800 --> 00:00:03,800
Every summer, many people visit {PLACE}

2
00:00:05,200 --> 00:00:08,200
On Sunday morning, the market opens at seven.
"""
NUMBERS = {
    "source_media": {"seconds", "bytes", "streams"},
    "audio": {"seconds", "lufs", "speech_seconds", "cuts"},
    "transcript": {"lines", "words_per_minute", "mean_confidence", "engine"},
    "translation": {"lines", "characters", "length_ratio", "rewrites", "cost_usd"},
    "speech": {"takes_paid", "takes_reused", "characters", "cost_usd"},
    "dubbed_track": {"onset_p95_ms", "tempo_p95", "lufs", "true_peak_db", "times_real_time"},
    "r2_object": {"bytes", "sha256", "public_url"},
}


def test_a_video_is_prepared_and_dubbed(workshop: Workshop, dubbed: Dubbed) -> None:
    """Both jobs make their assets, and the registry knows how far it got."""
    assert SOURCE + DUB == list(dubbed.made)
    assert VideoStatus.PREPARED is workshop.registry.video(dubbed.video_id).status
    assert DubStatus.RELEASED is workshop.registry.dub(dubbed.video_id, "es").status


def test_every_materialization_shows_its_numbers(dubbed: Dubbed) -> None:
    """The numbers of the design, a picture where there is sound, lines where there are any."""
    for name, numbers in NUMBERS.items():
        metadata = shown(dubbed.made[name])
        assert numbers <= set(metadata), name
        assert isinstance(metadata["player"], UrlMetadataValue), name
        if name not in ("transcript", "translation"):
            picture = metadata["waveform"]
            assert isinstance(picture, MarkdownMetadataValue), name
            assert str(picture.md_str).startswith("![waveform](data:image/png;base64,"), name
        if name not in ("source_media", "audio"):
            table = metadata["table"]
            assert isinstance(table, TableMetadataValue), name
            assert 2 == len(table.records), name


def test_strangers_words_are_no_markdown(workshop: Workshop, clip: Path) -> None:
    """Dagster shows pictures and links in markdown: titles and lines are in plain cells alone."""
    video_id = workshop.hand_in(clip, "es", captions=MARKDOWN, title=f"![Clip]({PLACE})")
    runs = (workshop.prepare(video_id), workshop.dub(video_id, "es"))
    values = [
        value
        for run in runs
        for made in materialized(run).values()
        for value in shown(made).values()
    ]
    assert {TableMetadataValue} == {type(value) for value in values if PLACE in str(value)}
    judged = [check for run in runs for check in run.get_asset_check_evaluations()]
    assert 7 == len(judged)
    assert PLACE not in str([(check.description, check.metadata) for check in judged])


def test_the_table_of_a_track_has_start_source_target_and_tempo(dubbed: Dubbed) -> None:
    """An operator sees each line as it was said, as it is said now, and how fast."""
    table = shown(dubbed.made["dubbed_track"])["table"]
    assert isinstance(table, TableMetadataValue)
    assert {"start", "source", "target", "tempo"} == set(table.records[0].data)
    assert "summer" in str(table.records[0].data["source"])


def test_a_pair_nobody_asked_for_materializes_nothing(workshop: Workshop, prepared: str) -> None:
    """Started by hand for a language that nobody wants, a run ends well and makes nothing."""
    workshop.add_partitions(prepared, ["ca"])
    result = workshop.dub_by_hand(prepared, "ca")
    assert result.success
    assert {} == materialized(result)
    assert not list(workshop.settings.store_dir.rglob("takes/*/*"))


def test_a_video_nobody_handed_in_materializes_nothing(workshop: Workshop) -> None:
    """A key added by hand in the UI is not a video."""
    workshop.add_partitions("dQw4w9WgXcQ", [])
    result = workshop.defs.resolve_job_def("prepare_video").execute_in_process(
        partition_key="dQw4w9WgXcQ", instance=workshop.instance
    )
    assert {} == materialized(result)


@pytest.mark.parametrize("name", DUB)
def test_any_asset_can_be_materialized_again(workshop: Workshop, dubbed: Dubbed, name: str) -> None:
    """Alone, by hand, and to the same content as before."""
    again = materialized(workshop.dub_by_hand(dubbed.video_id, "es", name))
    assert [name] == list(again)
    assert _version(dubbed.made[name]) == _version(again[name])
    assert DubStatus.RELEASED is workshop.registry.dub(dubbed.video_id, "es").status


def test_what_was_spoken_is_never_paid_again(workshop: Workshop, dubbed: Dubbed) -> None:
    """A second run of the whole dub reuses every take."""
    first = shown(dubbed.made["speech"])
    second = shown(materialized(workshop.dub_by_hand(dubbed.video_id, "es"))["speech"])
    assert (2, 0) == (first["takes_paid"].value, first["takes_reused"].value)
    assert (0, 2) == (second["takes_paid"].value, second["takes_reused"].value)


def test_a_changed_line_is_the_only_one_spoken_again(workshop: Workshop, dubbed: Dubbed) -> None:
    """An edited translation costs one take."""
    key = f"videos/{dubbed.video_id}/dubs/es/translation.json"
    edited = json.loads(workshop.store.get_bytes(key))
    edited["lines"][0]["text"] = "Cada verano nos visita mucha gente."
    workshop.store.put_bytes(key, json.dumps(edited).encode())
    again = materialized(workshop.dub_by_hand(dubbed.video_id, "es", "speech"))
    spoken = shown(again["speech"])
    assert (1, 1) == (spoken["takes_paid"].value, spoken["takes_reused"].value)


def test_what_fails_a_gate_is_not_published(workshop: Workshop, prepared: str) -> None:
    """Takes that cannot fit before the video's end are kept, and nothing is released."""
    key = f"videos/{prepared}/transcript.json"
    crowded = json.loads(workshop.store.get_bytes(key))
    crowded["lines"][1]["text"] = " ".join(["On Sunday morning the market opens at seven."] * 5)
    workshop.store.put_bytes(key, json.dumps(crowded).encode())
    result = workshop.dub(prepared, "es", raise_on_error=False)
    assert not result.success
    assert ["translation", "speech", "dubbed_track"] == list(materialized(result))
    checks = {e.check_name: e for e in result.get_asset_check_evaluations()}
    refused = checks["track_is_as_long_as_source"]
    assert not refused.passed
    assert "do not fit" in str(refused.description)
    assert not list(workshop.settings.store_dir.glob("releases/**/*.*"))


def test_a_translation_that_lost_a_line_is_not_spoken(
    workshop: Workshop, prepared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate before the first paid step stops a dub with a hole in it."""
    from resources.translator.apertium import ApertiumTranslator

    whole = ApertiumTranslator.translate

    def with_a_hole(*asked):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN202
        value = whole(*asked)
        return dataclasses.replace(value, lines=value.lines[1:])

    monkeypatch.setattr(ApertiumTranslator, "translate", with_a_hole)
    result = workshop.dub(prepared, "es", raise_on_error=False)
    assert ["translation"] == list(materialized(result))
    assert not list(workshop.settings.store_dir.rglob("takes/*/*"))


def test_no_work_folder_outlives_its_run(workshop: Workshop, dubbed: Dubbed) -> None:
    """The spool is empty after both jobs, and after a failed one."""
    assert [] == list(workshop.settings.spool_dir.iterdir())
    (sound,) = workshop.settings.store_dir.glob(f"videos/{dubbed.video_id}/audio/sound-*.flac")
    sound.write_bytes(b"not sound")
    _failed(workshop.dub(dubbed.video_id, "es", raise_on_error=False))
    assert [] == list(workshop.settings.spool_dir.iterdir())


def test_a_failure_carries_its_code_and_sentence(workshop: Workshop, prepared: str) -> None:
    """What Dagster shows of a failed step is the error of our own tree."""
    _local(workshop).path(f"videos/{prepared}/transcript.json").unlink()
    failure = _failed(workshop.dub(prepared, "es", raise_on_error=False))
    assert "artifact_missing" == failure["code"]
    assert "Materialize it first." in str(failure["message"])


def _failed(result: ExecuteInProcessResult) -> dict[str, object]:
    assert not result.success
    event = next(event for event in result.all_events if event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    return dict(failure.metadata["error"].value) if failure else {}  # type: ignore[arg-type]


def _version(materialization: object) -> str:
    return str(materialization.tags["dagster/data_version"])  # type: ignore[attr-defined]


def _local(workshop: Workshop) -> LocalStore:
    assert isinstance(workshop.store, LocalStore)
    return workshop.store
