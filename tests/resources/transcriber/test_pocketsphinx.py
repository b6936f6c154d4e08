"""The recogniser that comes with the platform, where it did not come."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from dub_platform.core.errors import EngineUnavailableError
from resources.transcriber import pocketsphinx


def not_installed(name: str) -> str:
    raise PackageNotFoundError(name)


def test_without_its_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with the variable, the Pythons that it is made for, and the extra."""
    monkeypatch.setattr(pocketsphinx, "version", not_installed)
    with pytest.raises(EngineUnavailableError, match="DUB_TRANSCRIBER is pocketsphinx") as refused:
        pocketsphinx.PocketsphinxTranscriber()
    assert r"dub-platform[pocketsphinx]" in str(refused.value)
