"""Which engines are installed: what packages say of themselves, read without importing them.

    names_of("voice")                           # ("elevenlabs", "espeak", ...)
    find("voice", "espeak").load()              # what the package declares, imported now

An engine is an entry point in the group of its role. Ours stand in this package's pyproject.toml,
anybody's in that of their own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "transcriber": "dub_platform.transcribers",
        "translator": "dub_platform.translators",
        "voice": "dub_platform.voices",
        "separator": "dub_platform.separators",
        "store": "dub_platform.stores",
    }
)
OURS = "dub-platform"
# What can stand in a setting, in the name of a variable and in what Dagster shows of an asset.
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Installed:
    """An engine that an installed package offers; `package` is its name with its version."""

    role: str
    name: str
    package: str
    is_ours: bool
    entry: EntryPoint

    @property
    def prefix(self) -> str:
        """What the names of its own variables begin with."""
        return f"DUB_{self.name.upper().replace('-', '_')}_"

    def load(self) -> object:
        """Import what it declares. Raises whatever its module raises."""
        return self.entry.load()


@functools.cache
def installed() -> tuple[Installed, ...]:
    """List the engines of all packages, by role and name; a name may be there twice."""
    found = [_read(role, entry) for role, entry in _entries() if _NAME.fullmatch(entry.name)]
    return tuple(sorted(found, key=lambda each: (each.role, each.name, each.package)))


def names_of(role: str) -> tuple[str, ...]:
    """List what the setting of a role can be."""
    return tuple(dict.fromkeys(each.name for each in installed() if each.role == role))


def find(role: str, name: str) -> Installed:
    """Find the engine that a setting names. Raises ValueError, in words for who set it."""
    claims = [each for each in installed() if (each.role, each.name) == (role, name)]
    if len(claims) == 1:
        return claims[0]
    if claims:
        packages = " and ".join(each.package for each in claims)
        raise ValueError(
            f"the packages {packages} both have an engine of this name, so it is not known which "
            "is meant: uninstall one of them with pip"
        )
    if not any(each.is_ours for each in installed()):
        raise ValueError(
            f"{OURS} is installed as it was before it listed its engines, so none is known: "
            "install it again, in a checkout with `make .venv/platform`"
        )
    raise ValueError(
        f"no engine of this name is installed, only {', '.join(names_of(role))}: install the "
        "package that has it with pip, wherever the platform runs (docs/guides/add-an-engine.md), "
        "or choose one of these"
    )


def _entries() -> Iterable[tuple[str, EntryPoint]]:
    # Every package's metadata are read for this, so they are read once for all roles.
    everything = entry_points()
    for role, group in GROUPS.items():
        for entry in everything.select(group=group):
            yield role, entry


def _read(role: str, entry: EntryPoint) -> Installed:
    package = entry.dist
    name, version = (package.name, package.version) if package else ("a nameless package", "")
    is_ours = name.lower().replace("_", "-") == OURS
    return Installed(role, entry.name, f"{name} {version}".rstrip(), is_ours, entry)
