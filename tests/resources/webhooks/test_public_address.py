"""Which addresses are public."""

from __future__ import annotations

import pytest

from resources.webhooks.public_address import is_public

PUBLIC = ("8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.1", "2606:4700::1111", "2a00::1")
PRIVATE = {
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "unspecified": ("0.0.0.0", "::"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1"),
    "shared": ("100.64.0.1", "100.100.100.200"),
    "link-local": ("169.254.169.254", "fe80::1", "fe80::1%eth0", "fec0::1"),
    "metadata of a cloud": ("168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    "mapped": ("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1"),
    "NAT64": ("64:ff9b::7f00:1", "64:ff9b:1::a00:1", "64:ff9b::808:808"),
    "6to4": ("2002:7f00:1::", "2002:a00:1::1", "192.88.99.1"),
    "Teredo": ("2001:0:7f00:1::", "2001::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    "benchmarks": ("198.18.0.1", "198.19.255.255"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1"),
    "reserved": ("240.0.0.1", "255.255.255.255"),
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Also one beside a private network."""
    assert is_public(address)


@pytest.mark.parametrize("kind", PRIVATE)
def test_an_address_that_leads_elsewhere_is_not_public(kind: str) -> None:
    """In whatever form, and in every Python alike."""
    assert [] == [address for address in PRIVATE[kind] if is_public(address)]


def test_what_is_no_address_is_an_error() -> None:
    """It is a name, and nobody has resolved it."""
    with pytest.raises(ValueError, match="localhost"):
        is_public("localhost")
