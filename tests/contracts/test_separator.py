"""What every separator promises of the beds that it makes.

Demucs' weights cannot be made at test time, only a model of random ones: it is held to every
promise but those about what it hears.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.contracts.separators import SeparatorContract
from resources.separator.demucs import DemucsSeparator
from resources.separator.ducking import DuckingSeparator
from resources.separator.port import Separator
from tests.support.recipes import demucs as demucs_models

# One worker loads torch, and not each.
DEMUCS = pytest.param("demucs", marks=pytest.mark.xdist_group("demucs"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demucs_models.random(tmp_path_factory.mktemp("demucs") / "tiny.th")


@pytest.fixture(params=["ducking", DEMUCS])
def separator(request: pytest.FixtureRequest) -> Separator:
    """Each engine in turn."""
    if request.param == "demucs":
        return DemucsSeparator(str(request.getfixturevalue("model")))
    return DuckingSeparator()


class TestSeparator(SeparatorContract):
    """The list of every separator."""
