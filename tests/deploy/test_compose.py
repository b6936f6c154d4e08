"""The compose file, its image and its services, as far as they can be had without docker."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import make_url

from tests.deploy.composition import COMPOSE, ROOT, VARIABLE, Machine, services
from tests.docs.documents import settings

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SECRET = {"POSTGRES_PASSWORD": "secret"}
OURS = {name: one for name, one in services(SECRET).items() if name != "postgres"}
SERVERS = ("code", "webserver", "daemon", "api")
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename } } } } }"""


@pytest.fixture(scope="module")
def machine(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The whole composition, migrated and healthy."""
    machine = Machine(tmp_path_factory.mktemp("composed"), databases)
    machine.run("migrate")
    with machine.running(*SERVERS):
        for name in SERVERS:
            machine.await_healthy(name)
        yield machine


def test_the_file_is_what_compose_accepts() -> None:
    """The compose specification's own schema finds nothing wrong in it."""
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "ok -- validation done\n") == (checked.returncode, checked.stdout)


def test_no_password_is_made_up() -> None:
    """Without a password nothing starts, and the message names the variable."""
    with pytest.raises(LookupError, match="Set POSTGRES_PASSWORD in"):
        services({})


@pytest.mark.parametrize("name", OURS)
def test_a_command_runs_a_module_that_exists(name: str) -> None:
    """Every service runs a Python module that is installed."""
    python, option, module = OURS[name]["command"][:3]
    assert ("python", "-m") == (python, option)
    assert find_spec(module)


@pytest.mark.parametrize("name", OURS)
def test_a_service_knows_no_variable_that_nothing_reads(name: str) -> None:
    """Every variable is a setting, or is read by the instance, the workspace or the driver."""
    read = {*settings(), *_read_by("dagster.yaml"), *_read_by("workspace.yaml"), "PGPASSWORD"}
    assert set() == set(OURS[name]["environment"]) - read


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_given_every_variable_that_dagster_reads(name: str) -> None:
    """What dagster.yaml and workspace.yaml read comes from the service or from the image."""
    image = set(re.findall(r"^(?:ENV|   ) (\w+)=", DOCKERFILE, re.MULTILINE))
    given = {*OURS[name]["environment"], *image}
    assert set() == {*_read_by("dagster.yaml"), *_read_by("workspace.yaml")} - given


def test_what_a_person_can_set_is_in_the_example() -> None:
    """Every variable that the file asks for stands in .env.example."""
    asked = {found["name"] for found in VARIABLE.finditer(COMPOSE.read_text())}
    example = (ROOT / ".env.example").read_text()
    assert set() == {name for name in asked if f"\n#{name}=" not in example}


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_built_from_a_target_of_the_dockerfile(name: str) -> None:
    """And that target runs as a user who is not root."""
    build = OURS[name]["build"]
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
    parents = {stage: parent for parent, stage in stages}
    assert ROOT / "deploy" / "Dockerfile" == ROOT / build["dockerfile"]
    assert "platform" == parents.get(build["target"])
    assert "USER dub" in DOCKERFILE.partition("AS platform")[2].partition("FROM")[0]


@pytest.mark.parametrize("name", OURS)
def test_what_whisper_downloads_is_kept(name: str) -> None:
    """Its cache is on the volume that every service has, and so outlives the container."""
    cache = re.findall(r"^    XDG_CACHE_HOME=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert ["/srv/dub/cache"] == cache
    assert "dub:/srv/dub" in OURS[name]["volumes"]


def test_an_extra_of_the_image_is_one_of_the_package() -> None:
    """What DUB_IMAGE_EXTRA names is installed with the dependencies; nothing, where it is empty."""
    asked = services({**SECRET, "DUB_IMAGE_EXTRA": "whisper"})["code"]["build"]["args"]
    assert ("whisper", "") == (asked["EXTRA"], OURS["code"]["build"]["args"]["EXTRA"])
    assert "ARG EXTRA=\n" in DOCKERFILE
    assert "-r pyproject.toml ${EXTRA:+--extra $EXTRA}\n" in DOCKERFILE
    assert "whisper" in (metadata("dub-platform").get_all("Provides-Extra") or ())


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    """Every file that the Dockerfile copies exists, and .dockerignore lets it through."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    paths = {path for line in copied for path in line.split()}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert set() == {path for path in paths if not (ROOT / path).exists()}
    assert sent == {path.partition("/")[0] for path in paths}


def test_what_has_no_login_is_reached_from_this_machine_only() -> None:
    """Dagster's UI whatever is set, the API unless somebody sets DUB_HOST."""
    ports = {name: one.get("ports") for name, one in services({**SECRET, "DUB_HOST": "::"}).items()}
    assert ["127.0.0.1:3000:3000"] == ports.pop("webserver")
    assert [":::5001:5001"] == ports.pop("api")
    assert {None} == set(ports.values())
    assert ["127.0.0.1:5001:5001"] == OURS["api"]["ports"]


def test_the_registry_and_dagster_do_not_share_a_database() -> None:
    """Both call their migrations' table alembic_version."""
    given = OURS["code"]["environment"]
    registry = make_url(given["DUB_DATABASE_URL"])
    assert ("postgresql+psycopg2", "dub") == (registry.drivername, registry.database)
    assert "dagster" == given["DAGSTER_POSTGRES_DB"]


def test_the_webserver_loads_the_code(machine: Machine) -> None:
    """The services start with their own commands, are healthy, and the UI has its definitions."""
    url = f"http://127.0.0.1:{machine.port('3000')}/graphql"
    answer = httpx.post(url, json={"query": LOADED}, timeout=60).json()
    [entry] = answer["data"]["workspaceOrError"]["locationEntries"]
    assert "RepositoryLocation" == entry["locationOrLoadError"]["__typename"]


def test_a_video_is_dubbed_on_postgresql(machine: Machine) -> None:
    """The sample, handed in over HTTP, is released by the services of the compose file."""
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.port('5001')}", timeout=60) as client:
        clip = ("harbor.mp4", (ROOT / "examples" / "sample" / "harbor.mp4").read_bytes())
        taken = client.post("/videos", files={"file": clip}, data={"languages": "es"}).json()
        dub = _ended(client, taken["links"]["dubs"]["es"])
        assert ("released", None) == (dub["status"], dub.get("error"))
        assert 200 == client.head(dub["track_url"]).status_code


def _ended(client: httpx.Client, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + 180
    while True:
        dub: dict[str, Any] = client.get(url).json()
        if dub["status"] in ("released", "failed") or time.monotonic() > deadline:
            return dub
        time.sleep(0.5)


def _read_by(name: str) -> set[str]:
    """The variables in a file of Dagster's configuration."""

    def found(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            if set(value) == {"env"}:
                yield value["env"]
            else:
                yield from (each for item in value.values() for each in found(item))
        elif isinstance(value, list):
            yield from (each for item in value for each in found(item))

    return set(found(yaml.safe_load((ROOT / name).read_text())))
