"""The one IO manager: typed values travel between assets as JSON in the artifact store.

Media bytes never come through here; they are put and got by key, by the assets themselves.
"""

from typing import Any

from dagster import InputContext, IOManager, OutputContext

from assets.partitions import Target, target_in
from assets.step.declaration import translate_errors
from assets.step.lease import hold_lease
from dub_platform.core.errors import ArtifactMissingError
from dub_platform.registry import WorkQueue
from resources.store.port import Store
from resources.store.values import adapter, find_bytes, value_key


class ArtifactIOManager(IOManager):
    """Keeps the value of `transcript` of video ID at `videos/ID/transcript.json`."""

    def __init__(self, store: Store, registry: WorkQueue) -> None:
        self.store = store
        self.registry = registry

    def handle_output(self, context: OutputContext, obj: object) -> None:
        value = adapter(type(obj)).dump_json(obj, indent=1)
        # These are the only objects that are ever written over, so this is where a run that was
        # taken for dead must not get through.
        with translate_errors(), hold_lease(self.registry, _target(context), context.run_id):
            self.store.put_bytes(_key(context), value)

    def load_input(self, context: InputContext) -> Any:
        with translate_errors():
            written = self._read_value(context)
        return adapter(context.dagster_type.typing_type).validate_json(written)

    def _read_value(self, context: InputContext) -> bytes:
        written = find_bytes(self.store, _key(context))
        if written is None:
            named = " in ".join(filter(None, _target(context)))
            raise ArtifactMissingError(
                f"{context.asset_key.to_user_string()} of {named} was not made yet. "
                "Materialize it first."
            )
        return written


def _key(context: InputContext | OutputContext) -> str:
    return value_key(context.asset_key.to_user_string(), *_target(context))


def _target(context: InputContext | OutputContext) -> Target:
    return target_in(context.asset_partition_key)
