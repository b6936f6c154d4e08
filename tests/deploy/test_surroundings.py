"""`make` where other things lie about: what is installed, and where, stays as it should be."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.nuisances import nuisances
from tests.support.rig.cluster.composition import ROOT

SURROUNDINGS = str(ROOT / "deploy" / "surroundings.mk").replace(" ", "\\ ")
SHOWS = f"include {SURROUNDINGS}\nshow: ; @env -0\n"
COMES_FROM = {
    "PIP_INDEX_URL": "https://packages.example.org/index",
    "PIP_FIND_LINKS": "/srv/wheels",
    "PIP_CERT": "/etc/ssl/ours.pem",
    "UV_DEFAULT_INDEX": "https://packages.example.org/index",
    "UV_HTTP_TIMEOUT": "180",
    "http_proxy": "http://proxy.example.org:3128",
}


def shown(folder: Path, given: Mapping[str, str]) -> Mapping[str, str]:
    """The environment of what `make` starts in a folder where this is added to its own."""
    (folder / "Makefile").write_text(SHOWS)
    made = subprocess.run(
        ["make", "--no-print-directory", "show"],
        cwd=folder,
        env={**os.environ, **given},
        capture_output=True,
        check=True,
    )
    pairs = made.stdout.decode().strip("\0").split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs)


def test_what_changes_an_installation_is_not_there(tmp_path: Path) -> None:
    """Nor what changes which Python runs, and how."""
    given = nuisances(tmp_path)
    foreign = {name for name in given if name.startswith(("PYTHON", "CONDA", "VIRTUAL", "UV_"))}
    found = shown(tmp_path, given)
    assert set() == foreign & set(found)
    assert (None, "0") == (found.get("PIP_TARGET"), found["PIP_USER"])


def test_from_where_packages_come_stays(tmp_path: Path) -> None:
    """An index, a certificate and a proxy are what a machine needs to install at all."""
    found = shown(tmp_path, COMES_FROM)
    assert COMES_FROM == {name: found[name] for name in COMES_FROM}


def test_this_machine_is_reached_without_a_proxy(tmp_path: Path) -> None:
    """And so is what its owner has named."""
    given = {"http_proxy": "http://proxy.example.org:3128", "no_proxy": "example.org"}
    found = shown(tmp_path, given)
    assert "127.0.0.1,localhost,::1,example.org" == found["no_proxy"] == found["NO_PROXY"]


def test_a_home_that_is_not_there_is_replaced(tmp_path: Path) -> None:
    """A home that is there is kept."""
    given = {"HOME": str(tmp_path / "missing"), "TMPDIR": str(tmp_path / "missing")}
    assert str(tmp_path / ".venv" / "home") == shown(tmp_path, given)["HOME"]
    assert "TMPDIR" not in shown(tmp_path, given)
    given = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert given == {name: shown(tmp_path, given)[name] for name in given}


@pytest.mark.parametrize("locale", ["C", "xx_XX.latin1"])
def test_a_checkout_may_lie_below_a_name_of_any_letters(locale: str, tmp_path: Path) -> None:
    """Python reads the file that says where the platform lies before it reads anything else."""
    folder = tmp_path / "la città"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    [packages] = (folder / ".venv").glob("lib/python*/site-packages")
    (packages / "platform.pth").write_text(str(folder / "packages"), encoding="utf-8")
    (folder / "packages").mkdir()
    (folder / "packages" / "there.py").write_text("print('there')")
    (folder / "Makefile").write_text(f"{SHOWS}starts: ; @.venv/bin/python -m there\n")
    made = subprocess.run(
        ["make", "--no-print-directory", "starts"],
        cwd=folder,
        env={**os.environ, "LC_ALL": locale},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "there\n" == made.stdout, made.stderr


@pytest.mark.parametrize("python", ["python2", "false"])
def test_another_python_is_said_in_a_sentence(python: str, tmp_path: Path) -> None:
    """With what to type instead."""
    for name in ("Makefile", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    made = subprocess.run(
        ["make", ".venv/uv", f"PYTHON={python}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"3.13 is needed, and {python} was found. Install python3" in made.stdout
    assert not (tmp_path / ".venv").exists()


def test_uv_takes_packages_from_where_pip_is_told_to(tmp_path: Path) -> None:
    """From pip's own file: an index, a certificate, and hosts that are trusted without one."""
    config = "[global]\nindex-url = https://packages.example.org/index\ncert = /etc/ssl/ours.pem\n"
    (tmp_path / "pip.conf").write_text(f"{config}trusted-host =\n    one.test\n    two.test\n")
    given = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    assert {
        "UV_DEFAULT_INDEX": "https://packages.example.org/index",
        "SSL_CERT_FILE": "/etc/ssl/ours.pem",
        "UV_INSECURE_HOST": " one.test two.test",
    } == told_to_uv(tmp_path, given)
    theirs = {"UV_DEFAULT_INDEX": "https://uv.example.org/index", **given}
    assert theirs["UV_DEFAULT_INDEX"] == told_to_uv(tmp_path, theirs)["UV_DEFAULT_INDEX"]


def told_to_uv(folder: Path, given: Mapping[str, str]) -> Mapping[str, str]:
    """What uv finds in its environment when deploy/install.sh calls it."""
    commands = folder / ".venv" / "bin"
    commands.mkdir(parents=True, exist_ok=True)
    for name, script in (
        ("uv", "exec env -0"),
        ("python", f'exec {shlex.quote(sys.executable)} "$@"'),
    ):
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    said = subprocess.run(
        ["bash", str(ROOT / "deploy" / "install.sh"), "-e", "."],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **given},
        capture_output=True,
        check=True,
    ).stdout.decode()
    found = dict(pair.partition("=")[::2] for pair in said.strip("\0").split("\0"))
    wanted = ("UV_DEFAULT_INDEX", "SSL_CERT_FILE", "UV_INSECURE_HOST")
    return {name: found[name] for name in wanted}
