"""What every engine of another package promises, whatever its role."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from dub_platform.contracts.conftest import UNDER_TEST
from dub_platform.entry_points import OURS, find

# Handed to a process of its own, in which the modules that are named cannot be imported.
PROGRAM = """
import importlib.abc, sys
from pathlib import Path

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ImportError(f"{name} is imported before the engine is made")

ROLE, NAME, FOLDER, *MISSING = sys.argv[1:]
sys.path[:] = PATH
sys.meta_path.insert(0, Missing())
from dub_platform import engines
from dub_platform.settings import Settings
kinds = {each.role: each for each in engines.Declaration.__subclasses__()}
choice = engines.choose(Settings(**{ROLE: NAME, "home": Path(FOLDER)}), kinds[ROLE])
if facts := getattr(choice.declared, "facts", None):
    choice.ask(facts)
"""


def test_there_is_an_engine_to_hold_to_its_contract() -> None:
    """Another package's, or one that the environment names."""
    assert any(UNDER_TEST.values()), (
        "No other package has an engine here. Install one, or name one of ours, such as "
        "DUB_VOICE=espeak."
    )


def test_what_it_can_do_is_known_without_what_it_needs(
    any_engine: tuple[str, str], tmp_path: Path
) -> None:
    """Of what its package requires and the platform does not, nothing is imported for that."""
    role, name = any_engine
    package = find(role, name).entry.dist
    needed = _names((package and package.requires) or ())
    missing = [
        module
        for module, owners in packages_distributions().items()
        if needed.intersection(owners) - {OURS, *_names(requires(OURS) or ())}
    ]
    program = PROGRAM.replace("= PATH", f"= {sys.path!r}")
    done = subprocess.run(
        [sys.executable, "-c", program, role, name, str(tmp_path), *missing],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr


def _names(required: Iterable[str]) -> set[str]:
    """The packages' names of requirements such as numpy>=1.26, without those of extras."""
    return {re.split(r"[^\w.-]", each)[0] for each in required if "extra ==" not in each}
