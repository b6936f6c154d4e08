"""The documents: they say all that there is, and nothing that is not."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetsDefinition
from starlette.routing import Mount, Route

from api.app import create_app
from api.contract.problems import HTTP_CODE, status_of
from dub_platform.core.errors import DubError
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.openai import OpenAIVoice
from resources.voice.paid import PaidVoice
from tests.docs.documents import ROOT, committed, default, rows, settings
from tests.support.rig.cluster.composition import VARIABLE as COMPOSED
from tests.support.rig.services import make_services

DOCUMENTS = sorted(committed("*.md"))
EACH = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)
METHODS = ("get", "post", "put", "patch", "delete")
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


def test_the_readme_has_every_setting_with_its_default() -> None:
    """In the order of the code; and it has no others."""
    documented = [(name, value) for name, value, _ in rows("README.md", "Settings")]
    assert [(name, default(each)) for name, each in settings().items()] == documented


def test_the_example_has_every_setting_with_its_default_and_meaning() -> None:
    """Each is out-commented below a line of meaning, in the order of the code."""
    text = (ROOT / ".env.example").read_text()
    documented = re.findall(r"^# \S.+\n#(\w+)=(.*)$", text, re.MULTILINE)
    expected = [(name, default(each)) for name, each in settings().items()]
    assert expected == documented[: len(expected)]
    assert _composed() == dict(documented[len(expected) :])


@pytest.mark.parametrize("document", ["README.md", ".env.example"])
@pytest.mark.parametrize(("engine", "voice"), VOICES.items(), ids=VOICES)
def test_a_document_says_what_a_voice_costs_where_no_price_is_set(
    document: str, engine: str, voice: type[PaidVoice]
) -> None:
    """Each engine has a price of its own, and the code has the same."""
    assert f"{voice.list_price:.2f} for {engine}" in (ROOT / document).read_text()


def test_the_readme_has_every_endpoint(tmp_path: Path) -> None:
    """With its method; and it has no others."""
    documented = [tuple(request.split(" ")) for request, _ in rows("README.md", "Endpoints")]
    assert sorted(_endpoints(tmp_path)) == sorted(documented)


def test_the_readme_has_every_make_target() -> None:
    """With what `make help` says of it; and it has no others."""
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", makefile, re.MULTILINE)
    documented = [(name, does) for name, does in rows("README.md", "Make targets")]
    assert sorted((f"make {name}", does) for name, does in targets) == sorted(documented)


def test_the_readme_has_every_error_code() -> None:
    """Each that a user can meet; and it has no others."""
    documented = [row[0] for row in rows("README.md", "Errors")]
    kinds = set(_kinds(DubError))
    leaves = {kind.code for kind in kinds if not kind.__subclasses__()}
    assert set() == leaves - set(documented)
    assert set() == set(documented) - {kind.code for kind in kinds} - set(HTTP_CODE.values())
    assert len(documented) == len(set(documented))


def test_an_error_is_answered_as_documented() -> None:
    """The status where one is named, and whether a retry helps."""
    ours = {kind.code: kind for kind in _kinds(DubError)}
    http = {code: status for status, code in HTTP_CODE.items()}
    for code, status, again, _ in rows("README.md", "Errors"):
        if code in ours:
            assert (code, "yes" if ours[code].retryable else "") == (code, again)
            assert (code, status or str(_status(ours[code]))) == (code, str(_status(ours[code])))
        else:
            assert (code, str(http[code])) == (code, status)


def test_the_documents_name_everything_in_the_graph() -> None:
    """Every asset, check, job, sensor and schedule."""
    text = (ROOT / "README.md").read_text() + (ROOT / "ARCHITECTURE.md").read_text()
    assert set() == {name for name in _graph() if f"`{name}`" not in text}


def test_the_pipeline_is_documented_asset_by_asset() -> None:
    """ARCHITECTURE's table has each asset with its pool; and it has no others."""
    pools = {asset.key.to_user_string(): asset.op.pool or "" for asset in _assets()}
    table = rows("ARCHITECTURE.md", "The pipeline")
    assert pools == {name: pool for name, _, _, pool in table}


@EACH
def test_a_document_names_only_variables_that_are_read(document: Path) -> None:
    """A name that looks like a setting is one, or is one of the deployment's."""
    named = set(VARIABLE.findall(document.read_text()))
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


def _endpoints(home: Path) -> Iterator[tuple[str, str]]:
    for route in create_app(make_services(home)).routes:
        if isinstance(route, Mount):
            yield "GET", f"{route.path}/{{path}}"
        elif isinstance(route, Route):
            methods = route.methods or {m.upper() for m in METHODS if hasattr(route.endpoint, m)}
            path = re.sub(r":\w+}", "}", route.path)
            yield from ((method, path) for method in methods - {"HEAD"})


def _kinds(kind: type[DubError]) -> Iterator[type[DubError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


def _status(kind: type[DubError]) -> int:
    return status_of(kind("A sentence."))


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
