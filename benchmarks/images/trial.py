"""What is tried on the started composition, by somebody outside of it.

    python -m benchmarks.images.trial STATE FIGURES

It has to be alone in its namespaces. An S3 stands for R2, at an address that only a network with a
way out leads to; a Caddy that ends TLS stands before `front`, as docs/operation wants it.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import secrets
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.evaluate import of_dub
from benchmarks.images.host import (
    OUTSIDE,
    Host,
    HostError,
    forward,
    make_networks,
)
from benchmarks.portability.heard import Heard
from dub_platform import wiring
from dub_platform.local.demo import SAMPLE
from dub_platform.settings import Settings
from resources.store.port import Store
from tests.support.patience import HANG_SECONDS
from tests.support.rig.cluster.composition import services
from tests.support.rig.cluster.machine import PASSWORD
from tests.support.rig.cluster.proxy import CADDY
from tests.support.servers.swift import SwiftS3, running_swift

# In no Debian, and on no index.
LEFT_OUT = {"grafana"}
S3_PORT, TLS_PORT, WEBHOOK_PORT = 8333, 8443, 9999
ENDS = ("released", "failed")
LANGUAGES = ("es", "ca")
WAYS_OUT = {
    **dict.fromkeys(("api", "api-2", "code", "webserver", "worker-transcribe", "worker-dub"), True),
    **dict.fromkeys(("postgres", "pgbouncer", "redis", "daemon", "flower", "prometheus"), False),
}
LOG_KEYS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on LogsCapturedEvent { fileKey } } } } }"""
LOGS = """query($key: [String!]!) { capturedLogs(logKey: $key) { stderr } }"""
RUNS = """{ runsOrError(limit: 9) { ... on Runs { results { runId } } } }"""


def main() -> int:
    """Start it all and print what is found; 1 where something is not as it should be."""
    images, checkout, folder = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301
    figures = {**json.loads(sys.argv[2]), "released": 0}
    faults: list[str] = []
    try:
        make_networks()
        s3 = _open_buckets()
        buckets = {"api": s3.new_settings(), "hosted-web": s3.new_settings()}
        env_file = {
            **{name: value or "" for name, value in dotenv_values(checkout / ".env").items()},
            **{f"DUB_{name.upper()}": value for name, value in buckets["api"].items()},
            "ALERT_WEBHOOK_URL": f"http://{OUTSIDE}:{WEBHOOK_PORT}/",
        }
        hosted = describe_hosted(checkout, env_file, buckets["hosted-web"])
        composed = {**list_composed(env_file), **hosted}
        with Host(composed, images, checkout, env_file, folder / "host").start() as host:
            figures["services"] = len(composed)
            faults += _find_faults(host, buckets, figures, folder)
    except HostError as error:
        faults.append(str(error))
    for fault in faults:
        PROGRESS.print(f"FAULT {fault}", markup=False)
    print(json.dumps({**figures, "left_out": sorted(LEFT_OUT), "faults": len(faults)}))  # noqa: T201
    return 1 if faults else 0


def list_composed(variables: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """What `docker compose up` starts, but for what is left out."""
    return {
        name: one
        for name, one in services(variables).items()
        if not one.get("profiles") and name not in LEFT_OUT
    }


def describe_hosted(
    checkout: Path, env_file: Mapping[str, str], bucket: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    """Services as Railway has them, with what it sets and the names of a bucket.

    Their PostgreSQL and Redis are those of the composition, in databases that are empty.
    """
    environment = {
        "PORT": "8000",
        "DATABASE_URL": f"postgres://dub:{env_file['POSTGRES_PASSWORD']}@postgres:5432/postgres",
        "REDIS_URL": f"redis://:{env_file['REDIS_PASSWORD']}@redis:6379/1",
        "R2_ACCESS_KEY_ID": bucket["r2_access_key_id"],
        "R2_SECRET_ACCESS_KEY": bucket["r2_secret_access_key"],
        "R2_BUCKET_NAME": bucket["r2_public_bucket"],
        "R2_PUBLIC_URL": bucket["r2_public_url"],
        "DUB_R2_ENDPOINT": bucket["r2_endpoint"],
        "DUB_R2_BUCKET": bucket["r2_bucket"],
        "DUB_LINK_SECRET": secrets.token_hex(32),
    }
    first, later = ("railway.json", "deploy/railway.worker.json")
    told = {name: json.loads((checkout / name).read_text())["deploy"] for name in (first, later)}
    stores = {key: {"condition": "service_healthy"} for key in ("postgres", "redis")}
    released = {"hosted-release": {"condition": "service_completed_successfully"}}
    commands = {
        "release": (told[first]["preDeployCommand"][0], stores),
        "web": (told[first]["startCommand"], released),
        "worker": (told[later]["startCommand"], released),
        "daemon": (told[later]["startCommand"], released),
    }
    return {
        f"hosted-{name}": {
            "image": "hosted:local",
            "command": shlex.split(command),
            "environment": {**environment, "RAILWAY_SERVICE_NAME": name},
            "networks": ["default", "back"],
            "depends_on": needs,
            "restart": "no" if name == "release" else "unless-stopped",
        }
        for name, (command, needs) in commands.items()
    }


def _open_buckets() -> SwiftS3:
    """The S3 that is outside."""
    inner = urlsplit(running_swift().endpoint)
    forward((OUTSIDE, S3_PORT), ("127.0.0.1", int(inner.port or 0)))
    return SwiftS3(f"http://{OUTSIDE}:{S3_PORT}")


def _find_faults(
    host: Host,
    buckets: Mapping[str, Mapping[str, str]],
    figures: dict[str, Any],
    folder: Path,
) -> Iterator[str]:
    host.await_health()
    PROGRESS.print("all services are healthy")
    for name, has in WAYS_OUT.items():
        if has is not _reaches_outside(host, name):
            yield f"{name} {'cannot reach' if has else 'reaches'} what is outside"
    host.publish("127.0.0.1", 5001, "front", 8080)
    host.publish("127.0.0.1", 3000, "proxy", 8080)
    with _tls(folder):
        yield from _share_a_limit()
        yield from _send_alert()
        yield from _take_cookies(host)
        stores = {
            name: wiring.store(Settings.model_validate(values)) for name, values in buckets.items()
        }
        PROGRESS.print("the sample, by the composition")
        with _viewer("127.0.0.4") as client:
            yield from _dub(host, client, "api", LANGUAGES, stores["api"], figures)
        yield from _read_logs()
    PROGRESS.print("the sample, by the Procfile's lines")
    url = f"http://{host.address('hosted-web')}:8000"
    # Its router tells who asks, as every platform's does.
    headers = {"X-Forwarded-For": "203.0.113.77", "X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=url, headers=headers, timeout=HANG_SECONDS) as client:
        _until(lambda: client.get("/ready").status_code == 200)
        yield from _dub(host, client, "hosted-web", ["es"], stores["hosted-web"], figures)


def _reaches_outside(host: Host, name: str) -> bool:
    tried = f"exec 3<>/dev/tcp/{OUTSIDE}/{S3_PORT}"
    return host.try_in(name, ["timeout", "5", "bash", "-c", tried]).returncode == 0


@contextlib.contextmanager
def _tls(folder: Path) -> Iterator[None]:
    """The proxy that ends TLS before `front`, with a certificate of its own."""
    file = folder / "tls"
    file.write_text(
        "{\n admin off\n skip_install_trust\n auto_https disable_redirects\n}\n"
        f"https://127.0.0.1:{TLS_PORT} {{\n tls internal\n reverse_proxy 127.0.0.1:5001\n}}\n"
    )
    command = [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(file)]
    variables = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "caddy")}
    with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:
        try:
            _until(lambda: _viewer("127.0.0.1").get("/health").status_code == 200)
            yield
        finally:
            process.kill()


def _viewer(address: str, **headers: str) -> httpx.Client:
    """Somebody at an address of their own, who comes through the proxy that ends TLS."""
    transport = httpx.HTTPTransport(verify=False, local_address=address)
    return httpx.Client(
        base_url=f"https://127.0.0.1:{TLS_PORT}", transport=transport, headers=headers, timeout=120
    )


def _share_a_limit() -> Iterator[str]:
    """One viewer uses a limit up; another one must not notice."""
    page = "/watch?v=dQw4w9WgXcQ&lang=es"
    with _viewer("127.0.0.2") as one, _viewer("127.0.0.3") as other:
        told = [one.get(page).status_code for _ in range(200)]
        if 429 not in told:
            yield "a viewer may ask for a page without a limit"
        if other.get(page).status_code == 429:
            yield "viewers share a limit"


def _send_alert() -> Iterator[str]:
    """Whoever ALERT_WEBHOOK_URL names hears of an alert that Alertmanager was told."""
    heard = threading.Event()

    class Operator(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if b"Tried" in self.rfile.read(int(self.headers["Content-Length"])):
                heard.set()
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer((OUTSIDE, WEBHOOK_PORT), Operator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:3000/alertmanager/api/v2/alerts"
        told = [{"labels": {"alertname": "Tried"}}]
        httpx.post(url, json=told, auth=("dub", PASSWORD)).raise_for_status()
        if not heard.wait(HANG_SECONDS):
            yield "an alert reaches nobody"
        server.shutdown()


def _take_cookies(host: Host) -> Iterator[str]:
    """Cookies of the guide's command are read by the platform's user, and by nobody else."""
    put = "umask 077; cat > /srv/dub/cookies.txt"
    host.try_in("code", ["sh", "-c", f"echo '# Netscape HTTP Cookie File' | {{ {put}; }}"])
    found = host.try_in("worker-transcribe", ["cat", "/srv/dub/cookies.txt"])
    if "Netscape" not in found.stdout:
        yield f"a worker cannot read the cookies: {found.stderr}"
    if host.try_in("worker-transcribe", ["deno", "--version"]).returncode != 0:
        yield "there is no JavaScript runtime"


def _dub(
    host: Host,
    client: httpx.Client,
    name: str,
    languages: Sequence[str],
    store: Store,
    figures: dict[str, Any],
) -> Iterator[str]:
    """Hand the sample in with a key that a service makes; each release as a listener has it."""
    start = ("bash", "deploy/hosted.sh") if name.startswith("hosted") else ()
    made = host.try_in(name, [*start, "dub-admin", "keys", "create"])
    token = made.stdout.strip()
    if made.returncode != 0 or not token.startswith("dub_"):
        yield f"{name} makes no key: {made.stdout} {made.stderr}"
        return
    client.headers["Authorization"] = f"Bearer {token}"
    with SAMPLE.open("rb") as file:
        form = {"languages": ",".join(languages)}
        video = client.post("/videos", files={"file": file}, data=form)
    if video.status_code != 202:
        yield f"{name} does not take the sample: {video.text}"
        return
    video_id = video.json()["id"]
    paths = [f"/videos/{video_id}/dubs/{language}" for language in languages]

    def ended() -> bool:
        return all(client.get(path).json().get("status") in ENDS for path in paths)

    # Slowly, as a key has its limit as well.
    _until(ended, pause=10)
    for language in languages:
        try:
            heard = Heard(language, of_dub(store, video_id, language))
        except AssertionError:
            yield f"{name}: {language} is not released"
            continue
        figures["released"] += not heard.faults
        yield from (f"{name}: {language}: {fault}" for fault in heard.faults)


def _read_logs() -> Iterator[str]:
    """What the runs printed, as an operator reads it in Dagster's page, from the bucket."""
    with httpx.Client(
        base_url="http://127.0.0.1:3000", auth=("dub", PASSWORD), timeout=HANG_SECONDS
    ) as client:
        if httpx.get("http://127.0.0.1:3000/").status_code != 401:
            yield "Dagster's page asks for no password"
        runs = client.post("/graphql", json={"query": RUNS}).json()["data"]["runsOrError"]
        keys = [run["runId"] for run in runs["results"]]
        logged = []
        for run_id in keys:
            answer = client.post("/graphql", json={"query": LOG_KEYS, "variables": {"id": run_id}})
            for event in answer.json()["data"]["logsForRun"]["events"]:
                if "fileKey" in event:
                    key = [run_id, "compute_logs", event["fileKey"]]
                    asked = {"query": LOGS, "variables": {"key": key}}
                    told = client.post("/graphql", json=asked).json()
                    logged.append((told.get("data") or {}).get("capturedLogs", {}).get("stderr"))
        if not any(logged):
            yield f"no step's log is shown of {len(keys)} runs"


def _until(holds: Callable[[], bool], *, pause: float = 0.5) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            if holds():
                return
        if time.monotonic() > deadline:
            raise HostError(f"it does not hold after {HANG_SECONDS} s")
        time.sleep(pause)


if __name__ == "__main__":
    command.run(main)
