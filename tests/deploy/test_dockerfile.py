"""The images, as far as they can be had without docker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.rig.cluster.composition import ROOT, services
from tests.support.rig.cluster.machine import SECRETS

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text()
PARENTS = {stage: parent for parent, stage in re.findall(r"(?m)^FROM (\S+) AS (\S+)$", TEXT)}
BUILT = {name: one["build"] for name, one in services(SECRETS).items() if "build" in one}
# The engines' own packages and the provider's keys come from elsewhere.
CODE = ("dub_platform", "assets", "resources", "sensors", "api")


def test_a_linter_finds_nothing() -> None:
    """Hadolint, with the reason beside what it is told to let pass."""
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    command = [str(hadolint), "--failure-threshold", "style", str(DOCKERFILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (checked.returncode, checked.stdout)


@pytest.mark.parametrize("name", BUILT)
def test_a_service_is_built_from_a_target(name: str) -> None:
    """And that target ends as a user who is not root, by its number."""
    assert ROOT / "deploy" / "Dockerfile" == ROOT / BUILT[name]["dockerfile"]
    assert BUILT[name]["target"] in PARENTS
    assert "10001" == _user(BUILT[name]["target"])


def test_what_the_images_copy_is_sent_to_the_builder() -> None:
    """Every file that the Dockerfile copies exists, and .dockerignore lets it through."""
    copied = re.findall(r"^COPY (?:--chmod=\d+ )?(?!--)(.+) \S+$", TEXT, re.MULTILINE)
    paths = {path for line in copied for path in line.split()}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert set() == {path for path in paths if not (ROOT / path).exists()}
    assert sent == {path.partition("/")[0] for path in paths}


def test_no_secret_is_in_an_image() -> None:
    """Neither .env nor a variable that holds one is given to the builder."""
    given = {name for build in BUILT.values() for name in build.get("args", {})}
    assert given == set(re.findall(r"(?m)^ARG (\w+)", TEXT))
    assert {"BUILD_TIME", "EXTRAS", "GIT_COMMIT", "YT_DLP"} == given
    assert ".env" not in re.sub(r"(?m)^#.*$", "", TEXT)


def test_the_code_layer_holds_all_the_code(tmp_path: Path) -> None:
    """What the images put on the path is enough by itself: pages, migrations and version too."""
    install = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([sys.executable, "-m", *install, str(ROOT)], check=True)
    assert "RUN uv pip install --no-deps --target /opt/code ." in TEXT
    ours = {str(path.relative_to(ROOT)) for name in CODE for path in _files(ROOT / name)}
    theirs = {str(path.relative_to(tmp_path)) for name in CODE for path in _files(tmp_path / name)}
    assert ours == theirs
    assert list(tmp_path.glob("dub_platform-*.dist-info"))


def test_the_operators_command_is_on_the_images_path(tmp_path: Path) -> None:
    """`docker compose run api dub-admin ...` finds the program that the code layer holds."""
    install = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([sys.executable, "-m", *install, str(ROOT)], check=True)
    [paths] = re.findall(r"(?m)^ENV PATH=(\S+)", TEXT)
    here = paths.replace("/opt/code", str(tmp_path)).replace("$PATH", os.environ["PATH"])
    environment = {"PATH": here, "PYTHONPATH": str(tmp_path)}
    helped = subprocess.run(
        ["bash", "-c", "type -p dub-admin && dub-admin migrate --help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert helped.stdout.startswith(f"{tmp_path}/bin/dub-admin\nusage: dub-admin migrate")


def _user(stage: str) -> str:
    """Who the last USER line of a stage, or of what it is made from, says it is."""
    begin = re.search(rf"(?m)^FROM \S+ AS {stage}$", TEXT)
    if begin is None:
        return ""
    body = TEXT[begin.end() :].partition("\nFROM ")[0]
    said = re.findall(r"(?m)^USER (\S+)$", body)
    return said[-1] if said else _user(PARENTS[stage])


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def test_dagsters_chart_starts_our_webserver(tmp_path: Path) -> None:
    """It starts `dagster-webserver` by its name, with arguments of its own."""
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    command = "dagster-webserver -h 0.0.0.0 -p 3000 -w /dagster-workspace/workspace.yaml"
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "deploy"), os.environ["PATH"]])
    started = subprocess.run(
        ["bash", "-c", command], env={"PATH": paths}, capture_output=True, text=True, check=True
    )
    assert command.replace("dagster-webserver", "-m dub_platform.processes.webserver") == (
        started.stdout.strip()
    )
    dagster = TEXT.partition("FROM engines AS dagster\n")[2].partition("FROM ")[0]
    assert "deploy/dagster-webserver /opt/dub/bin/dagster-webserver" in dagster
    assert "PATH=/opt/dub/bin:" in TEXT
