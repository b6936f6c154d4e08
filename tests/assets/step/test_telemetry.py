"""What is told of a run: who asked for it, what it counted, and what it failed of."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from assets.step.tags import REQUEST
from assets.step.telemetry import subject
from dub_platform.observability import configure_logging
from dub_platform.registry.tallies import Tallies
from resources.mixer.blocks import BlockMixer
from tests.support.rig.workshop import Workshop, open_workshop
from tests.support.servers.sentry import SentryServer

LOGGED: dict[str, dict[str, dict[str, object]]] = {"loggers": {"platform": {}}}


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def workshop(tmp_path: Path, sentry: SentryServer) -> Iterator[Workshop]:
    """A workshop whose failures are reported."""
    with open_workshop(tmp_path, sentry_dsn=sentry.dsn) as opened:
        yield opened


@pytest.fixture
def as_served() -> Iterator[io.StringIO]:
    """The log as a server of Dagster's writes it; what the tests log with is put back."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    configure_logging("json", "INFO")
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    # Dagster captures what a step writes to stderr itself.
    handler.setStream(written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def test_a_run_counts_its_stages_its_lines_and_its_gates(workshop: Workshop, prepared: str) -> None:
    """In the registry, where they outlive its process."""
    workshop.dub(prepared, "es")
    seen = Tallies.at(workshop.settings.registry_url).totals()
    stages = {labels for name, labels, _ in seen if name == "stage_duration_seconds"}
    made = ("translation", "speech", "dubbed_track", "r2_object")
    assert {(stage, "made") for stage in made} <= stages
    assert 2 == seen["lines_spoken", ("paid",), ""].sum
    gates = {labels for name, labels, _ in seen if name == "gate_results"}
    assert ("track_has_no_overlaps", "passed") in gates
    assert {"passed"} == {result for _, result in gates}
    assert 1 == seen["videos_processed", ("dub",), ""].sum
    assert any(name == "transcription_duration_seconds" for name, *_ in seen)


def test_a_failure_is_one_event_with_what_it_was_about(
    workshop: Workshop, prepared: str, sentry: SentryServer
) -> None:
    """Dagster logs several lines of it, and they are no events."""
    (workshop.settings.store_dir / f"videos/{prepared}/transcript.json").unlink()
    workshop.dub(prepared, "es", raise_on_error=False)
    [event] = sentry.events(1)
    assert ["ArtifactMissingError"] == [each["type"] for each in event["exception"]["values"]]
    assert ["artifact_missing"] == event["fingerprint"]
    tags = event["tags"]
    assert (prepared, "es", "translation") == (tags["video"], tags["language"], tags["stage"])


@pytest.mark.parametrize("failure", ["error", "gate", "mistake"])
def test_a_failed_step_ends_with_what_a_user_is_told(
    workshop: Workshop,
    prepared: str,
    as_served: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
) -> None:
    """The sentence and its code are the last line of its log, below what Dagster says."""
    kept = workshop.settings.store_dir / f"videos/{prepared}/transcript.json"
    if failure == "error":
        kept.unlink()
        said = "transcript of .* was not made yet. Materialize it first. \\(artifact_missing\\)"
    elif failure == "gate":
        _crowd(kept)
        said = "The gate track_is_as_long_as_source did not pass.*do not fit.*\\(gate_failed\\)"
    else:
        monkeypatch.setattr(BlockMixer, "mix", None)
        said = "The step dubbed_track failed in a way that is ours.*\\(internal_error\\)"
    workshop.dub(prepared, "es", raise_on_error=False, run_config=LOGGED)
    lines = [json.loads(line) for line in as_served.getvalue().splitlines()]
    failed = next(line["stage"] for line in lines if "Execution of step" in line["event"])
    of_step = [line for line in lines if line.get("stage") == failed and line["level"] != "debug"]
    assert re.fullmatch(said, of_step[-1]["event"], re.DOTALL), of_step[-1]["event"]


def test_a_mistake_of_ours_is_reported_after_its_last_try(
    workshop: Workshop, prepared: str, sentry: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tries are one failure, with the exception that was raised."""
    tries = []

    def mixed(*_: object, **__: object) -> None:
        tries.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(BlockMixer, "mix", mixed)
    workshop.dub(prepared, "es", raise_on_error=False)
    [event] = sentry.events(1)
    assert 3 == len(tries)
    assert "ZeroDivisionError" == event["exception"]["values"][-1]["type"]
    seen = Tallies.at(workshop.settings.registry_url).totals()
    failed = [total.count for key, total in seen.items() if key[1] == ("dubbed_track", "failed")]
    assert 3 == sum(failed)


def test_a_gate_that_refuses_is_reported(
    workshop: Workshop, prepared: str, sentry: SentryServer
) -> None:
    """Grouped as what it is, and counted."""
    _crowd(workshop.settings.store_dir / f"videos/{prepared}/transcript.json")
    workshop.dub(prepared, "es", raise_on_error=False)
    [event] = sentry.events(1)
    assert (["gate_failed"], prepared) == (event["fingerprint"], event["tags"]["video"])
    seen = Tallies.at(workshop.settings.registry_url).totals()
    assert ("gate_results", ("track_is_as_long_as_source", "failed"), "") in seen


def test_what_a_run_logs_has_the_request_and_the_shape_of_all_lines(
    workshop: Workshop, prepared: str, as_served: io.StringIO
) -> None:
    """Dagster's own lines as well."""
    workshop.dub(prepared, "es", tags={REQUEST: "req-7"}, run_config=LOGGED)
    lines = [json.loads(line) for line in as_served.getvalue().splitlines()]
    of_run = [line for line in lines if line["logger"] == "dub_platform.run"]
    assert of_run
    assert {("req-7", prepared, "es")} == {
        (line["request_id"], line["video"], line["language"]) for line in of_run
    }
    assert {"event", "level", "timestamp", "run_id"} <= set(of_run[0])


def test_each_step_tells_of_its_beginning_and_its_end(
    workshop: Workshop, prepared: str, as_served: io.StringIO
) -> None:
    """With how it went, how long it took, and for whom."""
    workshop.dub(prepared, "es", tags={REQUEST: "req-7"}, run_config=LOGGED)
    lines = [json.loads(line) for line in as_served.getvalue().splitlines()]
    steps = ["translation", "speech", "dubbed_track", "r2_object"]
    ends = [line for line in lines if line["event"] == "step ends"]
    assert steps == [line["stage"] for line in lines if line["event"] == "step begins"]
    assert [(step, "made", "req-7") for step in steps] == [
        (line["stage"], line["outcome"], line["request_id"]) for line in ends
    ]
    assert all(line["seconds"] > 0 for line in ends)


def test_a_run_that_was_started_by_hand_is_told_by_its_partition() -> None:
    """It has no request."""
    tags = {"dagster/partition/video": "up-1", "dagster/partition/language": "es"}
    assert {"video": "up-1", "language": "es"} == subject({**tags, "dagster/partition": "es|up-1"})


def test_the_jobs_log_the_platforms_way(workshop: Workshop) -> None:
    """Whoever requests their runs."""
    for name, key in (("prepare_video", "up-1"), ("dub_video", "es|up-1")):
        job = workshop.defs.resolve_job_def(name)
        assert LOGGED == job.get_run_config_for_partition_key(key), key


def _crowd(transcript: Path) -> None:
    """Have more said in the second line than fits before the end."""
    crowded = json.loads(transcript.read_bytes())
    crowded["lines"][1]["text"] = " ".join(["On Sunday morning the market opens at seven."] * 5)
    transcript.write_text(json.dumps(crowded))
