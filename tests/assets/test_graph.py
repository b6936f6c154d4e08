"""The graph's shape, as one readable table: what depends on what, per what, in which pool."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from dagster import AssetKey, Definitions, JobDefinition

import api
import assets
import dub_platform
import resources
import sensors
from assets import dub, source
from dub_platform.core.errors import EngineUnavailableError
from dub_platform.definitions import definitions
from dub_platform.settings import POOLS, Settings
from tests.support.recipes.installed_models import install_empty

CHECKOUT = Path(__file__).resolve().parents[2]

GRAPH = """
source_media  video      download    -
audio         video      -           source_media
transcript    video      transcribe  audio source_media
translation   dub        translate   transcript
speech        dub        speech      transcript translation
dubbed_track  dub        -           audio speech transcript translation
r2_object     dub        -           dubbed_track source_media speech transcript translation
"""

CHECKS = """
dubbed_track  track_has_no_overlaps          blocking
dubbed_track  track_is_as_long_as_source     blocking
dubbed_track  track_loudness_is_on_target    blocking
dubbed_track  track_says_every_take          blocking
speech        every_line_has_a_take          blocking
transcript    transcript_is_believable       blocking
transcript    transcript_is_in_order         blocking
translation   translation_covers_every_line  blocking
translation   translation_loses_nothing      telling
"""


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    return definitions(Settings(home=tmp_path_factory.mktemp("home")))


def test_the_assets_are_these(defs: Definitions) -> None:
    """Every asset with its partitions, pool and upstream assets."""
    graph = defs.resolve_asset_graph()
    rows = []
    for line in GRAPH.strip().splitlines():
        name, *_ = line.split()
        node = graph.get(AssetKey(name))
        per = "dub" if "language" in str(node.partitions_def) else "video"
        parents = " ".join(sorted(key.to_user_string() for key in node.parent_keys)) or "-"
        pool = next(iter(node.pools or ()), None) or "-"
        rows.append(f"{name:<14}{per:<11}{pool:<12}{parents}")
    assert GRAPH.strip().splitlines() == rows
    assert set(POOLS) == {row.split()[2] for row in rows} - {"-"}
    assert len(rows) == len(list(graph.get_all_asset_keys()))


def test_every_asset_says_what_it_is(defs: Definitions) -> None:
    """Description, group, owner, kinds and code version are there for each."""
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name in ("source", "dub"), key
        assert node.owners, key
        assert node.kinds, key
        assert node.code_version, key


@pytest.mark.parametrize(
    ("chosen", "kinds"),
    [
        (
            {"downloader": "upload"},
            {"transcript": "pocketsphinx", "translation": "apertium", "speech": "espeak"},
        ),
        (
            {
                "transcriber": "whisper",
                "translator": "openai",
                "voice": "elevenlabs",
                "OPENAI_API_KEY": "sk-1",
                "ELEVENLABS_API_KEY": "key",
                "elevenlabs_voices": "default=anna",
            },
            {"transcript": "whisper", "translation": "openai", "speech": "elevenlabs"},
        ),
    ],
)
def test_kinds_are_the_engines_in_use(
    tmp_path: Path, chosen: dict[str, str], kinds: dict[str, str]
) -> None:
    """And no others that there are."""
    install_empty(tmp_path / "models", "whisper-torch/base.pt")
    here = {"home": tmp_path, "models_dir": tmp_path / "models"}
    graph = definitions(Settings.model_validate({**here, **chosen}))
    nodes = {node.key.to_user_string(): node for node in graph.resolve_asset_graph().asset_nodes}
    assert {name: {"python", kind} for name, kind in kinds.items()} == {
        name: nodes[name].kinds for name in kinds
    }
    assert ("ytdlp" in nodes["source_media"].kinds) == ("downloader" not in chosen)
    assert {"python", "file"} == nodes["r2_object"].kinds


def test_every_asset_says_how_to_read_its_grid(defs: Definitions) -> None:
    """What is missing there, and what is not made again by itself."""
    for node in defs.resolve_asset_graph().asset_nodes:
        description = str(node.description)
        assert "*Missing*" in description, node.key
        assert "nothing after it is made unless it is selected too" in description, node.key


def test_the_release_is_no_ones_stores(defs: Definitions) -> None:
    """Its asset is named after one store, and is there with every other."""
    description = str(defs.resolve_asset_graph().get(AssetKey("r2_object")).description)
    assert "what viewers get, in whichever store" in description


def test_every_sensor_and_schedule_says_what_it_does(defs: Definitions) -> None:
    """A sensor, also what a tick waits for or looks at."""
    repository = defs.get_repository_def()
    for sensor in repository.sensor_defs:
        assert "A tick " in str(sensor.description), sensor.name
    assert all(schedule.description for schedule in repository.schedule_defs)


@pytest.mark.parametrize("module", [source, dub])
def test_the_pipeline_can_be_read_from_its_signatures(module: ModuleType) -> None:
    """An asset has a desk, what it is made of and one or two engines; no helper stands between."""
    steps = [
        node
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert {step.name for step in steps} < {line.split()[0] for line in GRAPH.strip().splitlines()}
    assert {step.name: "desk" for step in steps} == {
        step.name: step.args.args[0].arg for step in steps
    }
    assert [] == [step.name for step in steps if len(step.args.args) > 6]


def test_the_gates_are_these(defs: Definitions) -> None:
    """Every check with the asset it guards, and whether it blocks."""
    specs = [spec for check in defs.asset_checks or () for spec in check.check_specs]
    rows = sorted(
        f"{spec.asset_key.to_user_string():<14}{spec.name:<31}"
        f"{'blocking' if spec.blocking else 'telling'}"
        for spec in specs
    )
    assert CHECKS.strip().splitlines() == rows


def test_the_jobs_run_these_assets(defs: Definitions) -> None:
    """A video is prepared once, and dubbed once for each language."""
    expected = {
        "prepare_video": {"source_media", "audio", "transcript"},
        "dub_video": {"translation", "speech", "dubbed_track", "r2_object"},
    }
    for name, names in expected.items():
        job = defs.resolve_job_def(name)
        assert isinstance(job, JobDefinition)
        keys = job.asset_layer.selected_asset_keys
        assert names == {key.to_user_string() for key in keys}


def test_the_sensors_and_schedules_are_these_and_run_by_default(defs: Definitions) -> None:
    """Nobody has to switch anything on."""
    repository = defs.get_repository_def()
    assert {
        "on_video_registered",
        "on_video_prepared",
        "on_run_failed",
        "on_run_canceled",
        "on_run_lost",
        "on_video_removed",
    } == {sensor.name for sensor in repository.sensor_defs}
    assert {"every_night"} == {schedule.name for schedule in repository.schedule_defs}
    clocks: list[Any] = [*repository.sensor_defs, *repository.schedule_defs]
    assert {"RUNNING"} == {each.default_status.value for each in clocks}


@pytest.mark.parametrize("package", [api, assets, dub_platform, resources, sensors])
def test_each_package_is_the_one_of_this_checkout(package: object) -> None:
    """No folder of tests and no installed copy stands before it."""
    file = Path(str(package.__file__))  # type: ignore[attr-defined]
    assert CHECKOUT / file.parent.name / "__init__.py" == file


def test_an_ffmpeg_that_cannot_do_it_stops_the_start(tmp_path: Path) -> None:
    """The servers say so, and no video has to fail first."""
    with pytest.raises(EngineUnavailableError, match=r"The ffmpeg in /bin/true .* DUB_FFMPEG"):
        definitions(Settings(home=tmp_path, ffmpeg=Path("/bin/true")))
