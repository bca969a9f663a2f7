"""Which addresses count as inside, in all the ways in which one can be written."""

from __future__ import annotations

import ipaddress

import pytest

from ckanext.ogptn.fetch import AddressPolicy
from ckanext.ogptn.fetch.addresses import is_inside

INSIDE = [
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:7f00:1::", "2001:db8::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "193.95.66.10", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_inside(address: str) -> None:
    assert is_inside(ipaddress.ip_address(address))
    assert not AddressPolicy().allows("data.example.tn", address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    assert not is_inside(ipaddress.ip_address(address))
    assert AddressPolicy().allows("data.example.tn", address)


def test_what_is_no_address_is_refused() -> None:
    assert not AddressPolicy().allows("data.example.tn", "not an address")


def test_an_allowed_host_may_lie_inside_but_not_be_link_local() -> None:
    policy = AddressPolicy.of(["Data.Intranet.tn."])
    assert policy.allows("data.intranet.tn", "10.1.2.3")
    assert policy.allows("DATA.INTRANET.TN.", "::1")
    assert not policy.allows("other.intranet.tn", "10.1.2.3")
    assert not policy.allows("data.intranet.tn", "169.254.169.254")
    assert not policy.allows("data.intranet.tn", "::ffff:169.254.169.254")


def test_allowed_networks() -> None:
    policy = AddressPolicy.of(["10.1.0.0/16", "169.254.10.1", "[fd00::1]"])
    assert policy.allows("any.tn", "10.1.200.1")
    assert policy.allows("any.tn", "::ffff:10.1.200.1")
    assert policy.allows("any.tn", "169.254.10.1")
    assert policy.allows("any.tn", "fd00::1")
    assert not policy.allows("any.tn", "10.2.0.1")
    assert not policy.allows("any.tn", "169.254.169.254")


def test_an_allowed_port_is_one_door_and_no_other() -> None:
    policy = AddressPolicy.of(["127.0.0.1:5820", "data.intranet.tn:8080", "[::1]:80"])
    assert policy.allows("127.0.0.1", "127.0.0.1", 5820)
    assert policy.allows("any.tn", "127.0.0.1", 5820)
    assert policy.allows("data.intranet.tn", "10.1.2.3", 8080)
    assert policy.allows("any.tn", "::1", 80)
    for port in (6379, 5821, None):
        assert not policy.allows("127.0.0.1", "127.0.0.1", port)
        assert not policy.allows("data.intranet.tn", "10.1.2.3", port)
    assert not policy.allows("data.intranet.tn", "169.254.169.254", 8080)
