"""Demucs models made at test time: its own class at a tiny size, loaded by its own code.

    path = random(folder / "tiny.th")

One of random weights takes something out of every sound, though not its voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SOURCES = ("drums", "bass", "other", "vocals")


def random(path: Path, *, sources: Sequence[str] = SOURCES, seed: int = 0) -> Path:
    """A checkpoint of HTDemucs with random weights and without its transformer, 300 kB."""
    import torch
    from demucs.htdemucs import HTDemucs

    # On cores that others use too, threads of so little work mostly wait for each other.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    options = {"channels": 4, "t_layers": 0, "dconv_mode": 0, "segment": 1}
    model = HTDemucs(list(sources), **options)
    # What `demucs.states.serialize_model` writes, without the settings of a training.
    package = {
        "klass": HTDemucs,
        "args": (list(sources),),
        "kwargs": options,
        "state": model.state_dict(),
    }
    torch.save(package, path)
    return path
