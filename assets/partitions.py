"""What there is one of: a video, a language, and a dub, which is a video in one language.

add_keys(instance, videos, ["dQw4w9WgXcQ"])
remove_key(instance, videos, "dQw4w9WgXcQ")
"""

from collections.abc import Sequence
from typing import NamedTuple

from dagster import (
    DagsterInstance,
    DynamicPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
)
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from sqlalchemy.exc import IntegrityError

# The API and the two requesting sensors: each may come between another's look and its write once.
MOST_COLLISIONS = 3
UNFINISHED_BACKFILLS = [
    BulkActionStatus.REQUESTED,
    BulkActionStatus.CANCELING,
    BulkActionStatus.FAILING,
]

videos = DynamicPartitionsDefinition(name="videos")
languages = DynamicPartitionsDefinition(name="languages")
dubs = MultiPartitionsDefinition({"video": videos, "language": languages})


class Target(NamedTuple):
    """What a step works on; `language` is None where it is the video itself."""

    video_id: str
    language: str | None


def target_in(key: str) -> Target:
    """Return the video, or the video and language, that a partition key names."""
    if isinstance(key, MultiPartitionKey):
        return Target(key.keys_by_dimension["video"], key.keys_by_dimension["language"])
    return Target(key, None)


def dub_key(video_id: str, language: str) -> MultiPartitionKey:
    """Return the partition key of a dub."""
    return MultiPartitionKey({"video": video_id, "language": language})


def add_keys(
    instance: DagsterInstance, partitions: DynamicPartitionsDefinition, keys: Sequence[str]
) -> None:
    """Add the keys that are missing. It may be called by several processes at once.

    On SQLite Dagster reads which keys there are and then writes the others, so two processes
    collide that add the same key; whoever comes second finds it there. On PostgreSQL one statement
    writes those that are missing, and a look before it would be a connection for each key.
    """
    name, has_key = str(partitions.name), instance.has_dynamic_partition
    if type(instance.event_log_storage).__module__.startswith("dagster_postgres."):
        instance.add_dynamic_partitions(name, list(dict.fromkeys(keys)))
        return
    for attempt in range(MOST_COLLISIONS + 1):
        missing = [key for key in dict.fromkeys(keys) if not has_key(name, key)]
        try:
            if missing:
                instance.add_dynamic_partitions(name, missing)
        except IntegrityError:
            if attempt == MOST_COLLISIONS:
                raise
        else:
            return


def remove_key(
    instance: DagsterInstance, partitions: DynamicPartitionsDefinition, key: str
) -> bool:
    """Remove the key, if it can go; return whether it is gone.

    A backfill fails as a whole when a key of it is gone, so while one is under way all stay.
    """
    under_way = BulkActionsFilter(statuses=UNFINISHED_BACKFILLS)
    if instance.get_backfills(filters=under_way, limit=1):
        return False
    instance.delete_dynamic_partition(str(partitions.name), key)
    return True
