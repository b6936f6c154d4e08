"""What lies about on people's machines, all of it at once.

environment = {**os.environ, **nuisances(folder), "DUB_HOME": str(home)}
subprocess.run(["make", "demo"], env=environment, umask=0o077)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# Nobody listens on it.
NOWHERE = "http://127.0.0.1:9"
BREAKS = "raise SystemExit('this is another project')\n"


def nuisances(folder: Path) -> Mapping[str, str]:
    """The variables of a shell whose profile, environments and habits are in the way.

    What they name lies in `folder`, or nowhere.
    """
    return {
        **_of_python(folder / "other"),
        **_of_packages(folder),
        **dict.fromkeys(("http_proxy", "HTTPS_PROXY"), NOWHERE),
        "all_proxy": "socks5://127.0.0.1:9",
        "no_proxy": "example.org",
        "DAGSTER_HOME": str(folder / "no dagster"),
        "DATABASE_URL": "postgres://another:project@127.0.0.1:9/other",
        "DEBUG": "1",
        "HOME": str(folder / "no home"),
        "LC_ALL": "xx_XX.ISO-8859-1",
        "MAKEFLAGS": "-j8",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "WHISPER_MODEL": "another",
        "PATH": f"{_commands(folder / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(folder / "no tmp"),
        "TZ": "Nowhere/Never",
    }


def _of_python(other: Path) -> Mapping[str, str]:
    """An active environment of another project, and habits of its owner."""
    other.mkdir(parents=True)
    for module in ("dagster", "httpx", "sitecustomize", "resources"):
        (other / f"{module}.py").write_text(BREAKS)
    return {
        "CONDA_PREFIX": str(other),
        "PYTHONHOME": str(other),
        "PYTHONOPTIMIZE": "2",
        "PYTHONPATH": str(other),
        "PYTHONSTARTUP": str(other / "dagster.py"),
        "PYTHONWARNINGS": "error",
        "VIRTUAL_ENV": str(other),
    }


def _of_packages(folder: Path) -> Mapping[str, str]:
    """Where pip and uv were told to install to, and what they may not install."""
    return {
        "PIP_NO_BINARY": ":all:",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_TARGET": str(folder / "no target"),
        "PIP_USER": "1",
        "UV_COMPILE_BYTECODE": "0",
        "UV_CONSTRAINT": str(folder / "no constraints.txt"),
        "UV_NO_BINARY": "1",
        "UV_PROJECT_ENVIRONMENT": str(folder / "no environment"),
        "UV_SYSTEM_PYTHON": "1",
    }


def _commands(folder: Path) -> Path:
    """Commands of other programs that are called as ours are."""
    folder.mkdir(parents=True)
    for name in ("dagster", "dub", "uvicorn"):
        (folder / name).write_text("#!/bin/sh\nexit 3\n")
        (folder / name).chmod(0o755)
    return folder
