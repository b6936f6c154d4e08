"""Packages of other people, as pip leaves them in a folder: modules beside their metadata.

with installed_packages(tmp_path / "packages") as folder:
    install_example(folder)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dub_platform import entry_points
from tests.docs.documents import ROOT

EXAMPLE = ROOT / "examples" / "engine"
VOICES = "dub_platform.voices"


def install_package(
    folder: Path,
    name: str,
    entry_points: Mapping[str, Mapping[str, str]],
    *,
    requires: Sequence[str] = (),
) -> None:
    """Write the metadata of a package, version 1.0, into a folder that is on the path."""
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    groups = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in named.items())
        for group, named in entry_points.items()
    )
    (about / "entry_points.txt").write_text("\n".join(groups))


def write_module(folder: Path, name: str, text: str) -> Path:
    """Write a module that is imported from the folder."""
    (path := folder / f"{name}.py").write_text(text)
    return path


@contextmanager
def installed_packages(folder: Path) -> Iterator[Path]:
    """A new folder of packages, in which this process finds engines."""
    folder.mkdir()
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    entry_points.installed.cache_clear()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        entry_points.installed.cache_clear()
        for name in set(sys.modules) - before:
            if (folder / f"{name}.py").exists():
                del sys.modules[name]


def install_example(folder: Path) -> None:
    """Install the example of a package with an engine, as its own pyproject.toml says."""
    install_package(folder, "dub-hum", {VOICES: {"hum": "dub_hum:ENGINE"}}, requires=["numpy"])
    write_module(folder, "dub_hum", (EXAMPLE / "dub_hum.py").read_text())
