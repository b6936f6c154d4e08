"""The manifests and the values of Dagster's chart: valid, and saying what compose says."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values

from tests.docs.documents import settings
from tests.support.rig.cluster.composition import ROOT, services
from tests.support.rig.cluster.machine import SECRETS

FOLDER = ROOT / "deploy" / "kubernetes"
KUBERNETES = "1.34"
COMPOSED = services({**SECRETS, "WORKER_DUB_PROCESSES": "2"})
# Where one container of a pod is a service of the compose file.
SAME = {
    "api": ("Deployment", "api"),
    "worker-transcribe": ("Deployment", "worker-transcribe"),
    "worker-dub": ("Deployment", "worker-dub"),
    "worker-gpu": ("Deployment", "worker-gpu"),
    "flower": ("Deployment", "flower"),
    "pgbouncer": ("Deployment", "pgbouncer"),
    "migrate-dagster": ("Job", "migrate"),
}
# What Dagster's chart writes into its pods' labels.
CHART = {"app.kubernetes.io/name": "dagster", "component": "dagster-webserver"}
DAEMON = {"app.kubernetes.io/name": "dagster", "component": "dagster-daemon"}
CODE = {"component": "user-deployments", "deployment": "code"}
MIRRORED = (
    "nux",
    "run_coordinator",
    "concurrency",
    "sensors",
    "auto_materialize",
    "freshness",
    "retention",
    "run_monitoring",
)


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], dict[str, Any]]:
    """What `kubectl apply -k deploy` would send, by kind and name."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    command = [str(kubectl), "kustomize", str(ROOT / "deploy")]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(made)}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def instance() -> dict[str, Any]:
    """The dagster.yaml that the images hold."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    return found


Objects = dict[tuple[str, str], dict[str, Any]]


def test_kubernetes_knows_every_field(objects: Objects) -> None:
    """Its own schema finds nothing wrong, and nothing that it would ignore."""
    for one in objects.values():
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", SAME)
def test_a_pod_runs_the_command_of_its_service(objects: Objects, name: str) -> None:
    """The same that the tests run as processes."""
    [container] = _pod(objects[SAME[name]])["containers"]
    assert [str(word) for word in COMPOSED[name]["command"]] == container["command"]


@pytest.mark.parametrize("name", [name for name in SAME if name.startswith("worker-")])
def test_a_worker_is_watched_and_stopped_as_in_compose(objects: Objects, name: str) -> None:
    """By the same question, and with the same hour to finish its run."""
    pod = _pod(objects[SAME[name]])
    [container] = pod["containers"]
    asked = container["livenessProbe"]["exec"]["command"][-1]
    assert COMPOSED[name]["healthcheck"]["test"][1] == asked
    assert 3600 == pod["terminationGracePeriodSeconds"]


def test_a_container_can_change_nothing_but_its_data(objects: Objects) -> None:
    """None is root or can become it, each has a read-only file system and limited memory."""
    for one in objects.values():
        for pod in _pods(one):
            assert pod["securityContext"]["runAsNonRoot"]
            assert not pod["automountServiceAccountToken"]
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"]
                assert not context["allowPrivilegeEscalation"]
                assert ["ALL"] == context["capabilities"]["drop"]
                assert container["resources"]["limits"]["memory"]


def test_what_is_selected_is_there(objects: Objects) -> None:
    """Services, budgets, policies and the autoscaler find the pods they are for."""
    labels = [CHART, CODE, *(_template(one)["metadata"]["labels"] for one in _workloads(objects))]
    selectors = [*_selectors(objects)]
    assert len(selectors) > 5
    for wanted in selectors:
        assert any(wanted.items() <= found.items() for found in labels), wanted
    scaled = objects["HorizontalPodAutoscaler", "api"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) in objects


def test_only_the_api_and_the_page_are_reached_from_outside(objects: Objects) -> None:
    """Dagster through the proxy, which asks for a password."""
    rules = objects["Ingress", "dub-platform"]["spec"]["rules"]
    backends = {path["backend"]["service"]["name"] for r in rules for path in r["http"]["paths"]}
    assert {"api", "proxy"} == backends
    kinds = {
        one["spec"].get("type", "ClusterIP") for (k, _), one in objects.items() if k == "Service"
    }
    assert {"ClusterIP"} == kinds
    policy = objects["NetworkPolicy", "only-the-proxy-reaches-dagster"]["spec"]
    assert CHART == policy["podSelector"]["matchLabels"]
    assert [{"from": [{"podSelector": {"matchLabels": {"app": "proxy"}}}]}] == policy["ingress"]


def test_only_dagster_reaches_the_code_server(objects: Objects, values: dict[str, Any]) -> None:
    """Whoever else did would start runs with keys of providers in their environment."""
    [served] = values["dagster-user-deployments"]["deployments"]
    assert CODE["deployment"] == served["name"]
    policy = objects["NetworkPolicy", "only-dagster-reaches-the-code-server"]["spec"]
    assert CODE == policy["podSelector"]["matchLabels"]
    [rule] = policy["ingress"]
    assert [CHART, DAEMON] == [each["podSelector"]["matchLabels"] for each in rule["from"]]


def test_every_path_of_the_proxy_leads_somewhere(objects: Objects) -> None:
    """Each server behind it is a service here, as it is one of the compose file."""
    proxied = re.findall(
        r"reverse_proxy (\w+):(\d+)", objects["ConfigMap", _proxy(objects)]["data"]["Caddyfile"]
    )
    assert len(proxied) > 4
    for name, port in proxied:
        assert name in COMPOSED
        assert {"port": int(port)} in objects["Service", name]["spec"]["ports"]


def test_what_watches_is_told_as_in_compose(objects: Objects) -> None:
    """The same rules and dashboards, and words of commands but for the address of the page."""
    for name in ("prometheus", "alertmanager"):
        [container] = _pod(objects["Deployment", name])["containers"]
        words = [
            word.replace("http://127.0.0.1:3000", "https://dagster.example.com")
            for word in COMPOSED[name]["command"]
        ]
        assert words == container["args"]
        assert COMPOSED[name].get("entrypoint") == container.get("command")
        assert COMPOSED[name]["image"] == container["image"]
    drawn = _mounted(objects, "grafana") | _mounted(objects, "prometheus")
    assert {"videos.json", "workers.json", "alerts.yml", "files.yaml"} <= drawn


def test_all_that_read_models_have_the_same(objects: Objects, values: dict[str, Any]) -> None:
    """Where the image looks for them, on a claim that pods of several nodes may have."""
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    [place] = re.findall(r"^    DUB_MODELS_DIR=(\S+)", image, re.MULTILINE)
    names = ("api", "worker-transcribe", "worker-dub", "worker-gpu")
    pods = [_pod(objects["Deployment", name]) for name in names]
    read = [(pod["containers"][0], pod["volumes"]) for pod in pods]
    [code] = values["dagster-user-deployments"]["deployments"]
    for container, volumes in [*read, (code, code["volumes"])]:
        places = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        [volume] = [one for one in volumes if one["name"] == places[place]]
        claim = objects["PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]]
        assert ["ReadWriteMany"] == claim["spec"]["accessModes"]


def test_a_video_fits_through_the_ingress(objects: Objects) -> None:
    """nginx takes a megabyte where nobody says otherwise."""
    said = objects["Ingress", "dub-platform"]["metadata"]["annotations"]
    assert "0" == said["nginx.ingress.kubernetes.io/proxy-body-size"]


def test_a_rollout_of_the_api_takes_no_answer_away(objects: Objects) -> None:
    """A new pod is ready before an old one goes, which drains and lets uploads end."""
    deployment = objects["Deployment", "api"]["spec"]
    assert 0 == deployment["strategy"]["rollingUpdate"]["maxUnavailable"]
    pod = deployment["template"]["spec"]
    [container] = pod["containers"]
    assert "/ready" == container["readinessProbe"]["httpGet"]["path"]
    composed = COMPOSED["api"]
    [drain] = container["env"]
    assert composed["environment"]["DUB_DRAIN_SECONDS"] == drain["value"]
    assert composed["stop_grace_period"] == f"{pod['terminationGracePeriodSeconds'] // 60}m"
    assert objects["HorizontalPodAutoscaler", "api"]["spec"]["minReplicas"] > 1


def test_every_variable_of_compose_is_given(objects: Objects) -> None:
    """By the settings or by the secrets, and neither holds one that nothing reads."""
    given = set(objects["ConfigMap", "dub-platform"]["data"])
    secret = set(dotenv_values(FOLDER / "secrets.env.example"))
    # The image says where things are, and the ports are Kubernetes' own.
    composed = set(COMPOSED["worker-dub"]["environment"]) - {"DUB_HOME", "PORT", "DAGSTER_PORT"}
    assert set() == composed - given - secret
    beyond = {*composed, "ALERT_WEBHOOK_URL", "PROXY_PASSWORD_HASH", "postgresql-password"}
    assert set() == (given | secret) - beyond - set(settings())
    assert set() == given & secret


def test_the_chart_writes_the_instance_that_the_images_hold(
    values: dict[str, Any], instance: dict[str, Any]
) -> None:
    """Webserver and daemon treat runs as the workers do."""
    assert {key: instance[key] for key in MIRRORED} == values["additionalInstanceConfig"]
    assert instance["run_launcher"] == values["runLauncher"]["config"]["customRunLauncher"]
    logs = values["computeLogManager"]["config"]["customComputeLogManager"]
    assert instance["compute_logs"] == logs
    assert instance["telemetry"] == values["telemetry"]
    own = {*MIRRORED, "run_launcher", "compute_logs", "telemetry", "storage"}
    assert own == set(instance)


def test_the_chart_writes_nothing_of_the_instance_twice(values: dict[str, Any]) -> None:
    """What is said word for word is not said in the chart's words as well."""
    daemon = values["dagsterDaemon"]
    assert not any(
        daemon[key]["enabled"] for key in ("runCoordinator", "runMonitoring", "runRetries")
    )
    assert not daemon["sensors"]["useThreads"]


def test_the_chart_reaches_the_database_through_the_pooler(
    values: dict[str, Any], objects: Objects
) -> None:
    """With the account and the password of everybody else."""
    data, database = objects["ConfigMap", "dub-platform"]["data"], values["postgresql"]
    assert data["DAGSTER_POSTGRES_HOST"] == database["postgresqlHost"]
    assert data["DAGSTER_POSTGRES_PORT"] == str(database["service"]["port"])
    assert data["DAGSTER_POSTGRES_USER"] == database["postgresqlUsername"]
    assert data["DAGSTER_POSTGRES_DB"] == database["postgresqlDatabase"]
    assert ("Service", database["postgresqlHost"]) in objects


def test_chart_and_packages_are_of_one_release() -> None:
    """The chart that is installed is that of the Dagster in the images."""
    named = (ROOT / "deploy" / "kustomization.yaml").read_text()
    assert f"--version {version('dagster')} " in named


def _proxy(objects: Objects) -> str:
    """The name of the proxy's configuration, which ends with what it holds."""
    pod = _pod(objects["Deployment", "proxy"])
    [named] = [one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one]
    return str(named)


def _mounted(objects: Objects, name: str) -> set[str]:
    """The files of the configurations that a deployment mounts."""
    volumes = _pod(objects["Deployment", name])["volumes"]
    maps = [one["configMap"]["name"] for one in volumes if "configMap" in one]
    return {file for each in maps for file in objects["ConfigMap", each]["data"]}


def _workloads(objects: Objects) -> list[dict[str, Any]]:
    return [one for (kind, _), one in objects.items() if kind in ("Deployment", "Job")]


def _template(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]
    return found


def _pod(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _template(workload)["spec"]
    return found


def _pods(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [_pod(one)] if one["kind"] in ("Deployment", "Job") else []


def _selectors(objects: Objects) -> Iterator[dict[str, str]]:
    """Every selector of pods of this deployment."""
    for (kind, _), one in objects.items():
        if kind == "Service":
            yield one["spec"]["selector"]
        elif kind in ("Deployment", "PodDisruptionBudget"):
            yield one["spec"]["selector"]["matchLabels"]
        elif kind == "NetworkPolicy":
            yield one["spec"]["podSelector"]["matchLabels"]
