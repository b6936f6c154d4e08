"""How every asset here is declared: what a step does besides its own work.

    @dub_asset(kinds={"python"}, code_version="1")
    def translation(desk: Desk, transcript: Transcript, ...) -> Made[Translation]: ...

Dagster gives a step its inputs and engines; its desk is made here (`workbench.py`).

Before the work: nobody asked for it, or somebody did anew meanwhile, in another wording or with
edited lines, so nothing is made and nothing is billed; else the registry learns which stage is
reached. After a failure: the error's code, sentence and cause become the Dagster failure, which
retries only what a retry can help.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    Backoff,
    DagsterExecutionInterruptedError,
    Failure,
    Jitter,
    MetadataValue,
    Output,
    PartitionsDefinition,
    ResourceParam,
    RetryPolicy,
    asset,
)

from assets.partitions import dubs, videos
from assets.step.telemetry import observe, on_step_failed
from assets.step.workbench import Context, Desk, Made, Workbench
from dub_platform.core.errors import DubError, RunLostError
from dub_platform.registry.transactions.leases import make_superseded_error

OWNERS = ["team:dubbing"]
# With jitter: steps that failed together, as at a provider's outage, do not come back together.
RETRIES = RetryPolicy(max_retries=2, delay=1, backoff=Backoff.EXPONENTIAL, jitter=Jitter.FULL)

# What a person who looks at the grid of partitions, or at the dialog to materialize one, must know.
_GRIDS = {
    "source": (
        "**The grid.** A partition is a video. *Missing* is one that waits, failed before it came "
        "so far, or was never asked for; its run, and `GET /videos/ID`, say which. **By hand**, "
        "nothing after it is made unless it is selected too: dubs that are released stay as they "
        "are, whatever is heard anew. Dubs that failed with their video come back with "
        "`transcript`."
    ),
    "dub": (
        "**The grid.** It has every video in every language, so *Missing* mostly means that nobody "
        "asked for that dub, and then a run of it makes nothing: ask with `PUT "
        "/videos/ID/dubs/LANGUAGE`. **By hand**, nothing after it is made unless it is selected "
        "too: viewers hear a change once `r2_object` is made. What is the same is found and not "
        "paid for again, so a run alone words or says nothing differently: edit the line, or ask "
        "in another wording."
    ),
}


Step = Callable[..., Made[Any]]


def video_asset(**options: Any) -> Callable[[Step], AssetsDefinition]:
    """Declare an asset of which there is one per video."""
    return _make_decorator(videos, "source", options)


def dub_asset(**options: Any) -> Callable[[Step], AssetsDefinition]:
    """Declare an asset of which there is one per video and language."""
    return _make_decorator(dubs, "dub", options)


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the errors of the tree into Dagster failures that carry code, sentence and cause."""
    try:
        yield
    except DubError as error:
        raise as_failure(error) from error
    except DagsterExecutionInterruptedError as interrupt:
        lost = RunLostError("The run was interrupted in the middle of a step. Ask for it again.")
        # Dagster's retry policy would begin the step again, in a run that was told to end.
        raise as_failure(lost, may_retry=False) from interrupt


def _make_decorator(
    partitions: PartitionsDefinition, group: str, options: dict[str, Any]
) -> Callable[[Step], AssetsDefinition]:
    def declare(step: Step) -> AssetsDefinition:
        made_asset: AssetsDefinition = asset(
            partitions_def=partitions,
            group_name=group,
            description=f"{inspect.getdoc(step)}\n\n{_GRIDS[group]}",
            owners=OWNERS,
            retry_policy=RETRIES,
            # A pair that nobody asked for makes nothing, and its run succeeds (ADR 3).
            output_required=False,
            **options,
        )(_guard(step))
        return made_asset.with_hooks({on_step_failed})

    return declare


def _guard(step: Step) -> Callable[..., Iterator[Output[Any]]]:
    """Wrap a step in what it does besides its work, in the order of the module's docstring."""

    @functools.wraps(step)
    def run_step(
        context: AssetExecutionContext, bench: Workbench, **inputs: Any
    ) -> Iterator[Output[Any]]:
        desk = bench.at(context)
        with translate_errors():
            if _is_wanted(desk):
                with desk.lease(), observe(context.run, desk.registry, _stage(context)):
                    _note_progress(desk, _stage(context))
                    desk.name_run(desk.video())
                    made = step(desk, **inputs)
                # Not under the lease: Dagster leaves a step here for good when its value cannot
                # be written, and the lease would be renewed as long. The IO manager has its own.
                yield made.output
                if made.after is not None:
                    with desk.lease():
                        made.after()

    return copy_signature(run_step, step, AssetExecutionContext)


def copy_signature(
    wrapper: Callable[..., Any], wrapped: Callable[..., Any], context: type[Context]
) -> Callable[..., Any]:
    """Give the wrapper the signature of what it wraps, with context and bench in place of its desk.

    Dagster reads inputs and resources from a signature; the return type is not the wrapper's.
    """
    own = inspect.signature(wrapped)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    needed = {
        "context": inspect.Parameter("context", kind, annotation=context),
        **{name: parameter for name, parameter in own.parameters.items() if name != "desk"},
        "bench": inspect.Parameter("bench", kind, annotation=ResourceParam[Workbench]),
    }
    annotations = {name: parameter.annotation for name, parameter in needed.items()}
    wrapper.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=list(needed.values()), return_annotation=inspect.Signature.empty
    )
    wrapper.__annotations__ = annotations
    return wrapper


def _stage(context: AssetExecutionContext) -> str:
    return str(context.asset_key.to_user_string())


def _is_wanted(desk: Desk) -> bool:
    named = " in ".join(filter(None, desk.target))
    if not desk.registry.was_asked_for(*desk.target):
        desk.context.log.warning(
            f"Nobody asked for {named}, so nothing is made and nothing is paid. Ask for it with "
            "POST /videos, or PUT /videos/ID/dubs/LANGUAGE."
        )
        return False
    if desk.work is not None and desk.registry.hand_over(desk.work):
        desk.context.log.warning(
            f"{named} was asked for anew while this run made it, in another wording or with edited "
            "lines, so it ends here. The run that follows finds all that was paid for."
        )
        return False
    return True


def _note_progress(desk: Desk, stage: str) -> None:
    """Note the run and its stage. Raises RunSupersededError when the work was given to
    another run."""
    if desk.work is not None:
        if not desk.registry.begin_work(desk.work, desk.run_id):
            raise make_superseded_error(*desk.target)
        desk.registry.note_stage(*desk.target, stage)


def as_failure(error: DubError, *, may_retry: bool = True) -> Failure:
    """Return the Dagster failure of this error; its metadata is what the registry keeps of it."""
    return Failure(
        description=error.sentence,
        metadata={"error": MetadataValue.json(error.as_details())},
        allow_retries=may_retry and error.retryable,
    )
