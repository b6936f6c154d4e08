"""Which internet addresses are public, so that a URL from outside may lead there.

    is_public("93.184.215.14")          # True
    is_public("::ffff:127.0.0.1")       # False

The lists follow IANA's registries of special addresses. `ipaddress.is_global` is not used, because
its answer for NAT64, 6to4 and multicast, which lead into private networks, varies between Python
versions.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

_PRIVATE_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host, which tells a machine its secrets
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)
# All IPv6 addresses in use; NAT64, mapped, unique local and link-local ones lie outside.
_GLOBAL_V6 = IPv6Network("2000::/3")
_PRIVATE_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo among them
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address is in it
            "3fff::/20",
        ),
    )
)


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet. Raises ValueError for what is none."""
    # A zone, as in fe80::1%eth0, only ever belongs to addresses that are not public.
    ip = ip_address(address.partition("%")[0])
    if ip.version == 4:
        return not any(ip in network for network in _PRIVATE_V4)
    return ip in _GLOBAL_V6 and not any(ip in network for network in _PRIVATE_V6)
