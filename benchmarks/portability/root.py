"""A system in a folder: made by debootstrap once, copied for each use, entered by chroot.

with Root.copy("trixie", cache) as root:
    root.run("apt-get update && apt-get install -y sudo", log=log)
    root.run("make demo", user="dub", place="/srv/it", log=log)
"""

from __future__ import annotations

import contextlib
import fcntl
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.portability import handed_in

# What a person has who was told to clone a repository and to type `make`.
ORDINARY = ("ca-certificates", "git", "make", "python3", "python3-venv")
# What is mounted and started inside ends with the command, whatever happens to this process, so
# that nothing of this machine can be removed together with a system.
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# Reached by a hang alone: a busy machine takes minutes.
MOST_SECONDS = 3600


class RootError(Exception):
    """A system cannot be made or entered; the message says why, in the words of the tool."""


@dataclass(frozen=True)
class Root:
    """A system below `path`."""

    path: Path

    @classmethod
    @contextlib.contextmanager
    def copy(cls, suite: str, cache: Path) -> Iterator[Root]:
        """Copy a new system of a Debian release, which is gone at the end. Raises RootError."""
        made = _make(suite, cache)
        with tempfile.TemporaryDirectory(prefix=f"{suite}-", dir=cache) as folder:
            root = cls(Path(folder) / "root")
            _run("cp", "-a", "--reflink=auto", str(made), str(root.path))
            handed_in.hand_in(root.path, "root")
            yield root

    def run(self, script: str, *, user: str = "root", place: str = "/", log: Path) -> bool:
        """Whether the script ends well, run by bash as that user; its words are added to `log`."""
        inner = ["bash", "-ec", f"cd {shlex.quote(place)}; {script}"]
        enter = ["chroot", str(self.path), "setpriv", f"--reuid={user}", f"--regid={user}"]
        entered = [*enter, "--init-groups", "env", "-i", *_environment(user), *inner]
        with log.open("ab") as said, contextlib.suppress(subprocess.TimeoutExpired):
            return not subprocess.run(
                [*ALONE, "bash", "-ec", f"{self._mounts()}; exec {shlex.join(entered)}"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                timeout=MOST_SECONDS,
                check=False,
            ).returncode
        return False

    def _mounts(self) -> str:
        """The kernel's file systems, shared memory, and the folders of wheels."""
        commands = [
            f"mount -t proc proc {shlex.quote(str(self.path / 'proc'))}",
            f"mount --rbind /sys {shlex.quote(str(self.path / 'sys'))}",
            f"mount --rbind /dev {shlex.quote(str(self.path / 'dev'))}",
            f"mount -t tmpfs shm {shlex.quote(str(self.path / 'dev/shm'))}",
        ]
        for folder in handed_in.mounts():
            at = self.path / folder.relative_to("/")
            at.mkdir(parents=True, exist_ok=True)
            commands.append(f"mount --bind {shlex.quote(str(folder))} {shlex.quote(str(at))}")
        return "; ".join(commands)


def _make(suite: str, cache: Path) -> Path:
    """Return the system that is copied; make it if it is not there yet. Raises RootError."""
    whole = cache / suite
    with (cache / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            half = cache / f"{suite}.half"
            shutil.rmtree(half, ignore_errors=True)
            options = ["--variant=minbase", f"--include={','.join(ORDINARY)}"]
            make = ("debootstrap", *options, suite, str(half))
            _run(*ALONE, *make, *filter(None, [handed_in.mirror()]))
            half.rename(whole)
    return whole


def _environment(user: str) -> list[str]:
    home = "/root" if user == "root" else f"/home/{user}"
    given: Mapping[str, str] = {
        **handed_in.variables(),
        "HOME": home,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    return [f"{name}={value}" for name, value in given.items()]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise RootError(f"{command[0]} did not succeed: {' '.join(last)}")
