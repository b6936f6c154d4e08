"""The nightly retention: deletes data that nothing refers to, and shows the amounts in Dagster.

    count_by_kind(tidy(retention, instance, "a-run-id", dry_run=True))[Kind.TAKES].bytes

`resources/catalogue/retention.py` decides about store and registry, this module about Dagster's own
records. A run that made the latest materialization of a partition stays: without it Dagster would
show the partition as missing. So the event log grows with the catalogue, not with time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from dagster import (
    AssetRecordsFilter,
    Config,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultScheduleStatus,
    EventLogEntry,
    MetadataValue,
    OpExecutionContext,
    ResourceParam,
    RunsFilter,
    ScheduleDefinition,
    TableRecord,
    job,
    op,
)

from assets.partitions import add_keys, remove_key, videos
from assets.step.declaration import translate_errors
from assets.step.tags import PARTITION, VIDEO
from dub_platform.registry import Lookup
from resources.catalogue.retention import Gone, Kind, Retention

FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
RUNS_A_PAGE = ROWS_A_PAGE = 500
VIDEOS = str(videos.name)
_OF_VIDEO = (VIDEO, PARTITION, f"{PARTITION}/video")


class Upkeep(Config):
    """With `dry_run`, only count what would be deleted."""

    dry_run: bool = False


@dataclass(frozen=True)
class Tally:
    """The number of things of a kind, and their bytes."""

    count: int = 0
    bytes: int = 0


@op(description="Remove what nothing refers to any more, and count it.")
def leftovers(
    context: OpExecutionContext, config: Upkeep, retention: ResourceParam[Retention]
) -> None:
    """Delete the leftovers; the numbers become the metadata of the output."""
    with translate_errors():
        gone = tidy(retention, context.instance, context.run_id, dry_run=config.dry_run)
        tallies = count_by_kind(gone)
    rows = [
        TableRecord({"kind": kind.value, "count": tally.count, "bytes": tally.bytes})
        for kind, tally in tallies.items()
    ]
    all_of_it, table = total(tallies), MetadataValue.table(rows)
    context.add_output_metadata(
        {
            "dry_run": config.dry_run,
            "count": all_of_it.count,
            "bytes": all_of_it.bytes,
            "table": table,
        }
    )


@job
def remove_leftovers() -> None:
    """Upkeep: superseded media, replaced releases, unused takes, leftovers of dead processes."""
    leftovers()


every_night = ScheduleDefinition(
    name="every_night",
    job=remove_leftovers,
    cron_schedule="30 3 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="At half past three (UTC): what a run is at is left for another night.",
)


def tidy(
    retention: Retention, instance: DagsterInstance, holder: str, *, dry_run: bool
) -> Iterator[Gone]:
    """Delete everything that can go, and yield each thing. A dry run only yields."""
    now = datetime.now(timezone.utc)
    yield from retention.tidy(holder, now=now, dry_run=dry_run)
    yield from old_runs(instance, now - retention.keep, dry_run=dry_run)
    yield from stray_keys(instance, retention.registry, dry_run=dry_run)


def count_by_kind(gone: Iterable[Gone]) -> Mapping[Kind, Tally]:
    """Count the things of each kind, with a zero for kinds without any."""
    tallies = dict.fromkeys(Kind, Tally())
    for each in gone:
        so_far = tallies[each.kind]
        tallies[each.kind] = Tally(so_far.count + 1, so_far.bytes + each.bytes)
    return tallies


def total(tallies: Mapping[Kind, Tally]) -> Tally:
    """Return the sum over all kinds."""
    each = tallies.values()
    return Tally(sum(tally.count for tally in each), sum(tally.bytes for tally in each))


def old_runs(instance: DagsterInstance, before: datetime, *, dry_run: bool) -> Iterator[Gone]:
    """Delete runs that ended before a time, with their events and logs; yield each.

    Runs that made the latest materialization of any partition stay.
    """
    # List all before deleting any: the cursor of a page is a run of the page before.
    for run_id in list(_ended_runs(instance, before)):
        if not _made_latest(instance, run_id):
            yield delete_run(instance, run_id, dry_run=dry_run)


def stray_keys(instance: DagsterInstance, registry: Lookup, *, dry_run: bool) -> Iterator[Gone]:
    """Remove the partition keys of videos that nobody submitted; yield each.

    Such keys were typed in the UI, added while their video was removed, or kept by a backfill. A
    key with a running run stays for another night.
    """
    known = set(_video_ids(registry))
    for key in [key for key in instance.get_dynamic_partitions(VIDEOS) if key not in known]:
        is_worked_on = any(not run.is_finished for run in runs_of(instance, key))
        if is_worked_on or registry.was_asked_for(key):
            continue
        if dry_run or remove_key(instance, videos, key):
            yield Gone(Kind.PARTITIONS)
        # The video was submitted between the check and the removal: add its key again.
        if registry.was_asked_for(key):
            add_keys(instance, videos, [key])


def runs_of(instance: DagsterInstance, video_id: str) -> Sequence[DagsterRun]:
    """Return all runs for a video and its dubs, requested by sensors or started by an operator."""
    filters = [RunsFilter(tags={tag: video_id}) for tag in _OF_VIDEO]
    found = {run.run_id: run for each in filters for run in instance.get_runs(each)}
    return list(found.values())


def _video_ids(registry: Lookup) -> Iterator[str]:
    page = registry.videos(limit=ROWS_A_PAGE)
    yield from (video.id for video in page.videos)
    while page.next_cursor is not None:
        page = registry.videos(cursor=page.next_cursor, limit=ROWS_A_PAGE)
        yield from (video.id for video in page.videos)


def _ended_runs(instance: DagsterInstance, before: datetime) -> Iterator[str]:
    filters, cursor = RunsFilter(statuses=FINISHED, updated_before=before), None
    while page := instance.get_run_records(filters, limit=RUNS_A_PAGE, cursor=cursor):
        yield from (record.dagster_run.run_id for record in page)
        cursor = page[-1].dagster_run.run_id


def _made_latest(instance: DagsterInstance, run_id: str) -> bool:
    made = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    return any(_latest_run(instance, event) == run_id for event in made)


def _latest_run(instance: DagsterInstance, made: EventLogEntry) -> str:
    """Return the run that made the latest materialization of the same asset and partition."""
    event = made.get_dagster_event()
    assert event.asset_key
    partitions = [event.partition] if event.partition else None
    of_same = AssetRecordsFilter(asset_key=event.asset_key, asset_partitions=partitions)
    return instance.fetch_materializations(of_same, limit=1).records[0].run_id


def delete_run(instance: DagsterInstance, run_id: str, *, dry_run: bool = False) -> Gone:
    """Delete a run with its events and logs, and return its size. A dry run deletes nothing."""
    # With SQLite each run has a file of events, which Dagster only empties.
    files = list(Path(instance.root_directory, "history", "runs").glob(f"{run_id}.db*"))
    gone = Gone(Kind.RUNS, sum(path.stat().st_size for path in files))
    if not dry_run:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        for path in files:
            path.unlink(missing_ok=True)
    return gone
