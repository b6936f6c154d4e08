"""What is told of a step: in every line that it logs, in the metrics, and of its failure.

    with observe(context.run, registry, "speech"):
        ...                                             # binds the log, measures the time
    count_safely(registry, GATE_RESULTS.tally(1, "track_has_no_overlaps", "passed"))

A step that fails for good is reported by a hook of Dagster's, once, with the error that was
raised: a step that is tried again is not reported before its last try, and the lines that Dagster
logs of a failure are no reports. What no hook hears, `sensors/outcome.py` reports.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping

import structlog
from dagster import (
    AssetCheckSeverity,
    DagsterEvent,
    DagsterEventType,
    DagsterExecutionInterruptedError,
    DagsterRun,
    Failure,
    HookContext,
    failure_hook,
)
from dagster._core.errors import DagsterAssetCheckFailedError
from structlog.contextvars import bound_contextvars

from assets.step.tags import LANGUAGE, PARTITION, REQUEST, VIDEO
from dub_platform.core.errors import (
    DubError,
    GateFailedError,
    InternalError,
    MisheardError,
    RunSupersededError,
)
from dub_platform.core.service.metrics import STAGE_SECONDS, TRANSCRIPTION_SECONDS, Tally
from dub_platform.registry import WorkQueue

LISTENING = "transcript"
# The gate whose verdict is no mistake of ours, and has a sentence of its own.
HOLDING = "transcript_is_believable"
# Somebody stopped the run, or another has taken over.
NO_FAILURES = (DagsterExecutionInterruptedError, KeyboardInterrupt, RunSupersededError)
_log = structlog.get_logger(__name__)


@failure_hook(required_resource_keys={"reporter"})
def on_step_failed(context: HookContext) -> None:
    """Report what a step failed of, and say it as the last line of the step's log."""
    error, run = _cause(context.op_exception), context.instance.get_run_by_id(context.run_id)
    if error is not None and run is not None and not isinstance(error, NO_FAILURES):
        reporter = context.resources.reporter
        reporter.report(error, stage=context.op.name, run=run.run_id, **subject(run.tags))
        # The process of a run may end with it.
        reporter.flush()
        context.log.error(_tell_failure(error, context))


@contextlib.contextmanager
def observe(run: DagsterRun, registry: WorkQueue, stage: str) -> Iterator[None]:
    """Bind what the step works on to its log lines, and count how long it took."""
    with bound_contextvars(stage=stage, run_id=run.run_id, **subject(run.tags)):
        # Whatever ends the block, the step is made only if it comes to the end of it.
        began, outcome = time.monotonic(), "failed"
        _log.info("step begins")
        try:
            yield
            outcome = "made"
        finally:
            seconds = time.monotonic() - began
            _log.info("step ends", outcome=outcome, seconds=round(seconds, 3))
            count_safely(registry, *_durations(stage, outcome, seconds))


def count_safely(registry: WorkQueue, *seen: Tally) -> None:
    """Add to the metrics. Never raises: no work is lost for a number."""
    try:
        registry.count(*seen)
    except Exception as error:  # noqa: BLE001 - whatever it is, the step has other things to say
        _log.warning("not counted", error=repr(error))


def subject(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the video, language and request of a run; one that was started by hand has no
    request."""
    found = {
        "video": tags.get(VIDEO) or tags.get(f"{PARTITION}/video") or tags.get(PARTITION),
        "language": tags.get(LANGUAGE) or tags.get(f"{PARTITION}/language"),
        "request_id": tags.get(REQUEST),
    }
    return {name: value for name, value in found.items() if value}


def _tell_failure(error: BaseException, context: HookContext) -> str:
    """Return the sentence that a user is told of the failure, with its code."""
    if isinstance(error, GateFailedError):
        checks = DagsterEventType.ASSET_CHECK_EVALUATION
        evaluated = context.instance.all_logs(context.run_id, of_type=checks)
        of_step = [each for each in evaluated if each.step_key == context.step_key]
        refusals = [refusal_of(each.get_dagster_event()) for each in of_step]
        error = next(filter(None, refusals), error)
    elif not isinstance(error, DubError):
        error = make_internal_error(context.op.name)
    return f"{error.sentence} ({error.code})"


def refusal_of(evaluated: DagsterEvent) -> DubError | None:
    """Return the error of a gate that stopped the run; None of one that passed or only warned."""
    checked = evaluated.asset_check_evaluation_data
    if checked.passed or checked.severity is AssetCheckSeverity.WARN:
        return None
    if checked.check_name == HOLDING:
        return MisheardError(checked.description or "")
    return GateFailedError(
        f"The gate {checked.check_name} did not pass, so nothing was published. "
        f"{checked.description or ''}".strip()
    )


def make_internal_error(stage: str, detail: str | None = None) -> InternalError:
    """Make the error for a step that failed by a mistake of ours."""
    return InternalError(
        f"The step {stage} failed in a way that is ours to mend. Look at the run in Dagster.",
        detail=detail,
    )


def _durations(stage: str, outcome: str, seconds: float) -> Iterator[Tally]:
    yield STAGE_SECONDS.tally(seconds, stage, outcome)
    if stage == LISTENING and outcome == "made":
        yield TRANSCRIPTION_SECONDS.tally(seconds)


def _cause(error: BaseException | None) -> BaseException | None:
    """Return the error as it was raised, below what Dagster was told of it."""
    if isinstance(error, Failure):
        return error.__cause__ or error
    if isinstance(error, DagsterAssetCheckFailedError):
        return GateFailedError(str(error)).with_traceback(error.__traceback__)
    return error
