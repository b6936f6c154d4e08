"""Packages of other people, as pip leaves them in a folder: modules beside their metadata.

install_package(folder, "dub-hum", {"dub_platform.voices": {"hum": "dub_hum:ENGINE"}})
write_module(folder, "dub_hum", EXAMPLE.read_text())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

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


def install_example(folder: Path) -> None:
    """Install the example of a package with an engine, as its own pyproject.toml says."""
    install_package(folder, "dub-hum", {VOICES: {"hum": "dub_hum:ENGINE"}}, requires=["numpy"])
    write_module(folder, "dub_hum", (EXAMPLE / "dub_hum.py").read_text())
