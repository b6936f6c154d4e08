"""`make portability`: the demo on ordinary machines, and what it releases, measured.

    python -m benchmarks.portability --only debian-13 --cache /var/tmp/systems

Each machine is a system in a folder with what a person would have, and nothing that is here. What
was said in it is in a log beside this machine's copy of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.portability.heard import Heard, releases
from benchmarks.portability.root import Root, RootError
from dub_platform.local.stack import CHECKOUT
from tests.support.rig.platform import free_ports

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dub_platform"
# A person's folder can be called anything.
FOLDER = "la città del porto"
# What a user's other projects and habits leave behind.
OTHERS = "DUB_VOICE=parrot\nDAGSTER_HOME=/nowhere\nPORT=1\n"
HABITS = "git config --global core.autocrlf true; umask 077; export LC_ALL=C"


@dataclass(frozen=True)
class Machine:
    """A system, who uses it, what they have installed, and what is run after the demo."""

    name: str
    suite: str
    user: str
    packages: tuple[str, ...]
    then: str = "true"

    @property
    def place(self) -> str:
        """Where the user has cloned the repository to."""
        home = "/root" if self.user == "root" else f"/home/{self.user}"
        return f"{home}/{FOLDER}/dub platform"


MACHINES = (
    Machine("debian-13", "trixie", "somebody", ("sudo",), then="time make test-quick"),
    Machine("debian-12", "bookworm", "root", ("ffmpeg",)),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one machine: what stood in the way, or what is heard."""

    machine: Machine
    failure: str = ""
    heard: tuple[Heard, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong, in words."""
        if self.failure:
            return [self.failure]
        if not self.heard:
            return ["nothing is released"]
        return [f"{heard.language}: {fault}" for heard in self.heard for fault in heard.faults]


def try_machine(machine: Machine, cache: Path) -> Outcome:
    """Make the machine, set it up as its user would, and run its demo."""
    log = cache / f"{machine.name}.log"
    log.unlink(missing_ok=True)
    with Root.copy(machine.suite, cache) as root:
        for what, script, user, place in _steps(machine, root):
            PROGRESS.print(f"{machine.name}: {what}")
            if not root.run(script, user=user, place=place, log=log):
                return Outcome(machine, f"{what} did not succeed; see {log}")
        store = root.path / Path(machine.place).relative_to("/") / ".dub" / "store"
        return Outcome(machine, heard=tuple(releases(store)))


def _steps(machine: Machine, root: Root) -> Iterator[tuple[str, str, str, str]]:
    """What is done in which words, by whom, and where."""
    _bundle(root.path / "srv" / "repository")
    packages = shlex.join(machine.packages)
    apt = "export DEBIAN_FRONTEND=noninteractive; apt-get update && apt-get install -y"
    yield "its packages", f"{apt} --no-install-recommends {packages}", "root", "/"
    if machine.user != "root":
        may = f"{machine.user} ALL=(ALL) NOPASSWD: ALL"
        script = f"useradd -m {machine.user}; echo {shlex.quote(may)} > /etc/sudoers.d/user"
        yield "its user", script, "root", "/"
    place, folder = shlex.quote(machine.place), shlex.quote(FOLDER)
    others = f"mkdir {folder}; echo -n {shlex.quote(OTHERS)} > {folder}/.env"
    clone = f"{HABITS}; {others}; git clone -q /srv/repository {place}"
    yield "the clone", clone, machine.user, str(Path(machine.place).parents[1])
    port, dagster_port = free_ports(2)
    demo = f"{HABITS}; time make demo PORT={port} DAGSTER_PORT={dagster_port}"
    yield "the demo", demo, machine.user, machine.place
    yield "what is run after it", f"{HABITS}; {machine.then}", machine.user, machine.place


def _bundle(to: Path) -> None:
    """What is committed here, in one file. Raises RootError."""
    git = ["git", "-C", str(CHECKOUT), "bundle", "create", "-q", str(to), "HEAD"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RootError(f"What is committed here cannot be cloned: {done.stderr.strip()}")
    to.chmod(0o644)


def main() -> int:
    """Print the table and the line; 1 where a machine did not release what it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [machine.name for machine in MACHINES]
    parser.add_argument("--only", choices=names, action="append", default=[])
    parser.add_argument("--cache", type=Path, default=CACHE / "systems")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        parser.exit(1, "Only root can make a system in a folder: run it with sudo.\n")
    chosen.cache.mkdir(parents=True, exist_ok=True)
    try:
        outcomes = [
            try_machine(machine, chosen.cache)
            for machine in MACHINES
            if machine.name in (chosen.only or names)
        ]
    except RootError as error:
        parser.exit(1, f"{error}\n")
    Console(width=160).print(table(outcomes))
    released = sum(not outcome.faults for outcome in outcomes)
    print(json.dumps({"roots": len(outcomes), "released": released}))  # noqa: T201
    return 0 if released == len(outcomes) else 1


def table(outcomes: list[Outcome]) -> Table:
    """A row for each release, or for what stood in its way."""
    made = Table("machine", "language", "seconds", "LUFS", "dBTP", "onset p95 ms", "faults")
    for outcome in outcomes:
        if outcome.failure or not outcome.heard:
            made.add_row(outcome.machine.name, *[""] * 5, "; ".join(outcome.faults))
        for heard in outcome.heard:
            made.add_row(outcome.machine.name, *_figures(heard), "; ".join(heard.faults) or "none")
    return made


def _figures(heard: Heard) -> Iterator[str]:
    row = heard.row
    yield heard.language
    yield f"{row.heard.seconds:.2f}"
    yield f"{row.loudness.lufs:.1f}"
    yield f"{row.loudness.true_peak_db:.1f}"
    yield "-" if row.heard.onset_p95_ms is None else f"{row.heard.onset_p95_ms:.0f}"


if __name__ == "__main__":
    command.run(main)
