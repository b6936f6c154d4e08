"""The query of a request: what is not known in it, and a dry run that it asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.operations import OPERATIONS
from tests.support.rig.services import YOUTUBE, Services, local_client, make_services, release

STRICT = [each for each in OPERATIONS if each.is_strict]
LENIENT = [each for each in OPERATIONS if not each.is_strict]
KNOWN = {"id": YOUTUBE, "language": "es", "number": "0", "delivery": "none", "key": "none"}
LINK = {"source": YOUTUBE, "languages": ["es"]}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A client of services with one released video, which no request here changes."""
    services = make_services(tmp_path_factory.mktemp("queries"))
    release(services, YOUTUBE, "es")
    return local_client(services)


@pytest.mark.parametrize("each", STRICT, ids=lambda each: f"{each.method} {each.path}")
def test_a_parameter_that_is_not_known_is_named(released: TestClient, each: Any) -> None:
    """By every operation of the contract, before anything is done."""
    path = f"{each.path.format(**KNOWN)}?dry-run=true"
    answer = released.request(each.method, path)
    if each.path.startswith("/keys"):
        # Nobody has that scope where no keys are asked for.
        assert 403 == answer.status_code
        return
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])
    assert "'dry-run'" in answer.json()["detail"]
    assert 200 == released.get(f"/videos/{YOUTUBE}").status_code


@pytest.mark.parametrize("each", LENIENT, ids=lambda each: each.path)
def test_what_is_opened_by_a_link_or_a_probe_bears_what_others_write_into_it(
    released: TestClient, each: Any
) -> None:
    """A page that is shared opens with the parameters of whoever shared it."""
    named = {**KNOWN, "path": "style.css", "key": f"releases/{YOUTUBE}/es/1/es.vtt"}
    path = each.path.format(**named)
    queries = {
        "/watch": {"v": YOUTUBE},
        "/embed": {"v": YOUTUBE},
        "/oembed": {"url": f"http://dub.test/watch?v={YOUTUBE}"},
        "/edit": {"v": YOUTUBE, "lang": "es"},
    }
    answer = released.get(path, params={**queries.get(each.path, {}), "fbclid": "x"})
    # The release of these services has no lines, whose sound could be had, and no documents were
    # built here, of which there could be a file.
    expected = {"/help/{path}": 404}.get(each.path, 409 if path.endswith("/take") else 200)
    assert expected == answer.status_code


@pytest.mark.parametrize("as_form", [False, True], ids=["link", "file"])
@pytest.mark.parametrize(("query", "body"), [("true", None), ("1", True), ("true", True)])
def test_a_dry_run_in_the_query_buys_nothing(
    client: TestClient, services: Services, clip: Path, as_form: bool, query: str, body: bool | None
) -> None:
    """As one in the body does."""
    answer = hand_in(client, clip, query, body, as_form=as_form)
    assert (200, True, ["es"]) == (
        answer.status_code,
        answer.json()["dry_run"],
        answer.json()["estimate"]["languages"],
    )
    assert () == services.registry.videos().videos


@pytest.mark.parametrize("as_form", [False, True], ids=["link", "file"])
@pytest.mark.parametrize(("query", "body"), [("true", False), ("false", True)])
def test_a_query_that_contradicts_the_body_is_refused(
    client: TestClient, services: Services, clip: Path, as_form: bool, query: str, body: bool
) -> None:
    """What was meant nobody can know, so nothing is bought."""
    answer = hand_in(client, clip, query, body, as_form=as_form)
    assert (422, "request_invalid") == (answer.status_code, answer.json()["code"])
    assert f"The query says dry_run={query}" in answer.json()["detail"]
    assert () == services.registry.videos().videos


def test_a_query_may_say_that_it_is_meant(
    client: TestClient, services: Services, clip: Path
) -> None:
    """false is no dry run."""
    assert 202 == hand_in(client, clip, "false", None, as_form=False).status_code
    assert 1 == len(services.registry.videos().videos)


@pytest.mark.parametrize("kind", ["text/html", "*/*"])
def test_a_form_that_is_sent_by_itself_leads_to_the_player(
    client: TestClient, clip: Path, kind: str
) -> None:
    """A browser without a script is sent to the page that waits; a program gets JSON."""
    answer = client.post(
        "/videos",
        files={"file": ("clip.mp4", clip.read_bytes())},
        data={"languages": "es"},
        headers={"accept": kind},
        follow_redirects=False,
    )
    if kind == "*/*":
        assert (202, "es") == (answer.status_code, answer.json()["dubs"][0]["language"])
        return
    assert 303 == answer.status_code
    page = client.get(answer.headers["location"])
    assert (200, True) == (page.status_code, "Spanish is on its way" in page.text)


def hand_in(client: TestClient, clip: Path, query: str, body: bool | None, *, as_form: bool) -> Any:
    path, said = f"/videos?dry_run={query}", {} if body is None else {"dry_run": body}
    if not as_form:
        headers = {"content-type": "application/json"}
        return client.post(path, content=json.dumps({**LINK, **said}), headers=headers)
    fields = {"languages": "es", **{name: json.dumps(value) for name, value in said.items()}}
    files = {"file": ("clip.mp4", clip.read_bytes())}
    return client.post(path, files=files, data=fields)
