"""Alive, ready, and which version."""

from __future__ import annotations

import platform
import threading
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.routes import health
from tests.support.patience import HANG_SECONDS, plenty_for, wait_until
from tests.support.rig.services import Services


def broken() -> None:
    raise OSError("/srv/dub is read-only")


def test_the_api_is_alive(client: TestClient) -> None:
    """200 without touching anything."""
    body = client.get("/health").json()
    assert body.pop("timestamp").endswith("Z")
    assert {"alive": True, "status": "healthy", "version": "0.1.0"} == body


def test_the_api_is_ready_when_every_check_is_well(client: TestClient) -> None:
    """Each check comes with its time."""
    answer = client.get("/ready")
    body = answer.json()
    assert (200, True, True) == (
        answer.status_code,
        body["ready"],
        body["checks"]["registry"]["ok"],
    )
    assert body["checks"]["registry"]["ms"] >= 0


def test_what_is_down_is_named_without_its_inside(services: Services) -> None:
    """503 and the kind of the error; its words are in the log."""
    checks = {**services.checks, "store": broken}
    with TestClient(create_app(replace(services, checks=checks))) as client:
        answer = client.get("/ready")
    body = answer.json()
    assert (503, False) == (answer.status_code, body["ready"])
    assert {"registry": True, "store": False} == {
        name: check["ok"] for name, check in body["checks"].items()
    }
    assert "OSError" == body["checks"]["store"]["error"]


def test_what_work_only_needs_later_degrades_it(services: Services) -> None:
    """200, because requests are served all the same."""
    with TestClient(create_app(replace(services, helpful={"daemon": broken}))) as client:
        answer = client.get("/ready")
    body = answer.json()
    assert (200, True, True) == (answer.status_code, body["ready"], body["degraded"])
    assert "OSError" == body["checks"]["daemon"]["error"]


def test_what_is_not_ready_is_not_called_degraded(services: Services) -> None:
    """503 whatever else is away."""
    checks = {**services.checks, "store": broken}
    with TestClient(
        create_app(replace(services, checks=checks, helpful={"daemon": broken}))
    ) as client:
        answer = client.get("/ready")
    body = answer.json()
    assert (503, False, False) == (answer.status_code, body["ready"], body["degraded"])


def test_a_check_that_hangs_is_given_up(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part that does not answer holds up neither the answer nor the other checks."""
    with TestClient(create_app(services)) as client:
        limit = plenty_for(lambda: client.get("/ready"))
    monkeypatch.setattr(health, "CHECK_SECONDS", limit)
    end = threading.Event()

    def hanging() -> None:
        end.wait(HANG_SECONDS)

    checks = {"hanging": hanging, **services.checks}
    with TestClient(create_app(replace(services, checks=checks))) as client:
        body = client.get("/ready").json()
        end.set()
    assert {"hanging": f"no answer in {limit:g} s", "registry": None} == {
        name: check.get("error") for name, check in body["checks"].items()
    }


def test_a_check_that_hangs_holds_one_thread_however_often_it_is_asked_for(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask, and whoever balances the load asks every second."""
    begun: list[int] = []
    end = threading.Event()

    def hanging() -> None:
        begun.append(threading.get_ident())
        end.wait()

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    with TestClient(create_app(replace(services, checks={"hanging": hanging}))) as client:
        answers = [client.get("/ready").status_code for _ in range(5)]
        during = len(begun)
        end.set()
        wait_until(lambda: client.get("/ready").status_code == 200)
    assert ([503] * 5, 1) == (answers, during)


def test_the_version_is_told(services: Services) -> None:
    """The package's, the commit it was built from and when, and Python's."""
    built = {"commit": "abc123", "built_at": "2026-11-22T21:15:00Z"}
    with TestClient(create_app(replace(services, **built, environment="staging"))) as client:  # type: ignore[arg-type]
        assert {
            "version": "0.1.0",
            **built,
            "build_time": "2026-11-22T21:15:00Z",
            "environment": "staging",
            "python": platform.python_version(),
        } == client.get("/version").json()
