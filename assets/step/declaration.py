"""How every asset here is declared: what a step does besides its own work.

    @dub_asset(kinds={"python"}, code_version="1")
    def translation(context: AssetExecutionContext, transcript: Transcript, ...) -> Output[...]:

Before the work: nobody asked for it, or somebody did anew meanwhile, in another wording or with
edited lines, so nothing is made and nothing is billed; else the registry learns which stage is
reached. After a failure: the error's code, sentence and cause become the Dagster failure, which
retries only what a retry can help.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    Backoff,
    DagsterExecutionInterruptedError,
    DataVersion,
    Failure,
    Jitter,
    MetadataValue,
    Output,
    PartitionsDefinition,
    ResourceParam,
    RetryPolicy,
    asset,
)

from assets.partitions import dubs, target_of, videos
from assets.step.lease import held
from assets.step.metadata import in_words
from assets.step.tags import TITLE, titled, work_of
from assets.step.telemetry import observed, on_step_failed
from dub_platform.core.errors import DubError, RunLostError
from dub_platform.core.keys import key_of
from dub_platform.registry import Video, WorkQueue
from dub_platform.registry.leases import superseded

OWNERS = ["team:dubbing"]
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


@dataclass(frozen=True)
class Announced:
    """A step's result, and what is said of it as soon as it is kept and Dagster knows it."""

    output: Output[Any]
    announce: Callable[[], None]


Step = Callable[..., "Output[Any] | Announced"]


def video_asset(**options: Any) -> Callable[[Step], AssetsDefinition]:
    """An asset of which there is one per video."""
    return _declared(videos, "source", options)


def dub_asset(**options: Any) -> Callable[[Step], AssetsDefinition]:
    """An asset of which there is one per video and language."""
    return _declared(dubs, "dub", options)


def made(value: Any, identity: Any, **metadata: Any) -> Output[Any]:
    """A step's result: its value, what to show in this order, and a version made of its content.

    `identity` is what the content is, in plain JSON types: two results with the same identity
    are the same to whatever comes after them.
    """
    shown = {
        in_words(name): round(number, 4) if isinstance(number, float) else number
        for name, number in metadata.items()
    }
    return Output(value, metadata=shown, data_version=DataVersion(key_of(identity)[:16]))


@contextlib.contextmanager
def failing_in_words() -> Iterator[None]:
    """Turns the errors of the tree into Dagster failures that carry code, sentence and cause."""
    try:
        yield
    except DubError as error:
        raise as_failure(error) from error
    except DagsterExecutionInterruptedError as interrupt:
        lost = RunLostError("The run was interrupted in the middle of a step. Ask for it again.")
        # Dagster's retry policy would begin the step again, in a run that was told to end.
        raise as_failure(lost, may_retry=False) from interrupt


def _declared(
    partitions: PartitionsDefinition, group: str, options: dict[str, Any]
) -> Callable[[Step], AssetsDefinition]:
    def declare(step: Step) -> AssetsDefinition:
        made_asset: AssetsDefinition = asset(
            partitions_def=partitions,
            group_name=group,
            description=f"{inspect.getdoc(step)}\n\n{_GRIDS[group]}",
            owners=OWNERS,
            retry_policy=RETRIES,
            output_required=False,
            **options,
        )(_guarded(step))
        return made_asset.with_hooks({on_step_failed})

    return declare


def _guarded(step: Step) -> Callable[..., Iterator[Output[Any]]]:
    @functools.wraps(step)
    def guarded(
        context: AssetExecutionContext, registry: WorkQueue, **inputs: Any
    ) -> Iterator[Output[Any]]:
        if "registry" in inspect.signature(step).parameters:
            inputs["registry"] = registry
        with failing_in_words():
            if _is_wanted(context, registry):
                with _at_work(context, registry):
                    _note_progress(context, registry)
                    note_title(context, registry.video(target_of(context).video_id))
                    result = step(context, **inputs)
                # Not under the lease: Dagster leaves a step here for good when its value cannot
                # be written, and the lease would be renewed as long. The IO manager has its own.
                if isinstance(result, Output):
                    yield result
                else:
                    yield result.output
                    with held(registry, target_of(context), context.run.run_id):
                        result.announce()

    return signed(guarded, step)


def signed(wrapper: Callable[..., Any], wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """The wrapper with the signature of what it wraps, and the registry that it needs itself.

    Dagster reads inputs and resources from a signature; the return type is not the wrapper's.
    """
    own = inspect.signature(wrapped)
    needed = {
        **own.parameters,
        "registry": inspect.Parameter(
            "registry",
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=ResourceParam[WorkQueue],
        ),
    }
    annotations = {name: parameter.annotation for name, parameter in needed.items()}
    wrapper.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=list(needed.values()), return_annotation=inspect.Signature.empty
    )
    wrapper.__annotations__ = annotations
    return wrapper


@contextlib.contextmanager
def _at_work(context: AssetExecutionContext, registry: WorkQueue) -> Iterator[None]:
    stage = context.asset_key.to_user_string()
    holding = held(registry, target_of(context), context.run.run_id)
    with holding, observed(context.run, registry, stage):
        yield


def _is_wanted(context: AssetExecutionContext, registry: WorkQueue) -> bool:
    target = target_of(context)
    if not registry.was_asked_for(*target):
        context.log.warning(
            f"Nobody asked for {' in '.join(filter(None, target))}, so nothing is made and nothing "
            "is paid. Ask for it with POST /videos, or PUT /videos/ID/dubs/LANGUAGE."
        )
        return False
    work = work_of(context.run.tags)
    if work is not None and registry.hand_over(work):
        context.log.warning(
            f"{' in '.join(filter(None, target))} was asked for anew while this run made it, in "
            "another wording or with edited lines, so it ends here. The run that follows finds all "
            "that was paid for."
        )
        return False
    return True


def _note_progress(context: AssetExecutionContext, registry: WorkQueue) -> None:
    """Raises RunSupersededError when the work was given to another run."""
    target, work = target_of(context), work_of(context.run.tags)
    if work is not None:
        if not registry.started(work, context.run.run_id):
            raise superseded(*target)
        registry.reached(*target, context.asset_key.to_user_string())


def note_title(context: AssetExecutionContext, video: Video) -> None:
    """Tag the run with the title by which it is listed, where it had none when it was requested."""
    if TITLE not in context.run.tags:
        context.instance.add_run_tags(context.run.run_id, titled(video))


def as_failure(error: DubError, *, may_retry: bool = True) -> Failure:
    """The Dagster failure of this error; its metadata is what the registry keeps of it."""
    return Failure(
        description=error.sentence,
        metadata={"error": MetadataValue.json(error.as_details())},
        allow_retries=may_retry and error.retryable,
    )
