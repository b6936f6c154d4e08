"""What may be reached by a URL from outside, and what a receiver can do to its sender."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import anyio
import httpx
import pytest
import trustme

from dub_platform.core.service.webhooks import Receivers
from resources.webhooks import messenger
from resources.webhooks.messenger import Answer, Messenger
from tests.support.servers.receivers import Receiver, receiving

NOT_REACHED = Answer(None, "no public address could be connected to")
# Each is an address inside, written so that it looks like none.
VECTORS = (
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://127.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[fe80::1]:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/",
    "https://10.0.0.1/",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def send(url: str, *internal: str, trust: ssl.SSLContext | None = None) -> Answer:
    sender = Messenger(Receivers.parse(",".join(internal)), trust)

    async def sent() -> Answer:
        return await sender.send(url, {"x-test": "1"}, '{"a": 1}')

    return anyio.run(sent)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """From here on every name has these addresses, other ones each time; the names asked for."""
    asked = list[str]()

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("vector", VECTORS)
def test_an_address_inside_is_not_connected_to(receiver: Receiver, vector: str) -> None:
    """However it is written."""
    assert NOT_REACHED == send(vector.format(port=receiver.port))
    assert [] == receiver.got


def test_a_name_that_leads_inside_is_told_like_one_that_does_not_exist() -> None:
    """Else one could ask for the names of our network."""
    assert NOT_REACHED == send("https://localhost/") == send("https://does-not-exist.invalid/")


def test_one_address_inside_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public address too is not tried at that one."""
    resolving(monkeypatch, ["93.184.215.14", "127.0.0.1"])
    assert NOT_REACHED == send("https://rebound.example/")


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected to is what was looked at: a second answer is never asked for."""
    connected = list[str]()

    async def connect_tcp(remote_host: str, remote_port: int, **_: object) -> None:
        connected.append(remote_host)
        raise OSError("not on the internet")

    asked = resolving(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
    assert NOT_REACHED == send("https://rebound.example/")
    assert (["rebound.example"], ["93.184.215.14"]) == (asked, connected)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """It may lead anywhere."""
    with receiving() as other:
        receiver.answers, receiver.location = [307], other.url
        answer = send(receiver.url, receiver.place, other.place)
        assert Answer(307, "it answered 307") == answer
        assert [] == other.got


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would do the resolving, and reach what we must not."""
    for variable in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert Answer(204, None) == send(receiver.url, receiver.place)


def test_a_receiver_that_the_operator_names_is_reached(receiver: Receiver) -> None:
    """At its port and no other, also without TLS."""
    assert Answer(204, None) == send(receiver.url, receiver.place)
    [got] = receiver.got
    assert ("/hook", b'{"a": 1}', receiver.place) == (got.path, got.body, got.headers["host"])
    with receiving() as other:
        assert "DUB_WEBHOOK_RECEIVERS" in str(send(other.url, receiver.place).error)
        assert [] == other.got


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "//example.com"]
)
def test_only_https_leads_outside(url: str) -> None:
    """Other schemes are refused before anything is resolved."""
    answer = send(url)
    assert answer.status is None
    assert "cannot be a webhook" in str(answer.error)


def test_a_certificate_must_be_of_the_host_and_trusted(tmp_path: object) -> None:
    """The one who answers is the one who was meant."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with receiving(tls) as receiver:
        assert "certificate" in str(send(receiver.url, receiver.place).error)
        assert [] == receiver.got
        assert Answer(204, None) == send(receiver.url, receiver.place, trust=trust)


def test_the_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many messengers a process has: it takes longer than all else of making one."""
    messenger._trust_public.cache_clear()
    read = list[ssl.SSLContext]()

    def read_authorities() -> ssl.SSLContext:
        read.append(ssl.create_default_context())
        return read[-1]

    monkeypatch.setattr(httpx, "create_ssl_context", read_authorities)
    used = {Messenger(Receivers())._trust for _ in range(3)}
    assert (1, used) == (len(read), set(read))
    messenger._trust_public.cache_clear()


def test_an_answer_without_an_end_is_cut_off(receiver: Receiver) -> None:
    """Its status is all that is wanted."""
    receiver.answers, receiver.flood = [200], True
    assert Answer(200, None) == send(receiver.url, receiver.place)


def test_a_receiver_that_does_not_answer_is_given_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, all of it together."""
    monkeypatch.setattr(messenger, "DEADLINE_SECONDS", 1.0)
    receiver.hold.clear()
    assert Answer(None, "no answer within 1 s") == send(receiver.url, receiver.place)
