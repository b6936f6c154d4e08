"""An S3 that enforces what R2 enforces: OpenStack Swift with its s3api, in a process of its own.

    server = running_swift()
    private, public = server.new_buckets()
    server.client.put_object(Bucket=private, Key="x", Body=b"x")

It refuses wrong secrets, tampered links, bodies that are not what was signed, and parts under
5 MiB. Proxy, account, container and object server share the process, each on a port of its own,
and the objects are in its memory: neither root nor extended file attributes are needed. It is
started once a session, takes about a second, and ends with the process that started it.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.store.s3 import client
from tests.support.logged_errors import PROCESS_LOGS

KEY_ID = "test:tester"
SECRET = "testing-0f6c1d"
REGION = "auto"
_ROOT = Path(__file__).resolve().parents[3]
_SERVERS = ("account", "container", "object", "proxy")
_DEVICE = "disk"


@dataclass(frozen=True)
class SwiftS3:
    """Where it answers, and whom."""

    endpoint: str
    key_id: str = KEY_ID
    secret: str = SECRET

    @functools.cached_property
    def client(self) -> Any:
        """A client that it lets in, as the platform makes one."""
        return client(self.endpoint, self.key_id, self.secret)

    def new_buckets(self) -> tuple[str, str]:
        """The names of two empty buckets: a private one, and one that anybody can read."""
        name = uuid.uuid4().hex[:12]
        self.client.create_bucket(Bucket=f"private-{name}")
        self.client.create_bucket(Bucket=f"public-{name}", ACL="public-read")
        return f"private-{name}", f"public-{name}"

    def open_to_pages(self) -> str:
        """The name of an empty public bucket whose CORS rule lets pages of any origin read it."""

        # Swift keeps the rule in the bucket's own headers, and its s3api has no call for it.
        def rule(request: Any, **_: object) -> None:
            request.headers.add_header("X-Container-Meta-Access-Control-Allow-Origin", "*")

        ruling, name = client(self.endpoint, self.key_id, self.secret), uuid.uuid4().hex[:12]
        ruling.meta.events.register("before-sign.s3.CreateBucket", rule)
        ruling.create_bucket(Bucket=f"open-{name}", ACL="public-read")
        return f"open-{name}"

    def new_settings(self) -> dict[str, str]:
        """What a deployment with two empty buckets here sets."""
        private, public = self.new_buckets()
        return {
            "store": "r2",
            "r2_endpoint": self.endpoint,
            "r2_bucket": private,
            "r2_public_bucket": public,
            "r2_public_url": self.public_url(public),
            "r2_access_key_id": self.key_id,
            "r2_secret_access_key": self.secret,
        }

    def public_url(self, bucket: str) -> str:
        """Where anybody reads a public bucket, without a signature."""
        return f"{self.endpoint}/v1/AUTH_test/{bucket}"


@functools.cache
def running_swift() -> SwiftS3:
    """The server of this session. Raises RuntimeError with what it said, if it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="dub-swift-"))
    log = folder / "logs" / "swift.log"
    log.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.support.servers.swift", str(folder)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
    )
    atexit.register(_stop, process, folder)
    PROCESS_LOGS.add(folder)
    assert process.stdout is not None
    if not (ready := process.stdout.readline()):
        raise RuntimeError(log.read_text())
    return SwiftS3(f"http://127.0.0.1:{json.loads(ready)['port']}")


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.kill()
    process.wait()
    shutil.rmtree(folder)


def serve(folder: Path) -> None:
    """Be the server until standard input ends; the proxy's port goes to standard output."""
    import eventlet
    from swift.common.concurrency import monkey_patch

    monkey_patch()
    sockets = {name: eventlet.listen(("127.0.0.1", 0)) for name in _SERVERS}
    ports = {name: each.getsockname()[1] for name, each in sockets.items()}
    _configure(folder, ports)
    for name, each in sockets.items():
        eventlet.spawn(_answer, each, folder / f"{name}.conf")
    sys.stdout.write(json.dumps({"port": ports["proxy"]}) + "\n")
    sys.stdout.flush()
    # So it ends also when the process that started it was killed.
    eventlet.tpool.execute(sys.stdin.read)


def _answer(socket: Any, conf: Path) -> None:
    from eventlet import wsgi
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.utils import NullLogger
    from swift.common.wsgi import loadapp

    app = loadapp(str(conf), global_conf={"log_name": conf.stem})
    # S3's clients look for "ETag" and not for "Etag".
    shape = {"protocol": SwiftHttpProtocol, "capitalize_response_headers": False}
    wsgi.server(socket, app, NullLogger(), log_output=False, **shape)


def _configure(folder: Path, ports: Mapping[str, int]) -> None:
    """Write what Swift reads, and have it read the part that it keeps for itself."""
    from swift.common import storage_policy
    from swift.common.utils import set_swift_dir

    (folder / _DEVICE).mkdir()
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = dub\n")
    for name in ("account", "container", "object"):
        _ring(ports[name]).save(str(folder / f"{name}.ring.gz"))
        # The object server that Swift ships for its own tests keeps what it gets in memory.
        app = "mem_object" if name == "object" else name
        app_section = f"[app:main]\nuse = egg:swift#{app}\n"
        (folder / f"{name}.conf").write_text(_common(folder) + app_section)
    (folder / "proxy.conf").write_text(_common(folder) + _PROXY)
    set_swift_dir(str(folder))
    storage_policy.reload_storage_policies()


def _ring(port: int) -> Any:
    """One replica on the one device there is."""
    from swift.common.ring import RingBuilder

    builder = RingBuilder(part_power=0, replicas=1, min_part_hours=0)
    place = {"id": 0, "region": 1, "zone": 1, "weight": 1, "device": _DEVICE, "meta": ""}
    here = {"ip": "127.0.0.1", "port": port}
    there = {f"replication_{name}": value for name, value in here.items()}
    builder.add_dev({**place, **here, **there})
    builder.rebalance()
    return builder.get_ring()


def _common(folder: Path) -> str:
    return (
        "[DEFAULT]\n"
        f"swift_dir = {folder}\ndevices = {folder}\nrecon_cache_path = {folder}\n"
        "mount_check = false\nlog_level = ERROR\n"
    )


_PROXY = f"""
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {REGION}
[filter:tempauth]
use = egg:swift#tempauth
user_{KEY_ID.replace(":", "_")} = {SECRET} .admin
[filter:slo]
use = egg:swift#slo
"""


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
