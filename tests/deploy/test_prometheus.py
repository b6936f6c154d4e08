"""What Prometheus asks for, the rules over it, and the dashboards: they name what there is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import create_app
from tests.docs.documents import ROOT, rows
from tests.support.rig.cluster.composition import services
from tests.support.rig.cluster.machine import SECRETS
from tests.support.rig.services import make_services

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
BOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
# A word that neither is a function nor follows what takes labels, before labels, a range or an end.
_WORD = re.compile(r"\b([a-z_]+_[a-z_]+|up)\b(?!\s*\()")
_GROUPED = re.compile(r"\b(?:by|on|without)\s*\([^)]*\)|\{[^}]*\}")
_SUFFIX = re.compile(r"_(?:bucket|sum|count)$")


def named(expression: str) -> set[str]:
    """The metrics of an expression, by their families' names."""
    return {_SUFFIX.sub("", word) for word in _WORD.findall(_GROUPED.sub("", expression))}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The samples' families of a process that has answered one request."""
    with TestClient(create_app(make_services(tmp_path_factory.mktemp("home")))) as client:
        client.get("/health")
        text = client.get("/metrics").text
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    }


def expressions(board: Path) -> list[str]:
    panels: list[dict[str, Any]] = json.loads(board.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_about_metrics_that_there_are(rule: dict[str, Any], scraped: set[str]) -> None:
    """And it says in words what is wrong."""
    assert named(rule["expr"])
    assert set() == named(rule["expr"]) - scraped - {"up"}
    assert rule["annotations"]["summary"].endswith(".")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_a_dashboard_draws_metrics_that_there_are(board: Path, scraped: set[str]) -> None:
    """Those that are not ours are Flower's."""
    drawn = {name for each in expressions(board) for name in named(each)}
    assert drawn
    assert set() == {name for name in drawn - scraped if not name.startswith("flower_")}


def test_the_reference_has_every_metric(scraped: set[str]) -> None:
    """But for what every process has; and it has no others."""
    documented = {name for name, *_ in rows("docs/reference/metrics.md", "Metrics")}
    assert {name for name in scraped if not name.startswith("process_")} == documented


def test_prometheus_understands_it_all() -> None:
    """The configuration with its rules, by Prometheus' own tool."""
    checked = ["promtool", "check", "config", str(PROMETHEUS / "prometheus.yml")]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"SUCCESS: {len(RULES)} rules found" in done.stdout


def test_each_process_of_the_api_is_asked_by_itself() -> None:
    """Each counts its own requests."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    [api] = [job for job in config["scrape_configs"] if job["job_name"] == "api"]
    [asked] = [one["targets"] for one in api["static_configs"]]
    composed = [name for name in services(SECRETS) if name.startswith("api")]
    assert [f"{name}:5001" for name in composed] == asked


def test_what_is_counted_is_not_for_everybody() -> None:
    """The address that is published does not give it out."""
    assert "respond /metrics 404" in (ROOT / "deploy" / "api" / "Caddyfile").read_text()
