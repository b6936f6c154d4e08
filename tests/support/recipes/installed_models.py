"""Models of the catalogue that are installed, as far as anybody looks who reads no weights.

install_empty(tmp_path, "bergamot/en-de", "whisper-torch/base.pt")
"""

from __future__ import annotations

from pathlib import Path

from resources.models.catalogue import read_catalogue
from resources.models.installed import RECORD, ModelFolder, Record


def install_empty(root: Path, *names: str) -> None:
    """Put models into the folder, with files that hold nothing."""
    for name in names:
        entry = read_catalogue()[name]
        place = ModelFolder(root).place(entry)
        place.mkdir(parents=True)
        for file in entry.files:
            (place / file.name).parent.mkdir(parents=True, exist_ok=True)
            (place / file.name).touch()
        (place / RECORD).write_text(Record(entry=entry, came_from="", at="").model_dump_json())
