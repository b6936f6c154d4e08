"""The workbench: what every step works with besides its engine, and the desk of one step.

    with Workbench(store, folders, registry, showcase) as bench:      # a resource, one for each run
        desk = bench.at(context)
        with desk.new_folder("mix") as folder:
            mixer.mix(desk.copies.fetch(key), takes, timeline, speech, into=folder)
        return desk.output(value, identity=value.sha256, shown={"seconds": value.seconds})

`declaration.py` gives each asset and each gate its desk. All that a step reads of the registry by
itself is here, so that what shapes its value besides its inputs can be seen in one place.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from dagster import (
    AssetCheckExecutionContext,
    AssetExecutionContext,
    DataVersion,
    MetadataValue,
    Output,
)

from assets.partitions import Target, target_in
from assets.step.lease import hold_lease
from assets.step.metadata import Showcase, in_words
from assets.step.tags import TITLE, tag_title, work_of
from assets.step.telemetry import count_safely
from dub_platform.core.keys import key_of
from dub_platform.core.languages import code_in
from dub_platform.core.service.metrics import Tally
from dub_platform.core.speech import SourceMedia, Transcript
from dub_platform.core.style.wording import AS_BEFORE, Wording
from dub_platform.core.text.edits import Edits, in_force
from dub_platform.registry import Video, Work, WorkQueue
from resources.downloader.port import Fetched
from resources.listening.takes import TakeHearer
from resources.store.copies import Copies
from resources.store.port import Store
from resources.store.values import value_in
from resources.system.workfolder import WorkFolders

T = TypeVar("T")
Context = AssetExecutionContext | AssetCheckExecutionContext


@dataclass(frozen=True)
class Made(Generic[T]):
    """A step's result; `after` is called as soon as it is kept and Dagster knows it."""

    output: Output[T]
    after: Callable[[], object] | None = None


class Workbench(contextlib.AbstractContextManager["Workbench"]):
    """What a run works with: store, folders, registry, and the copies that go when it ends."""

    def __init__(
        self,
        store: Store,
        folders: WorkFolders,
        registry: WorkQueue,
        showcase: Showcase,
        hearer: TakeHearer | None = None,
    ) -> None:
        self.store = store
        self.folders = folders
        self.registry = registry
        self.showcase = showcase
        self.hearer = hearer
        self.copies = Copies(store, folders)

    def __exit__(self, *error: object) -> None:
        self.copies.__exit__(*error)

    def at(self, context: Context) -> "Desk":
        """Return the desk for the step, or the gate, that is under way."""
        return Desk(self, context)


@dataclass(frozen=True)
class Desk:
    """What one step works with, for the video or dub that it makes."""

    bench: Workbench
    context: Context

    @property
    def target(self) -> Target:
        return target_in(self.context.partition_key)

    @property
    def video_id(self) -> str:
        return self.target.video_id

    @property
    def language(self) -> str:
        """The language of the dub; only dubs have one."""
        return str(self.target.language)

    @property
    def run_id(self) -> str:
        return self.context.run.run_id

    @property
    def work(self) -> Work | None:
        """What the run was requested for; None where an operator started it by hand."""
        return work_of(self.context.run.tags)

    @property
    def store(self) -> Store:
        return self.bench.store

    @property
    def folders(self) -> WorkFolders:
        return self.bench.folders

    @property
    def copies(self) -> Copies:
        """What this run has fetched, each key once."""
        return self.bench.copies

    @property
    def registry(self) -> WorkQueue:
        return self.bench.registry

    @property
    def hearer(self) -> TakeHearer | None:
        """Who hears takes again; nobody where that is not wanted."""
        return self.bench.hearer

    def new_folder(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """Return an empty folder that goes with the block. Raises StorageFullError."""
        return self.folders.new(name)

    def find(self, shape: type[T], asset: str) -> T | None:
        """Return the value of an asset of this target as it was made last; None where there is
        none."""
        return value_in(self.store, shape, asset, *self.target)

    def video(self) -> Video:
        """Return the video's row as it is now. Raises VideoNotFoundError."""
        return self.registry.video(self.video_id)

    def note_source(self, fetched: Fetched) -> Video:
        """Note what its source says of the video; return its row then."""
        return self.registry.note_source(
            self.video_id,
            language=code_in(fetched.language),
            channel_id=fetched.channel_id,
            channel_title=fetched.channel,
        )

    def note_prepared(self, media: SourceMedia, language: str) -> None:
        """Note that the video is transcribed: its dubs begin. Raises RunSupersededError."""
        self.registry.note_prepared(
            self.video_id,
            run_id=self.run_id,
            title=media.title,
            language=language,
            duration_seconds=media.seconds,
            file_size_bytes=media.bytes,
        )

    def wording(self) -> Wording:
        """Return the wording of the channel and of the request; where both say something, the
        request decides."""
        channel_id = self.video().channel_id
        channel = self.registry.channel(channel_id).wording if channel_id else AS_BEFORE
        return channel | self.registry.dub(self.video_id, self.language).wording

    def edits(self, transcript: Transcript) -> Edits:
        """Return the edits of the dub's lines that count for this transcript."""
        edits = self.registry.edits(self.video_id, self.language)
        return in_force(edits, transcript.as_heard)

    def corrections(self, transcript: Transcript) -> Edits:
        """Return the corrections of what was heard that count for this transcript."""
        return in_force(self.registry.edits(self.video_id, None), transcript.as_heard)

    def say(self, sentence: str) -> None:
        """Tell how far it is, in the step's log."""
        self.context.log.info(sentence)

    def count(self, *seen: Tally) -> None:
        """Add to the metrics. Never raises."""
        count_safely(self.registry, *seen)

    def name_run(self, video: Video) -> None:
        """Tag the run with the title by which it is listed, where it had none when requested."""
        if TITLE not in self.context.run.tags:
            self.context.instance.add_run_tags(self.run_id, tag_title(video))

    def lease(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lease of what is worked on. Raises RunSupersededError."""
        return hold_lease(self.registry, self.target, self.run_id)

    def link(self, key: str) -> MetadataValue:
        """Return a link to a released file, to show."""
        return self.bench.showcase.address(self.store, key)

    def output(
        self,
        value: T,
        *,
        identity: Any,
        shown: Mapping[str, Any],
        title: str = "",
        after: Callable[[], object] | None = None,
    ) -> Made[T]:
        """Return the step's result: its value, a version made of its content, and what is shown of
        it.

        `identity` is what the content is, in plain JSON types: two results with the same identity
        are the same to whatever comes after them. `shown` comes in its order, below whose it is (by
        `title` where the video has none). `after` is called once the value is kept.
        """
        rounded = {
            in_words(name): round(number, 4) if isinstance(number, float) else number
            for name, number in shown.items()
        }
        metadata = {**self.bench.showcase.heading(self.target, title), **rounded}
        # Of the content and not of the run: the same result leaves what comes after it fresh.
        version = DataVersion(key_of(identity)[:16])
        return Made(Output(value, metadata=metadata, data_version=version), after)
