"""Addresses of machines: whose they are, and who counts as one.

is_loopback("127.0.0.1")                     # True, as is "localhost"
Networks.parse("10.0.0.0/8,fd00::/8").hold("10.1.2.3")
one_of("2001:db8::7")                        # "2001:db8::/64": one household, whatever it picks
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# What a provider gives one household: its machines choose among 2^64 addresses as they like.
_HOUSEHOLD_BITS = 64


@dataclass(frozen=True)
class Networks:
    """Networks of which can be asked whether one holds an address."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Networks:
        """Read networks or single addresses that are separated by commas. Raises ValueError for
        what is neither."""
        return cls(tuple(ip_network(each.strip()) for each in text.split(",") if each.strip()))

    def hold(self, text: str) -> bool:
        """Tell whether the address is in one of them; what is no address is not."""
        address = address_in(text)
        return address is not None and any(address in network for network in self.networks)


@lru_cache(maxsize=4096)
def address_in(text: str) -> Address | None:
    """Return the address as it is meant: an IPv4 one that is mapped into IPv6 is IPv4. None for no
    address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Tell whether this name or address leads to the machine itself."""
    address = address_in(host)
    return host == "localhost" if address is None else address.is_loopback


def is_openai(base_url: str) -> bool:
    """Tell whether this is OpenAI's own server, which wants a key and charges for what it does."""
    host = urlsplit(base_url).hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")


def name_of(host: str) -> str:
    """Return the name or address in a Host header, without its port; localhost where it is
    empty."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name or "localhost"


def one_of(text: str) -> str:
    """Return who counts as one client: an IPv4 address, or an IPv6 network of a household."""
    address = address_in(text)
    if not isinstance(address, IPv6Address):
        return text if address is None else str(address)
    return str(ip_network((address, _HOUSEHOLD_BITS), strict=False))
