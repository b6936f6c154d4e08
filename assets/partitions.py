"""What there is one of: a video, a language, and a dub, which is a video in one language."""

from typing import NamedTuple

from dagster import (
    AssetExecutionContext,
    DynamicPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
)

videos = DynamicPartitionsDefinition(name="videos")
languages = DynamicPartitionsDefinition(name="languages")
dubs = MultiPartitionsDefinition({"video": videos, "language": languages})


class Target(NamedTuple):
    """What a step works on; `language` is None where it is the video itself."""

    video_id: str
    language: str | None


def target_of(context: AssetExecutionContext) -> Target:
    """The video, or the video and language, of the partition being materialized."""
    return target_in(context.partition_key)


def target_in(key: str) -> Target:
    """The same from a partition key."""
    if isinstance(key, MultiPartitionKey):
        return Target(key.keys_by_dimension["video"], key.keys_by_dimension["language"])
    return Target(key, None)


def dub_key(video_id: str, language: str) -> MultiPartitionKey:
    """The partition key of a dub."""
    return MultiPartitionKey({"video": video_id, "language": language})
