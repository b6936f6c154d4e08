"""Licences: what pyproject.toml, LICENSE and NOTICE say, and what the check refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import metadata
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

TOOL = Path(sysconfig.get_path("scripts")) / "pip-licenses"
# Of the text as its authors publish it.
APACHE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
FIELDS = {
    "an expression": "License-Expression: AGPL-3.0-only",
    "a classifier": "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
    "words of its own": "License: ask us",
    "nothing": "Summary: says nothing of its licence",
}


def checked(folder: Path, packages: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The check of `make lint`, over these packages, of which the folder may hold some."""
    return subprocess.run(
        [str(TOOL), "--python", sys.executable, "--packages", *packages],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def install(folder: Path, name: str, field: str) -> None:
    """A package of this name, as far as the check reads it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{field}\n")


@pytest.mark.parametrize("says", FIELDS)
def test_a_package_whose_licence_is_not_listed_is_refused(tmp_path: Path, says: str) -> None:
    """It is named with what it says of its licence."""
    install(tmp_path, "stranger", FIELDS[says])
    done = checked(tmp_path, ["stranger"])
    assert 1 == done.returncode
    assert "for package stranger:1.0" in done.stderr


def test_a_package_whose_licence_is_listed_passes(tmp_path: Path) -> None:
    """The check refuses the licence and not the package."""
    install(tmp_path, "friend", "License-Expression: MIT")
    done = checked(tmp_path, ["friend"])
    assert (0, "") == (done.returncode, done.stderr)
    assert "friend" in done.stdout


def test_an_exception_has_a_reason_and_is_in_the_notice() -> None:
    """Each package that the check leaves out was read by somebody."""
    lines = exceptions()
    reasons = dict(re.findall(r'^  "([\w-]+)", +# (.+)$', "\n".join(lines), re.MULTILINE))
    named = set(re.findall(r"[\w-]+", (ROOT / "NOTICE").read_text()))
    assert len(lines) == len(reasons)
    assert set() == set(reasons) - named


def test_what_torch_brings_where_it_is_built_for_cuda_is_known() -> None:
    """`make lint` passes there too, which is where no build for processors is to be had."""
    pinned = re.findall(r"^(nvidia-[\w-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert [] != pinned
    assert set() == set(pinned) - set(re.findall(r'"([\w-]+)"', "\n".join(exceptions())))


def exceptions() -> list[str]:
    """The lines of pyproject.toml with what the check leaves out."""
    listed = (ROOT / "pyproject.toml").read_text().partition("\nignore-packages = [\n")[2]
    return listed.partition("\n]")[0].splitlines()


def test_an_installation_brings_its_licence_with_it() -> None:
    """The whole text, unchanged, and what it works with."""
    said = metadata("dub-platform")
    assert "Apache-2.0" == said["License-Expression"]
    assert ["LICENSE", "NOTICE"] == said.get_all("License-File")
    assert APACHE == sha256((ROOT / "LICENSE").read_bytes()).hexdigest()


def test_the_newest_release_in_the_changelog_is_this_version() -> None:
    """So that `GET /version` names what the changelog describes."""
    released = re.findall(r"(?m)^## \[(\d[\d.]*)\]", (ROOT / "CHANGELOG.md").read_text())
    assert released[0] == metadata("dub-platform")["Version"]
