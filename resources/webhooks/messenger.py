"""Sends signed messages to addresses that users gave, and only to public ones.

    messenger = Messenger(Receivers())
    answer = await messenger.send("https://example.com/hook", headers, body)
    answer.status                                  # 200; None without an answer: see `error`

A host is resolved once, all its addresses are checked, and one of those is connected to; so a name
that resolves differently a moment later gains nothing. Redirects are not followed, the proxies of
the environment are not used, and only the status and the first bytes of an answer are read.
"""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import anyio
import httpcore
import httpx

from dub_platform.core.errors import WebhookUrlError
from dub_platform.core.service.webhooks import Receivers
from resources.webhooks.public_address import is_public

DEADLINE_SECONDS = 15.0
CONNECT_SECONDS = 5.0
# A short answer is read to its end, so that the connection closes properly; longer ones are cut.
MOST_BYTES = 65_536
_NOT_REACHED = "no public address could be connected to"


@dataclass(frozen=True)
class Answer:
    """`status` is None if no answer came; `error` is None if the message was accepted."""

    status: int | None
    error: str | None


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only to public addresses, and to receivers that the operator has allowed."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("it has no address")
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        """Resolve the host to all its addresses.

        Raises ConnectError if one of them is not public.
        """
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        is_allowed = (host.lower(), port) in self._receivers.internal
        # All must be public: with one private address the name may point at our own network.
        if not is_allowed and not all(map(is_public, addresses)):
            raise httpcore.ConnectError("an address of it is not public")
        return addresses


class Messenger:
    """Posts messages to receivers. Belongs to the event loop that uses it."""

    def __init__(self, receivers: Receivers, trust: ssl.SSLContext | None = None) -> None:
        self.receivers = receivers
        self._trust = trust or _trust_public()

    async def send(self, url: str, headers: Mapping[str, str], body: str) -> Answer:
        """Post the body, within DEADLINE_SECONDS.

        Never raises for anything that a receiver does.
        """
        try:
            with anyio.fail_after(DEADLINE_SECONDS):
                return _answer(await self._status(self.receivers.check(url), headers, body))
        except WebhookUrlError as error:
            return Answer(None, error.sentence)
        except (TimeoutError, httpcore.ReadTimeout, httpcore.WriteTimeout):
            return Answer(None, f"no answer within {DEADLINE_SECONDS:.0f} s")
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            # One text for all causes, so that nobody learns which names and ports our network has.
            if isinstance(error.__context__, ssl.SSLError):
                return Answer(None, f"its certificate is not trusted: {error.__context__}"[:300])
            return Answer(None, _NOT_REACHED)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            return Answer(None, "it ended the connection, or did not speak HTTP")

    async def _status(self, url: str, headers: Mapping[str, str], body: str) -> int:
        # A new pool for each message, so that the host is resolved and checked each time.
        async with httpcore.AsyncConnectionPool(
            ssl_context=self._trust, network_backend=_CheckedNetwork(self.receivers)
        ) as pool:
            timeout = {"timeout": {"connect": CONNECT_SECONDS}}
            sent = list(headers.items())
            async with pool.stream(
                "POST", url, headers=sent, content=body.encode(), extensions=timeout
            ) as response:
                await _read_some(response)
                return response.status


@functools.cache
def _trust_public() -> ssl.SSLContext:
    """Read the certificates of public authorities, which takes 25 ms, once in a process."""
    return httpx.create_ssl_context()


async def _read_some(response: httpcore.Response) -> None:
    read = 0
    async for chunk in response.aiter_stream():
        read += len(chunk)
        if read > MOST_BYTES:
            return


def _answer(status: int) -> Answer:
    return Answer(status, None if 200 <= status < 300 else f"it answered {status}")
