"""The compose file as it is written: what starts it can be had without docker's engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from sqlalchemy import make_url

from assets.step.tags import PARTITION, queue_of
from dub_platform.commands import admin
from dub_platform.storage import OWN_DATABASE
from tests.docs.documents import settings
from tests.support.rig.cluster.composition import COMPOSE, ROOT, VARIABLE, services
from tests.support.rig.cluster.machine import SECRETS
from tests.support.servers.redis import running_redis

TOOLS = Path(sysconfig.get_path("scripts"))
EVERY = services(SECRETS)
OURS = {name: one for name, one in EVERY.items() if "DUB_HOME" in one.get("environment", {})}
ONCE = {name for name, one in EVERY.items() if one["restart"] == "no"}
BUILT = Counter(one["image"] for one in EVERY.values() if "build" in one)
WORKERS = {name: one for name, one in EVERY.items() if name.startswith("worker-")}
APIS = ("api", "api-2")
# What only the image's entry point reads.
FOREIGN = {"PGPASSWORD"}
UNITS = {"m": 1_000, "g": 1_000_000}


def test_the_file_is_what_compose_accepts() -> None:
    """The compose specification's own schema finds nothing wrong in it."""
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "ok -- validation done\n") == (checked.returncode, checked.stdout)


def test_compose_reads_what_the_tests_read() -> None:
    """Docker Compose itself resolves every service to the same command and variables."""
    resolved = json.loads(_compose(SECRETS, "config", "--format", "json").stdout)["services"]
    assert {name: _essence(one) for name, one in EVERY.items()} == {
        name: _essence(one) for name, one in resolved.items()
    }


def test_a_linter_finds_nothing(tmp_path: Path) -> None:
    """Nothing that weakens a container, but for what is said with a reason beside it."""
    # Where a checkout lies is nothing of the file's: below /root, mounts would be of root's home.
    composed = tmp_path / COMPOSE.name
    composed.write_text(COMPOSE.read_text().replace("- ./", "- /srv/dub_platform/"))
    options = ["--config", "deploy/compose-lint.yml", "--fail-on", "low", "--no-env"]
    command = [str(TOOLS / "compose-lint"), "check", "-q", *options, str(composed)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == checked.returncode, checked.stdout


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_made_up(name: str) -> None:
    """Without it nothing starts, and compose names the variable."""
    others = {other: value for other, value in SECRETS.items() if other != name}
    with pytest.raises(LookupError, match=f"Set {name} in"):
        services(others)
    refused = _compose(others, "config", "--quiet")
    assert 0 != refused.returncode
    assert f"Set {name} in" in refused.stderr


@pytest.mark.parametrize("name", OURS)
def test_a_command_runs_a_module_that_exists(name: str) -> None:
    """Every service of ours runs a program of ours, a Python module that is installed, or a file
    that is mounted."""
    program, *words = OURS[name]["command"]
    assert program in ("python", "dub-admin")
    if program == "dub-admin":
        with pytest.raises(SystemExit, match="0"):
            admin.main([*words, "--help"])
    elif words[0] == "-m":
        assert find_spec(words[1])
    else:
        sources = [volume.split(":")[0] for volume in OURS[name]["volumes"] if words[0] in volume]
        assert [True] == [(ROOT / source).is_file() for source in sources]


@pytest.mark.parametrize("name", OURS)
def test_a_service_knows_no_variable_that_nothing_reads(name: str) -> None:
    """Every variable is a setting, or is read by Dagster's storage, the workspace or the driver."""
    read = {*settings(), *OWN_DATABASE, *_read_by("workspace.yaml"), *FOREIGN}
    assert set() == set(OURS[name]["environment"]) - read


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_given_every_variable_that_dagster_reads(name: str) -> None:
    """What its storage and workspace.yaml read comes from the service or from the image."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    image = set(re.findall(r"^(?:ENV|   ) (\w+)=", dockerfile, re.MULTILINE))
    given = {*OURS[name]["environment"], *image}
    assert set() == {*OWN_DATABASE, *_read_by("workspace.yaml")} - given


def test_what_a_person_can_set_is_in_the_example() -> None:
    """Every variable that the file asks for stands in .env.example."""
    asked = {found["name"] for found in VARIABLE.finditer(COMPOSE.read_text())}
    example = (ROOT / ".env.example").read_text()
    assert set() == {name for name in asked if f"\n#{name}=" not in example}


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ONCE])
def test_a_server_is_watched_and_kept_within_bounds(name: str) -> None:
    """It has a health check and limited memory, and is started again when it ends."""
    assert "unless-stopped" == EVERY[name]["restart"]
    assert EVERY[name]["healthcheck"]["test"]
    assert _kilobytes(EVERY[name]["deploy"]["resources"]["limits"]["memory"]) > 0


@pytest.mark.parametrize("name", WORKERS)
def test_models_are_kept(name: str) -> None:
    """The image looks for them on a volume, which outlives the container."""
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    [place] = re.findall(r"^    DUB_MODELS_DIR=(\S+)", image, re.MULTILINE)
    assert f"models:{place}" in OURS[name]["volumes"]
    # Libraries' caches have no other place: the container's own files are read-only.
    assert "/srv/dub/cache" in re.findall(r"^    XDG_CACHE_HOME=(\S+)$", image, re.MULTILINE)
    assert "dub:/srv/dub" in OURS[name]["volumes"]


@pytest.mark.parametrize("name", EVERY)
def test_a_container_can_change_nothing_but_its_data(name: str) -> None:
    """Its file system is read-only, it is not root, and cannot become it."""
    service = EVERY[name]
    assert service["read_only"]
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    # An image of ours says so itself; test_dockerfile.py holds it to that.
    assert service["image"] in BUILT or service["user"].partition(":")[0].strip("0")


def test_only_the_api_and_the_page_are_published() -> None:
    """On this machine, unless somebody sets DUB_HOST or DAGSTER_HOST."""
    ports = {name: one["ports"] for name, one in EVERY.items() if "ports" in one}
    assert {
        "front": ["127.0.0.1:5001:8080"],
        "proxy": ["127.0.0.1:3000:8080"],
        "s3": ["127.0.0.1:8333:8333"],
    } == ports
    assert ["s3"] == EVERY["s3"]["profiles"]


def test_one_service_builds_each_image() -> None:
    """Two at once cannot give it the same name; who does not build it does not look elsewhere."""
    assert {1} == {*BUILT.values()}
    others = {
        name: one.get("pull_policy")
        for name, one in EVERY.items()
        if one["image"] in BUILT and "build" not in one
    }
    assert {"never"} == {*others.values()}, others


def test_who_asks_the_database_waits_for_its_tables() -> None:
    """Else it restarts until there are some."""
    once = {"migrate-dagster", "migrate", "s3-buckets"}
    asking = {name for name, one in OURS.items() if name not in once}
    assert {name for name in asking if not _waits_for(name, "migrate-dagster")} == set()


def _waits_for(name: str, other: str) -> bool:
    """Whether the service starts after the other, be it by way of those that it waits for."""
    waited = EVERY[name].get("depends_on", {})
    return other in waited or any(_waits_for(each, other) for each in waited)


def test_what_needs_no_internet_has_none() -> None:
    """Only what asks providers, fetches videos or is published is on a network that leads out."""
    outward = {name for name, one in EVERY.items() if "default" in one["networks"]}
    fetching = {"migrate", "migrate-dagster", "code", *WORKERS}
    # It shows the logs of steps, which are in the bucket where there is one.
    reading = {"webserver"}
    telling = {"alertmanager"}
    assert {"api", "api-2", "front", "proxy", "s3", *fetching, *reading, *telling} == outward
    assert yaml.safe_load(COMPOSE.read_text())["networks"]["back"]["internal"]


def test_the_registry_and_dagster_do_not_share_a_database() -> None:
    """Both call their migrations' table alembic_version."""
    given = OURS["code"]["environment"]
    registry = make_url(given["DUB_DATABASE_URL"])
    assert ("postgresql+psycopg2", "dub") == (registry.drivername, registry.database)
    assert "dagster" == given["DAGSTER_POSTGRES_DB"]


def test_every_job_has_workers() -> None:
    """The queues that workers serve are those that runs are sent to."""
    sent = {queue_of({PARTITION: key}) for key in ("up-1", "es|up-1")} | {queue_of({})}
    default = {name: one for name, one in WORKERS.items() if "profiles" not in one}
    assert sent == {_option(one, "-Q") for one in default.values()}
    assert sent >= {_option(one, "-Q") for one in WORKERS.values()}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_outgrows_its_limit_before_the_container_does(name: str) -> None:
    """All its processes at the size at which they are replaced fit, beside the one that watches."""
    launcher = yaml.safe_load((ROOT / "dagster.yaml").read_text())["run_launcher"]
    usual = launcher["config"]["config_source"]["worker_max_memory_per_child"]
    process = int(_option(WORKERS[name], "--max-memory-per-child") or usual)
    processes = int(_option(WORKERS[name], "--concurrency"))
    limit = _kilobytes(WORKERS[name]["deploy"]["resources"]["limits"]["memory"])
    assert processes * process + 500_000 <= limit


def test_nothing_waits_longer_for_its_end_than_a_worker() -> None:
    """A worker may finish its run, and the API its uploads; docker kills all else long before."""
    waits = {name: _seconds(one.get("stop_grace_period", "10s")) for name, one in EVERY.items()}
    workers, apis = ({waits.pop(name) for name in names} for names in (WORKERS, APIS))
    assert {3600} == workers
    assert {660} == apis
    assert max(waits.values()) <= 60


@pytest.mark.parametrize("name", APIS)
def test_an_api_has_the_time_to_drain_and_to_end_its_uploads(name: str) -> None:
    """Docker waits for both together, and who asks it knows where each process is."""
    drain = int(OURS[name]["environment"]["DUB_DRAIN_SECONDS"])
    uploads = int(_option(OURS[name], "--timeout-graceful-shutdown"))
    assert drain + uploads < _seconds(OURS[name]["stop_grace_period"])
    assert (
        f"{name}:{_option(OURS[name], '--port')}" in EVERY["front"]["environment"]["API_UPSTREAMS"]
    )


def test_redis_loses_no_run_that_was_accepted() -> None:
    """Each is on disk before it is answered, and none makes room for another."""
    said = _redis_options()
    assert ("yes", "always") == (said["--appendonly"], said["--appendfsync"])


def test_strangers_counters_make_room_for_runs() -> None:
    """A Redis that they have filled takes runs, and keeps those that it has."""
    with running_redis() as url, Redis.from_url(url) as redis:
        redis.config_set("maxmemory-policy", _redis_options()["--maxmemory-policy"])
        redis.lpush("dub", *(f"run {number}" for number in range(100)))
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 1_000_000)
        for block in range(20):
            with redis.pipeline(transaction=False) as pipe:
                for number in range(1_000):
                    pipe.set(f"LIMITS:203.0.113.{block}.{number}", 1, ex=172_800)
                pipe.execute()
        assert redis.info("stats")["evicted_keys"] > 0
        assert 101 == redis.lpush("dub", "one more")


def _redis_options() -> dict[str, str]:
    words = EVERY["redis"]["command"]
    options = words[words.index("redis-server") + 1 :]
    return dict(zip(options[::2], options[1::2], strict=True))


def test_no_password_is_among_the_words_of_a_command() -> None:
    """Whoever may list processes reads them; a health check is run as one as well."""
    variables = {name: f"secret-{name}" for name in SECRETS}
    told = [
        str(word)
        for one in services(variables).values()
        for word in (*one.get("command", ()), *one.get("healthcheck", {}).get("test", ()))
    ]
    assert [] == [word for word in told if "secret-" in word]


def _compose(variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Docker Compose, which needs its engine to start something, and not to read a file."""
    profiles = ["--profile", "gpu", "--profile", "s3"]
    package = find_spec("compose")
    assert package
    assert package.origin
    # The package's own command forgets what this one exits with.
    binary = str(Path(package.origin).parent / "docker-compose")
    command = [binary, "--env-file", os.devnull, *profiles, *words]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def _essence(service: Mapping[str, Any]) -> tuple[list[str], dict[str, str], set[str]]:
    """What a service runs, knows and is connected to; compose writes a dollar as two."""
    words = [str(word).replace("$$", "$") for word in service.get("command") or ()]
    variables = {
        name: str(value).replace("$$", "$")
        for name, value in (service.get("environment") or {}).items()
    }
    return words, variables, set(service["networks"])


def _option(service: Mapping[str, Any], name: str) -> str:
    """The word after an option of the command; empty where it is not there."""
    words = [str(word) for word in service["command"]]
    return words[words.index(name) + 1] if name in words else ""


def _kilobytes(size: str) -> int:
    return int(size[:-1]) * UNITS[size[-1]]


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


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
