"""deploy/packages.sh on systems of which only the commands are made up: apt, dpkg, sudo."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.rig.cluster.composition import ROOT

TOOLS = ("bash", "cat", "env", "mkdir", "mktemp", "rm", "tail", "touch", "uname")
PACKAGES = ("apertium-eng-spa", "apertium-eng-cat", "apertium-en-gl", "apertium-eo-en")
MODES = {
    **dict(zip(PACKAGES, ("eng-spa", "eng-cat", "en-gl", "en-eo"), strict=True)),
    "apertium-en-es": "en-es",
}


@dataclass(frozen=True)
class System:
    """A system below `folder`: what apt has lies in `sources`, what it did in `log`."""

    folder: Path

    def add(self, command: str, script: str) -> None:
        """Put a command on the PATH."""
        path = self.folder / "bin" / command
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def offer(self, *packages: str) -> None:
        """Have these in the lists that `apt-get update` brings."""
        for package in packages:
            (self.folder / "sources" / package).touch()

    def install(self, *packages: str) -> None:
        """Have these on the system already."""
        for package in packages:
            (self.folder / "modes" / f"{MODES[package]}.mode").touch()

    def run(self, what: str) -> subprocess.CompletedProcess[str]:
        """packages.sh, whose user keeps everything private."""
        text = (ROOT / "deploy" / "packages.sh").read_text()
        for real, made in (("/usr/share/apertium/", ""), ("/var/lib/apt/", "")):
            text = text.replace(real, f"{self.folder}/{made}")
        script = self.folder / "packages.sh"
        script.write_text(text)
        return subprocess.run(
            [str(self.folder / "bin" / "bash"), str(script), what],
            env={"PATH": str(self.folder / "bin")},
            capture_output=True,
            text=True,
            umask=0o077,
            check=False,
        )

    @property
    def log(self) -> str:
        """What apt-get was called with, and under which umask, a line each."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    @property
    def modes(self) -> set[str]:
        """The languages that are there."""
        return {path.stem for path in (self.folder / "modes").iterdir()}


@pytest.fixture
def system(tmp_path: Path) -> System:
    """One whose root types `make demo`, fresh from its installer: apt has no lists yet."""
    made = System(tmp_path)
    for name in ("bin", "modes", "sources", "lists"):
        (tmp_path / name).mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    made.add("id", "echo 0")
    made.add("lt-proc", "")
    made.add("dpkg-query", "exit 1")
    policy = f'[ -e {tmp_path}/lists/_Packages ] && [ -e {tmp_path}/sources/"$2" ] && found=1.0'
    made.add(
        "apt-cache", f'{policy}; echo "$2:"; echo "  Candidate: ${{found:-(none)}}"; echo more'
    )
    modes = "; ".join(f"m[{name}]={mode}" for name, mode in MODES.items())
    made.add(
        "apt-get",
        f"""echo "$(umask) $*" >> {tmp_path}/log
        declare -A m; {modes}
        case $1 in
        update) touch {tmp_path}/lists/_Packages ;;
        install)
            for package in "$@"; do
                [ -z "${{m[$package]:-}}" ] || touch "{tmp_path}/modes/${{m[$package]}}.mode"
            done ;;
        esac""",
    )
    return made


def test_a_package_that_a_release_lacks_takes_its_language_away(system: System) -> None:
    """With a sentence, and nothing else: the others are installed."""
    system.offer("apertium-eng-spa", "apertium-eng-cat")
    done = system.run("demo")
    assert (0, {"eng-spa", "eng-cat"}) == (done.returncode, system.modes)
    *_, galician, esperanto = done.stdout.splitlines()
    assert galician.startswith(
        "Dubbing into Galician is not offered: apt knows no package apertium-en-gl here ("
    )
    assert esperanto.startswith("Dubbing into Esperanto is not offered: apt knows no package")


def test_a_language_that_cannot_be_had_is_not_asked_for_each_time(system: System) -> None:
    """Who types it again waits for no server, and is asked for no password."""
    system.offer("apertium-eng-spa", "apertium-eng-cat")
    first, log, second = system.run("demo"), system.log, system.run("demo")
    assert first.stdout.splitlines()[-2:] == second.stdout.splitlines()
    assert log == system.log


def test_spanish_is_had_under_its_older_name(system: System) -> None:
    """Where a release has it by no other."""
    system.offer("apertium-en-es", "apertium-eng-cat")
    done = system.run("demo")
    assert {"en-es", "eng-cat"} == system.modes
    assert "Spanish" not in done.stdout


def test_where_all_is_there_nothing_is_said(system: System) -> None:
    """And apt is not asked."""
    system.install(*PACKAGES)
    done = system.run("demo")
    assert (0, "", "") == (done.returncode, done.stdout + done.stderr, system.log)


def test_packages_are_written_for_everybody_to_read(system: System) -> None:
    """Whatever the user's umask: another user, and the servers, read them."""
    system.offer(*PACKAGES)
    assert 0 == system.run("demo").returncode
    assert {"0022"} == {line.split()[0] for line in system.log.splitlines()}


def test_without_apt_each_language_says_what_it_needs(system: System) -> None:
    """One sentence for each, and the engines that need none of them can start."""
    (system.folder / "bin" / "apt-get").unlink()
    done = system.run("demo")
    assert 0 == done.returncode
    assert 4 == len(done.stdout.splitlines())
    assert (
        "Dubbing into Spanish is not offered, because this machine has no apt-get. To have it, "
        "install apertium-eng-spa."
    ) == done.stdout.splitlines()[0]


def test_a_user_without_sudo_has_what_is_there(system: System) -> None:
    """What is not there is named with the reason."""
    system.install("apertium-eng-spa")
    system.offer(*PACKAGES)
    system.add("id", "echo 1000")
    done = system.run("demo")
    assert (0, {"eng-spa"}, "") == (done.returncode, system.modes, system.log)
    assert "Catalan is not offered, because this user is not root and there is no" in done.stdout


def test_a_user_with_sudo_installs_through_it(system: System) -> None:
    """Only apt-get, and nothing before it."""
    system.offer(*PACKAGES)
    system.add("id", "echo 1000")
    system.add("sudo", f'echo "sudo $1" >> {system.folder}/log; exec "$@"')
    assert (0, 4) == (system.run("demo").returncode, len(system.modes))
    assert "sudo apt-get" in system.log


def test_an_installation_that_fails_is_said_and_takes_nothing_else_away(system: System) -> None:
    """What apt said last is shown, and what was there before is still offered."""
    system.install("apertium-eng-spa")
    system.offer(*PACKAGES)
    system.add(
        "apt-get",
        f'[ "$1" = update ] && touch {system.folder}/lists/_Packages && exit 0\n'
        'echo "E: the disk is full"; exit 100',
    )
    done = system.run("demo")
    assert 0 == done.returncode
    assert "E: the disk is full" in done.stdout
    assert "Catalan is not offered, because apt-get did not succeed" in done.stdout
    assert "Spanish" not in done.stdout


def test_a_browser_that_no_package_brings_is_asked_for_by_name(system: System) -> None:
    """Ubuntu has chromium as a snap only; any that is there already will do."""
    (system.folder / "lists" / "_Packages").touch()
    system.install(*PACKAGES)
    system.add("dpkg-query", "echo install ok installed")
    done = system.run("test")
    assert 1 == done.returncode
    assert "Cannot go on, because apt knows no chromium here (" in done.stderr
    assert "google-chrome-stable, or chromium as a snap" in done.stderr
    system.add("google-chrome-stable", "")
    assert 0 == system.run("test").returncode


def test_tests_do_not_begin_without_their_servers(system: System) -> None:
    """They would fail one by one: it stops, and names what to install."""
    (system.folder / "bin" / "apt-get").unlink()
    done = system.run("test")
    assert 1 == done.returncode
    assert done.stderr.startswith("Cannot go on, because this machine has no apt-get.")
    assert os.linesep not in done.stderr.strip()
