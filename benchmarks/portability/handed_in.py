"""What this machine knows of where packages come from, for a system that is made on it.

    hand_in(Path("/var/tmp/debian-13"), home="home/dub")    # files are copied
    mounts()                                                # folders that are to be seen there
    variables()                                             # of the environment

Nothing is known here by name: what pip's and apt's configuration say is taken as they say it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "config")
_VARIABLES = re.compile(r"(?:PIP|UV)_\w+|SSL_CERT_FILE|(?:https?|no)_proxy", re.IGNORECASE)
_OF_EVERY_SYSTEM = ("/etc/resolv.conf", "/etc/hosts")


def hand_in(root: Path, home: str) -> None:
    """Copy what the configuration of the network, of apt and of pip is made of.

    What pip finds in this user's home comes to `home`, which is relative to the root.
    """
    for path in map(Path, _OF_EVERY_SYSTEM):
        if path.exists():
            _copy(path, root / path.relative_to("/"))
    (root / "etc/apt/apt.conf.d/90handed-in").write_text(_apt())
    for path in _pip_files():
        mine = path.is_relative_to(Path.home())
        _copy(path, root / home / path.relative_to(Path.home()) if mine else _below(root, path))
    for path in filter(Path.is_file, _find_named()):
        _copy(path, _below(root, path))


def mounts() -> list[Path]:
    """The folders of wheels and indexes that pip is told of."""
    return sorted({path for path in _find_named() if path.is_dir()})


def variables() -> dict[str, str]:
    """Those that say where packages come from, or how they are reached."""
    return {name: value for name, value in os.environ.items() if _VARIABLES.fullmatch(name)}


def mirror(suite_of: str = "Debian") -> str | None:
    """Where apt takes Debian from here, if this is a Debian."""
    shown = ("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages")
    for line in _read_configuration(*shown).splitlines():
        label, _, uri = line.partition(" ")
        if label == suite_of:
            return uri
    return None


def _apt() -> str:
    """How apt reaches its servers; not what it does when it has, which needs this machine."""
    kept = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries")
    dumped = _read_configuration("apt-config", "dump").splitlines()
    return "".join(f"{line}\n" for line in dumped if line.startswith(kept))


def _pip_files() -> Iterator[Path]:
    for path in re.findall(
        r"^\s+(/.+), exists: True$", _read_configuration(*_PIP, "debug"), re.MULTILINE
    ):
        yield Path(path)


@lru_cache(maxsize=1)
def _find_named() -> tuple[Path, ...]:
    """Return the files and folders that stand in pip's configuration."""
    words = (
        word
        for line in _read_configuration(*_PIP, "list").splitlines()
        for word in shlex.split(line.partition("=")[2].strip("'"))
    )
    return tuple(path for path in map(_path, words) if path and path.exists())


def _path(word: str) -> Path | None:
    url = urlsplit(word)
    if url.scheme == "file":
        # An index names its files by their way from it, which leads out of it.
        return Path(unquote(url.path)).parent
    return Path(word) if word.startswith("/") else None


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)
    shutil.copyfile(path, to)


def _read_configuration(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
