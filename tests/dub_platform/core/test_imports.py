"""The core stands alone: what importing it brings along."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

from dub_platform import core

HEAVY = ("dagster", "sqlalchemy", "ffmpeg", "starlette", "av", "onnxruntime", "pocketsphinx")
PROGRAM = """
import importlib, sys
for name in sys.argv[1].split():
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_the_core_brings_no_framework_and_no_engine() -> None:
    """Every module of it, in a fresh process."""
    walked = pkgutil.walk_packages(core.__path__, prefix=f"{core.__name__}.")
    names = [module.name for module in walked]
    command = [sys.executable, "-c", PROGRAM, " ".join(names)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "dub_platform" in imported
    assert "dub_platform.core.text.lines" in names
    assert [] == [name for name in HEAVY if name in imported]
