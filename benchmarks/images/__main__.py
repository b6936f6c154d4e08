"""`make images`: the steps of deploy/Dockerfile carried out, the services of docker-compose.yml
started from what they made, and the sample dubbed there.

    python -m benchmarks.images --cache /var/tmp/systems

What is committed here is cloned by somebody whose files nobody else may read, and built and started
from that clone. The last line says how many images, steps, services and releases there were.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.images import foreign
from benchmarks.images.builder import Builder, Image, ImageError
from benchmarks.images.dockerfile import stages
from benchmarks.portability.__main__ import CACHE
from benchmarks.portability.root import ALONE, Root, RootError
from dub_platform.local.stack import CHECKOUT
from tests.support.rig.cluster.composition import services
from tests.support.rig.cluster.machine import SECRETS

# What this machine may be unable to reach, by a word of the step, and what is done in its place:
# Debian's own client, which is older.
FROM_ELSEWHERE = {
    "apt.postgresql.org": "apt-get update -q && apt-get install -y -q --no-install-recommends "
    "postgresql-client"
}


def main() -> int:
    """Print what was found and the line; 1 where something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE / "systems")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        parser.exit(1, "Only root can make a system in a folder: run it with sudo.\n")
    chosen.cache.mkdir(parents=True, exist_ok=True)
    log = chosen.cache / "images.log"
    log.unlink(missing_ok=True)
    try:
        with (
            Root.copy("bookworm", chosen.cache) as root,
            tempfile.TemporaryDirectory(prefix="images-", dir=chosen.cache) as folder,
        ):
            # Containers' users look into it.
            Path(folder).chmod(0o755)
            return _build_and_start(Image((root.path,)), Path(folder), log)
    except (ImageError, RootError) as error:
        parser.exit(1, f"{error}\n")


def _build_and_start(system: Image, folder: Path, log: Path) -> int:
    checkout = folder / "checkout"
    clone = f"umask 077; git clone -q --no-hardlinks {CHECKOUT} {checkout}"
    subprocess.run(["bash", "-ec", clone], check=True)  # noqa: S607
    _follow_the_guide(checkout)
    builder = Builder(
        stages(checkout / "deploy" / "Dockerfile"), checkout, folder / "layers", {}, log
    )
    builder.replaced = _unreachable()
    PROGRESS.print("the images of others")
    builder.bases = foreign.bases(system, partial(builder.layer, system))
    images = foreign.services(partial(builder.layer, system))
    targets = {
        str(one["image"]).rpartition(":")[0]: one["build"]["target"]
        for one in services(SECRETS).values()
        if "build" in one and not one.get("profiles")
    }
    for name, target in {**targets, "hosted": "hosted"}.items():
        PROGRESS.print(f"the image {name}")
        images[name] = builder.build(target)
    state = folder / "state"
    state.write_bytes(pickle.dumps((images, checkout, folder)))
    trial = [sys.executable, "-m", "benchmarks.images.trial", str(state)]
    figures = {
        "images": len(targets) + 1,
        "steps": len(builder.done),
        "replaced": sorted(builder.replaced),
    }
    alone = [*ALONE, "--net", "--mount-proc", *trial, json.dumps(figures)]
    return subprocess.run(alone, check=False, cwd=CHECKOUT).returncode


def _follow_the_guide(checkout: Path) -> None:
    """What an operator types before `docker compose up`, but for what docker itself does."""
    guide = (checkout / "docs" / "operation" / "compose.md").read_text()
    block = guide.partition("```sh\n")[2].partition("```")[0]
    typed = [line for line in block.splitlines() if not line.startswith("docker ")]
    script = "\n".join(typed).replace("THE HASH", SECRETS["PROXY_PASSWORD_HASH"])
    subprocess.run(["bash", "-ec", f"umask 077\n{script}"], check=True, cwd=checkout)  # noqa: S607


def _unreachable() -> dict[str, str]:
    """What has to be replaced on this machine."""
    found = {}
    for name, instead in FROM_ELSEWHERE.items():
        asked = ["curl", "-sSf", "--max-time", "20", "-o", "/dev/null", f"https://{name}/"]
        if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
            found[name] = instead
    return found


if __name__ == "__main__":
    command.run(main)
