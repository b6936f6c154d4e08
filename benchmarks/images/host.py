"""A host that starts the services of docker-compose.yml, in networks that are the file's.

    make_networks()
    with Host(composition, images, checkout, env_file, folder).start() as host:
        host.try_in("daemon", ["python", "-c", "..."])

It has to be alone in namespaces of networks, mounts and processes, which end with it and leave
nothing. A container is its image's layers with the file systems of its service over them, its
user, its variables and nothing else, in a namespace of networks with an address on each of its own.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks.images.builder import Image
from tests.support.patience import HANG_SECONDS

# Of the host on the network that leads out; `internal` networks have none.
GATEWAY = "172.28.0.1"
SUBNETS = {"default": "172.28.0", "back": "172.29.0"}
# What stands for the internet: an address outside of all networks, reached through the gateway.
OUTSIDE = "203.0.113.10"
# The user's, as the image knows it.
_HOME = 'HOME=$(getent passwd "$(id -u)" | cut -d: -f6); export HOME="${HOME:-/}"'


class HostError(Exception):
    """A service does not start or does not get well; the message has the end of its log."""


@dataclass
class Host:
    """The services of a composition as containers; `root` is the checkout that is composed."""

    services: Mapping[str, Mapping[str, Any]]
    images: Mapping[str, Image]
    root: Path
    env_file: Mapping[str, str]
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        numbers = range(11, 11 + len(self.services))
        self.numbers = dict(zip(self.services, numbers, strict=True))
        (self.folder / "logs").mkdir(parents=True)

    @contextlib.contextmanager
    def start(self) -> Iterator[Host]:
        """Start all services, each when what it depends on is as it wants that to be; end them
        after."""
        try:
            for name in self._in_order():
                self._start(name)
            yield self
        finally:
            for process in self.running.values():
                process.kill()

    def address(self, name: str, network: str = "default") -> str:
        """Where a service is on a network."""
        return f"{SUBNETS[network]}.{self.numbers[name]}"

    def try_in(self, name: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in a container, as `docker compose exec` does."""
        return subprocess.run(
            self._entering(name, command), capture_output=True, text=True, check=False
        )

    def read_output(self, name: str) -> str:
        """Return what a service has printed."""
        return (self.folder / "logs" / name).read_text(errors="replace")

    def _end_of_log(self, name: str) -> str:
        return f"Its log ends:\n{self.read_output(name)[-3000:]}"

    def publish(self, address: str, port: int, name: str, inner: int) -> None:
        """Hand on what comes to a port of the host, from the gateway's address, as docker does."""
        forward((address, port), (self.address(name), inner))

    def _in_order(self) -> list[str]:
        ordered: list[str] = []
        while len(ordered) < len(self.services):
            ordered += [
                name
                for name, one in self.services.items()
                if name not in ordered and set(one.get("depends_on", {})) <= set(ordered)
            ]
        return ordered

    def _start(self, name: str) -> None:
        for other, wanted in self.services[name].get("depends_on", {}).items():
            self._await(other, wanted["condition"])
        self._mount(name)
        self._connect(name)
        log = (self.folder / "logs" / name).open("wb")
        self.running[name] = _popen(self._entering(name, self._words(name)), log)

    def _await(self, name: str, condition: str) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while not self._is(name, condition):
            if time.monotonic() > deadline:
                raise HostError(f"{name} is not {condition}. {self._end_of_log(name)}")
            time.sleep(0.5)

    def _is(self, name: str, condition: str) -> bool:
        ended = self.running[name].poll()
        if condition == "service_completed_successfully":
            if ended:
                raise HostError(f"{name} ended with {ended}. {self._end_of_log(name)}")
            return ended == 0
        if ended is not None:
            raise HostError(f"{name} ended with {ended}. {self._end_of_log(name)}")
        return self.is_healthy(name)

    def is_healthy(self, name: str) -> bool:
        """Whether the service's own check says so; one without a check is, while it runs."""
        check = self.services[name].get("healthcheck")
        if check is None:
            return self.running[name].poll() is None
        how, *words = map(str, check["test"])
        command = words if how == "CMD" else ["/bin/sh", "-c", words[0]]
        return self.try_in(name, command).returncode == 0

    def await_health(self) -> None:
        """Return when every service that goes on is healthy. Raises HostError."""
        for name, one in self.services.items():
            ends = one["restart"] == "no"
            self._await(name, "service_completed_successfully" if ends else "service_healthy")

    def _image(self, name: str) -> Image:
        return self.images[str(self.services[name]["image"]).rpartition(":")[0]]

    def _words(self, name: str) -> list[str]:
        one, image = self.services[name], self._image(name)
        entry, command = one.get("entrypoint", image.entry), one.get("command", image.command)
        return [str(word) for word in (*entry, *command)]

    def _variables(self, name: str) -> dict[str, str]:
        one = self.services[name]
        from_file = self.env_file if one.get("env_file") else {}
        set_there = {key: str(value) for key, value in one.get("environment", {}).items()}
        told = {**self._image(name).variables, **from_file, **set_there}
        return {**told, "HOSTNAME": name}

    def _entering(self, name: str, command: list[str]) -> list[str]:
        one, image = self.services[name], self._image(name)
        user, _, group = str(one.get("user", image.user)).partition(":")
        caps = ",".join(["-all", *(f"+{cap.lower()}" for cap in one.get("cap_add", []))])
        inside = [
            *("setpriv", f"--reuid={user}", f"--regid={group or user}", "--clear-groups"),
            *("--no-new-privs", f"--bounding-set={caps}"),
            *("env", "-i", *(f"{k}={v}" for k, v in self._variables(name).items())),
            *("sh", "-c", f'{_HOME}; cd {image.place}; exec "$0" "$@"', *command),
        ]
        script = f"hostname {name}; exec chroot {self._at(name)} {shlex.join(inside)}"
        return ["ip", "netns", "exec", name, "unshare", "--uts", "bash", "-c", script]

    def _at(self, name: str) -> Path:
        return self.folder / "containers" / name

    def _mount(self, name: str) -> None:
        one, at = self.services[name], self._at(name)
        _sh(self._image(name).mounting(at, self.folder / "written" / name))
        for place in self._places(name):
            (at / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        binds = [text.split(":") for text in one.get("volumes", []) if text.startswith(".")]
        for source, target, _ in binds:
            inside = at / target.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            if (self.root / source).is_dir():
                inside.mkdir(exist_ok=True)
            else:
                inside.touch()
        (at / "etc/hosts").write_text(self._hosts(name))
        if one.get("read_only"):
            _sh(f"mount --bind {at} {at}; mount -o remount,bind,ro {at}")
        _sh(f"mount -t proc proc {at}/proc; mount --rbind /dev {at}/dev")
        _sh(f"mount -t tmpfs -o mode=1777 shm {at}/dev/shm")  # noqa: S108
        for text in one.get("tmpfs", []):
            place, _, options = text.partition(":")
            _sh(f"mount -t tmpfs -o {options or 'mode=1777'} tmpfs {at}{place}")
        for source, target, _ in binds:
            _sh(f"mount --bind {self.root / source} {at}{target}")
            _sh(f"mount -o remount,bind,ro {at}{target}")
        for text in one.get("volumes", []):
            if not text.startswith("."):
                volume, target = text.split(":")
                _sh(f"mount --bind {self._volume(volume, target, name)} {at}{target}")

    def _places(self, name: str) -> Iterator[str]:
        one = self.services[name]
        yield from (text.partition(":")[0] for text in one.get("tmpfs", []))
        yield from (text.split(":")[1] for text in one.get("volumes", []) if text[0] != ".")

    def _volume(self, volume: str, target: str, name: str) -> Path:
        """The volume's folder; a new one takes over the owner of the folder that it covers."""
        folder = self.folder / "volumes" / volume
        if not folder.exists():
            folder.mkdir(parents=True)
            covered = (self._at(name) / target.lstrip("/")).stat()
            os.chown(folder, covered.st_uid, covered.st_gid)
            folder.chmod(covered.st_mode & 0o7777)
        return folder

    def _networks(self, name: str) -> list[str]:
        return list(self.services[name].get("networks", ["default"]))

    def _hosts(self, name: str) -> str:
        lines = ["127.0.0.1 localhost"]
        for other in self.services:
            shared = [n for n in self._networks(name) if n in self._networks(other)]
            lines += [f"{self.address(other, network)} {other}" for network in shared[:1]]
        return "\n".join(lines) + "\n"

    def _connect(self, name: str) -> None:
        _sh(f"ip netns add {name}; ip -n {name} link set lo up")
        for network in self._networks(name):
            number = self.numbers[name]
            here, there = f"v{network[0]}{number}", f"p{network[0]}{number}"
            _sh(f"ip link add {here} type veth peer name {there}")
            _sh(f"ip link set {here} master br-{network} up; ip link set {there} netns {name}")
            _sh(f"ip -n {name} address add {self.address(name, network)}/24 dev {there}")
            _sh(f"ip -n {name} link set {there} up")
            if network == "default":
                _sh(f"ip -n {name} route add default via {GATEWAY}")


def make_networks() -> None:
    """The host's networks, and what is outside of them. Raises HostError."""
    _sh("ip link set lo up; mount -t tmpfs tmpfs /run")
    _sh(f"ip address add {OUTSIDE}/32 dev lo")
    for network in SUBNETS:
        _sh(f"ip link add br-{network} type bridge; ip link set br-{network} up")
    _sh(f"ip address add {GATEWAY}/24 dev br-default")


def forward(listen: tuple[str, int], to: tuple[str, int]) -> None:
    """Hand every connection to an address on to another one, until the process ends."""
    server = socket.create_server(listen, backlog=128)

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            near, _ = server.accept()
            try:
                far = socket.create_connection(to)
            except OSError:
                near.close()
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def _popen(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _sh(script: str) -> None:
    shell = shutil.which("bash") or "bash"
    done = subprocess.run([shell, "-ec", script], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostError(f"{script}: {done.stderr.strip()}")
