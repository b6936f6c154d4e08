"""The documents: they say all that there is, and nothing that is not."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetsDefinition

from docs.generate import COMPOSED as COMPOSED_BELOW
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.openai import OpenAIVoice
from resources.voice.paid import PaidVoice
from tests.docs.documents import ROOT, committed, rows, settings
from tests.support.rig.cluster.composition import VARIABLE as COMPOSED

DOCUMENTS = sorted(committed("*.md"))
EACH = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)
FOLDERS = "api|assets|benchmarks|deploy|docs|dub_platform|examples|resources|sensors|tests"
VARIABLE = re.compile(r"\b(?:(?:DUB|GIT|MAX|POSTGRES)_[A-Z_]+|(?:DAGSTER_)?PORT)\b")
# Variables of the deployment and of the client, which are no settings.
DEPLOYMENT = {"POSTGRES_PASSWORD", "DUB_CODE_PORT", "DUB_REDIS_URL", "DUB_URL", "DUB_API_KEY"}
VOICES = {"elevenlabs": ElevenLabsVoice, "openai": OpenAIVoice}
# Written so that this file is not found by itself.
UNFIT = {
    "a path of one machine": re.compile(r"(?<![\w.-])/(?:work|root|home|Users)/\w"),
    "a package registry": re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.|https?://\S+/simple\b"),
    "something left to do": re.compile(r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b"),
}


def test_the_example_has_what_docker_compose_asks_for() -> None:
    """Each beyond the settings is out-commented below its meaning, with the same default."""
    below = (ROOT / ".env.example").read_text().partition(COMPOSED_BELOW)[2]
    assert _composed() == dict(re.findall(r"^#(\w+)=(.*)$", below, re.MULTILINE))


@pytest.mark.parametrize("document", ["docs/reference/settings.md", ".env.example"])
@pytest.mark.parametrize(("engine", "voice"), VOICES.items(), ids=VOICES)
def test_a_document_says_what_a_voice_costs_where_no_price_is_set(
    document: str, engine: str, voice: type[PaidVoice]
) -> None:
    """Each engine has a price of its own, and the code has the same."""
    assert f"{voice.list_price:.2f} for {engine}" in (ROOT / document).read_text()


def test_the_documents_name_everything_in_the_graph() -> None:
    """Every asset, check, job, sensor and schedule."""
    text = "".join(path.read_text() for path in DOCUMENTS)
    assert set() == {name for name in _graph() if f"`{name}`" not in text}


def test_the_pipeline_is_documented_asset_by_asset() -> None:
    """ARCHITECTURE's table has each asset with its pool; and it has no others."""
    pools = {asset.key.to_user_string(): asset.op.pool or "" for asset in _assets()}
    table = rows("ARCHITECTURE.md", "The pipeline")
    assert pools == {name: pool for name, _, _, pool in table}


@EACH
def test_a_document_names_only_variables_that_are_read(document: Path) -> None:
    """A name that looks like a setting is one, or is one of the deployment's."""
    found = set(VARIABLE.findall(document.read_text()))
    # The example of an engine of another package has variables of its own.
    named = {name for name in found if not name.startswith("DUB_HUM_")}
    assert set() == named - set(settings()) - DEPLOYMENT


@EACH
def test_a_document_names_only_make_targets_that_exist(document: Path) -> None:
    """In code, `make x` is a target."""
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@EACH
def test_a_document_names_only_files_that_exist(document: Path) -> None:
    """A path in code that begins with a folder of the repository is there."""
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", document.read_text())
    assert [] == [path for path in named if not (ROOT / path).exists()]


def test_every_defence_names_where_it_is_and_what_tries_it() -> None:
    """Each row of the table has a file of ours, and modules that have tests."""
    table = [row for row in rows("SECURITY.md", "What is defended where") if any(row[1:])]
    held = {row[0] for row in table if re.search(rf"(?:{FOLDERS})/[\w/]+\.py", row[1])}
    tried = {row[0]: re.findall(r"tests/[\w/]+\.py", row[2]) for row in table}
    assert held == {name for name, modules in tried.items() if modules} == set(tried)
    modules = {module for each in tried.values() for module in each}
    assert [] == [path for path in modules if "def test_" not in (ROOT / path).read_text()]


@EACH
def test_a_document_names_only_classes_that_exist(document: Path) -> None:
    """A name in code with capitals like a class's is one."""
    named = re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", document.read_text())
    assert set() == set(named) - _classes()


@EACH
def test_a_link_leads_somewhere(document: Path) -> None:
    """To a file that is there, or to a heading of it."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", document.read_text())
    assert [] == [link for link in links if not _leads_somewhere(document, *link)]


@pytest.mark.parametrize("what", UNFIT)
def test_no_text_holds(what: str) -> None:
    """Not in code, configuration or documents."""
    patterns = ("*.py", "*.md", "*.toml", "*.txt", "*.y*ml", "*.sh", "*.sql", "*.html", "*.js")
    names = ("Makefile", "Dockerfile", ".env.example", ".dockerignore", "run")
    found = [path for path in committed(*patterns, *names) if UNFIT[what].search(path.read_text())]
    assert [] == [str(path.relative_to(ROOT)) for path in found]


def test_the_decisions_are_numbered_without_a_gap() -> None:
    """The file's number is the title's, and each says its status."""
    records = [path for path in DOCUMENTS if path.parent.name == "adr"]
    opened = [path.read_text().split("\n\n")[:2] for path in records]
    numbers = range(1, len(records) + 1)
    assert [f"{number:04}" for number in numbers] == [path.name[:4] for path in records]
    assert [f"# {number}" for number in numbers] == [title.partition(".")[0] for title, _ in opened]
    said = re.compile(r"Accepted\.|Accepted; supersedes \d+\.|Superseded by \d+\.")
    assert [] == [status for _, status in opened if not said.fullmatch(status)]


@functools.cache
def _classes() -> set[str]:
    texts = (path.read_text() for path in committed("*.py"))
    return {name for text in texts for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}


def _composed() -> dict[str, str]:
    """What docker-compose.yml asks for beyond the settings, with its default."""
    asked = COMPOSED.finditer((ROOT / "docker-compose.yml").read_text())
    found = {each["name"]: each["rest"] if each["how"] == "-" else "" for each in asked}
    return {name: value for name, value in found.items() if name not in settings()}


def _assets() -> Iterator[AssetsDefinition]:
    from dub_platform.definitions import defs

    return (asset for asset in defs.assets or () if isinstance(asset, AssetsDefinition))


def _graph() -> Iterator[str]:
    from dub_platform.definitions import defs

    yield from (asset.key.to_user_string() for asset in _assets())
    for checks in defs.asset_checks or ():
        yield from (spec.name for spec in checks.check_specs)
    for each in (*(defs.jobs or ()), *(defs.sensors or ()), *(defs.schedules or ())):
        yield each.name


def _leads_somewhere(document: Path, file: str, heading: str) -> bool:
    target = (document.parent / file) if file else document
    return target.exists() and (not heading or heading in _anchors(target))


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
