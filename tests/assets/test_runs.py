"""Runs of the real assets: what they make, what they refuse, and what they never do twice."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from dagster import (
    ExecuteInProcessResult,
    MarkdownMetadataValue,
    TableMetadataValue,
    TextMetadataValue,
    UrlMetadataValue,
)

from assets.partitions import Target
from assets.step.metadata import Showcase
from assets.step.tags import TITLE
from dub_platform.registry import DubStatus, VideoStatus
from resources.downloader.port import Fetched
from resources.downloader.upload import UploadDownloader
from resources.media.ffmpeg import PLACES
from resources.store.local import LocalStore
from tests.assets.conftest import Dubbed
from tests.support.rig.workshop import Workshop, list_made, metadata_of

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
    "audio": {"seconds", "LUFS", "speech in seconds", "cuts"},
    "transcript": {"lines", "words per minute", "mean confidence", "engine"},
    "translation": {"lines", "characters", "length beside the original", "rewrites", "cost in USD"},
    "speech": {"takes paid", "takes reused", "characters", "cost in USD"},
    "dubbed_track": {
        *("onset p95 in ms", "tempo p95", "LUFS", "true peak in dB", "lines over 1.15 ×"),
        *("lines at 1.30 ×", "times real time"),
    },
    "r2_object": {"bytes", "sha256", "track"},
}


def test_a_video_is_prepared_and_dubbed(workshop: Workshop, dubbed: Dubbed) -> None:
    """Both jobs make their assets, and the registry knows how far it got."""
    assert SOURCE + DUB == list(dubbed.made)
    assert VideoStatus.PREPARED is workshop.registry.video(dubbed.video_id).status
    assert DubStatus.RELEASED is workshop.registry.dub(dubbed.video_id, "es").status


def test_every_materialization_shows_its_numbers(dubbed: Dubbed) -> None:
    """The numbers of the design, a picture where there is sound, lines where there are any."""
    for name, numbers in NUMBERS.items():
        metadata = metadata_of(dubbed.made[name])
        assert numbers <= set(metadata), name
        assert [] == [label for label in metadata if "_" in label], name
        # What it is comes first, in Dagster's list of it too.
        assert ["video", "player"] == list(metadata)[:2], name
        assert "Clip" == metadata["video"].value, name
        assert isinstance(metadata["player"], UrlMetadataValue), name
        if name not in ("transcript", "translation"):
            links = {"video", "player", "editor"}
            assert "waveform" == next(label for label in metadata if label not in links), name
        if name not in ("source_media", "audio"):
            table = metadata["table"]
            assert isinstance(table, TableMetadataValue), name
            assert 2 == len(table.records), name


def test_a_picture_is_shown_at_once_and_loud_where_somebody_speaks(dubbed: Dubbed) -> None:
    """Dagster shows markdown of less than 1,000 characters; longer is behind a button."""
    for name in ("source_media", "audio", "speech", "dubbed_track", "r2_object"):
        shown_at_once = metadata_of(dubbed.made[name])["waveform"]
        assert isinstance(shown_at_once, MarkdownMetadataValue), name
        markdown = str(shown_at_once.md_str)
        assert len(markdown) < 1000, name
        found = re.fullmatch(r"!\[waveform\]\(data:image/svg\+xml,([^ ()]+)\)", markdown)
        assert found, name
        [path] = ElementTree.fromstring(unquote(found[1]))
        bars = re.findall(r"M(\d+),(\d+)v(\d+)", path.attrib["d"])
        assert list(range(PLACES)) == [int(x) for x, _, _ in bars]
        if name == "source_media":
            # The clip has 9 s: a sentence begins at 0.8 s, another at 5.2 s.
            heights = [int(height) for *_, height in bars]
            assert max(heights[:6]) < max(heights[9:30]), heights
            assert max(heights[42:50]) < max(heights[53:80]), heights


def test_a_video_with_signed_links_is_reached_by_way_of_dagster(
    workshop: Workshop, dubbed: Dubbed
) -> None:
    """What is shown is kept for ever and has neither a secret nor an end; the way signs anew."""
    target = Target(dubbed.video_id, "es")
    signing = Showcase("http://dub.test", workshop.registry, signs=True)
    key = f"releases/{dubbed.video_id}/es/1/track.m4a"
    assert f"/dub/watch?v={dubbed.video_id}&lang=es" == signing.heading(target)["player"].value
    assert f"/dub/media/{key}" == signing.address(workshop.store, key).value
    plainly = Showcase("http://dub.test", workshop.registry)
    assert f"http://dub.test/watch?v={dubbed.video_id}&lang=es" == (
        plainly.heading(target)["player"].value
    )
    assert workshop.store.url(key) == plainly.address(workshop.store, key).value
    # The editor's page shows nothing without a key, so it is linked as it is.
    editor = f"http://dub.test/edit?v={dubbed.video_id}&lang=es"
    assert [editor] * 2 == [each.heading(target)["editor"].value for each in (signing, plainly)]
    assert "editor" not in plainly.heading(Target(dubbed.video_id, None))


def test_a_title_that_the_source_tells_is_shown_from_the_first_step_on(
    workshop: Workshop, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is listed with it, which was requested when nobody knew it."""
    fetch = UploadDownloader.fetch

    def fetch_titled(self: UploadDownloader, *asked: Any) -> Fetched:
        return dataclasses.replace(fetch(self, *asked), title="Found\x1b there")

    monkeypatch.setattr(UploadDownloader, "fetch", fetch_titled)
    result = workshop.prepare(workshop.hand_in(clip, "es", title=""))
    assert ["Found there"] * 3 == [
        metadata_of(made)["video"].value for made in list_made(result).values()
    ]
    run = workshop.instance.get_run_by_id(result.run_id)
    assert run
    assert "Found there" == run.tags[TITLE]


def test_gates_show_what_can_move(workshop: Workshop, prepared: str) -> None:
    """Levels, seconds and onsets under names in words, and no count that is 0 in all that pass."""
    judged = workshop.dub(prepared, "es").get_asset_check_evaluations()
    shown_by = {check.check_name: check.metadata for check in judged}
    assert {"LUFS", "true peak in dB"} == set(shown_by["track_loudness_is_on_target"])
    assert {"tempo p95"} == set(shown_by["track_has_no_overlaps"])
    assert {"takes", "speech in seconds"} == set(shown_by["every_line_has_a_take"])
    assert "voice to bed in dB" in shown_by["track_says_every_take"]
    counts = {"missing", "wrong", "overlaps", "cut"}
    assert counts.isdisjoint(name for metadata in shown_by.values() for name in metadata)


def test_a_run_by_hand_is_listed_with_the_title(workshop: Workshop, dubbed: Dubbed) -> None:
    """As those that the sensors request are."""
    made = workshop.dub_by_hand(dubbed.video_id, "es", "translation")
    run = workshop.instance.get_run_by_id(made.run_id)
    assert run
    assert "Clip" == run.tags[TITLE]


def test_strangers_words_are_no_markdown(workshop: Workshop, clip: Path) -> None:
    """Dagster shows pictures and links in markdown: titles and lines are in plain cells alone."""
    video_id = workshop.hand_in(clip, "es", captions=MARKDOWN, title=f"![Clip]({PLACE})")
    runs = (workshop.prepare(video_id), workshop.dub(video_id, "es"))
    values = [
        value
        for run in runs
        for made in list_made(run).values()
        for value in metadata_of(made).values()
    ]
    plainly = {TableMetadataValue, TextMetadataValue}
    assert plainly == {type(value) for value in values if PLACE in str(value)}
    judged = [check for run in runs for check in run.get_asset_check_evaluations()]
    assert 9 == len(judged)
    assert PLACE not in str([(check.description, check.metadata) for check in judged])


def test_the_table_of_a_track_tells_all_of_its_lines(dubbed: Dubbed) -> None:
    """An operator sees each line as it was said, as it is said now, when and how fast."""
    table = metadata_of(dubbed.made["dubbed_track"])["table"]
    assert isinstance(table, TableMetadataValue)
    names = ["#", "start", "end", "source", "target", "tempo", "onset", "edited", "flag"]
    assert names == [column.name for column in table.schema.columns]
    first = table.records[0].data
    assert set(names) == set(first)
    assert "summer" in str(first["source"])
    assert float(str(first["start"])) < float(str(first["end"])) < 5.2
    assert re.fullmatch(r"[+-]\d+ ms", str(first["onset"]))
    assert ("", "") == (first["edited"], first["flag"])


def test_a_pair_nobody_asked_for_materializes_nothing(workshop: Workshop, prepared: str) -> None:
    """Started by hand for a language that nobody wants, a run ends well and makes nothing."""
    workshop.add_partitions(prepared, ["ca"])
    result = workshop.dub_by_hand(prepared, "ca")
    assert result.success
    assert {} == list_made(result)
    assert not list(workshop.settings.store_dir.rglob("takes/*/*"))


def test_a_video_nobody_handed_in_materializes_nothing(workshop: Workshop) -> None:
    """A key added by hand in the UI is not a video."""
    workshop.add_partitions("dQw4w9WgXcQ", [])
    result = workshop.defs.resolve_job_def("prepare_video").execute_in_process(
        partition_key="dQw4w9WgXcQ", instance=workshop.instance
    )
    assert {} == list_made(result)


@pytest.mark.parametrize("name", DUB)
def test_any_asset_can_be_materialized_again(workshop: Workshop, dubbed: Dubbed, name: str) -> None:
    """Alone, by hand, and to the same content as before."""
    again = list_made(workshop.dub_by_hand(dubbed.video_id, "es", name))
    assert [name] == list(again)
    assert _version(dubbed.made[name]) == _version(again[name])
    assert DubStatus.RELEASED is workshop.registry.dub(dubbed.video_id, "es").status


def test_what_was_spoken_is_never_paid_again(workshop: Workshop, dubbed: Dubbed) -> None:
    """A second run of the whole dub reuses every take."""
    first = metadata_of(dubbed.made["speech"])
    second = metadata_of(list_made(workshop.dub_by_hand(dubbed.video_id, "es"))["speech"])
    assert (2, 0) == (first["takes paid"].value, first["takes reused"].value)
    assert (0, 2) == (second["takes paid"].value, second["takes reused"].value)


def test_a_changed_line_is_the_only_one_spoken_again(workshop: Workshop, dubbed: Dubbed) -> None:
    """An edited translation costs one take."""
    key = f"videos/{dubbed.video_id}/dubs/es/translation.json"
    edited = json.loads(workshop.store.get_bytes(key))
    edited["lines"][0]["text"] = "Cada verano nos visita mucha gente."
    workshop.store.put_bytes(key, json.dumps(edited).encode())
    again = list_made(workshop.dub_by_hand(dubbed.video_id, "es", "speech"))
    spoken = metadata_of(again["speech"])
    assert (1, 1) == (spoken["takes paid"].value, spoken["takes reused"].value)


def test_what_fails_a_gate_is_not_published(workshop: Workshop, prepared: str) -> None:
    """Takes that cannot fit before the video's end are kept, and nothing is released."""
    key = f"videos/{prepared}/transcript.json"
    crowded = json.loads(workshop.store.get_bytes(key))
    crowded["lines"][1]["text"] = " ".join(["On Sunday morning the market opens at seven."] * 5)
    workshop.store.put_bytes(key, json.dumps(crowded).encode())
    result = workshop.dub(prepared, "es", raise_on_error=False)
    assert not result.success
    assert ["translation", "speech", "dubbed_track"] == list(list_made(result))
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
    assert ["translation"] == list(list_made(result))
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
