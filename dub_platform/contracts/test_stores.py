"""The stores of other packages, or the one that DUB_STORE names: they must be empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dub_platform import wiring
from dub_platform.contracts.stores import StoreContract
from dub_platform.settings import Settings
from resources.store.port import Store


@pytest.fixture
def store(store_settings: Settings) -> Iterator[Store]:
    made = wiring.store(store_settings)
    yield made
    for kept in [*made.keys("")]:
        made.delete(kept.key)


class TestStore(StoreContract):
    """What every store promises."""
