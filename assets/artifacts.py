"""The one IO manager: typed values travel between assets as JSON in the artifact store.

Media bytes never come through here; they are put and got by key, by the assets themselves.
"""

from typing import Any

from dagster import InputContext, IOManager, MultiPartitionKey, OutputContext
from pydantic import TypeAdapter

from assets.steps import as_failure
from dub_platform.core.errors import ArtifactMissingError
from resources.store.port import Store


class ArtifactIOManager(IOManager):
    """Keeps the value of `transcript` of video ID at `videos/ID/transcript.json`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle_output(self, context: OutputContext, obj: object) -> None:
        self.store.put_bytes(_key(context), TypeAdapter(type(obj)).dump_json(obj, indent=1))

    def load_input(self, context: InputContext) -> Any:
        key = _key(context)
        if not self.store.exists(key):
            raise as_failure(
                ArtifactMissingError(
                    f"{context.asset_key.to_user_string()} of {_place(context)} was not made yet. "
                    "Materialize it first."
                )
            )
        return TypeAdapter(context.dagster_type.typing_type).validate_json(
            self.store.get_bytes(key)
        )


def _key(context: InputContext | OutputContext) -> str:
    return f"videos/{_place(context)}/{context.asset_key.to_user_string()}.json"


def _place(context: InputContext | OutputContext) -> str:
    key = context.asset_partition_key
    if isinstance(key, MultiPartitionKey):
        return f"{key.keys_by_dimension['video']}/dubs/{key.keys_by_dimension['language']}"
    return key
