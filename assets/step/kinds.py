"""The kinds that Dagster shows of an asset: the engines that are in use, of those that there are.

[each.map_asset_specs(kinds_with(settings)) for each in assets]
"""

from collections.abc import Callable, Mapping

from dagster import AssetSpec

from dub_platform.settings import Settings

_STORES = {"local": "file", "r2": "s3"}


def kinds_with(settings: Settings) -> Callable[[AssetSpec], AssetSpec]:
    """Return a function that gives an asset the kinds of these settings' engines beside its own."""
    engines: Mapping[str, set[str]] = {
        "source_media": {"ytdlp"} if settings.downloader == "youtube" else set(),
        "transcript": {settings.transcriber},
        "translation": {settings.translator},
        "speech": {settings.voice},
        "dubbed_track": {settings.separator} if settings.original == "remove" else set(),
        "r2_object": {_STORES.get(settings.store, settings.store)},
    }

    def with_kinds(spec: AssetSpec) -> AssetSpec:
        chosen = engines.get(spec.key.to_user_string(), set())
        return spec.replace_attributes(kinds=spec.kinds | chosen)

    return with_kinds
