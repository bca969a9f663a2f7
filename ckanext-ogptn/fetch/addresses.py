"""Which addresses may be fetched: none inside the site's own network, whatever a name or a redirect says, unless allowed by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6052 section 2.1: how an IPv6-only network (NAT64) sees the IPv4 internet; RFC 8215: the same for its own purposes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
# RFC 4291 section 2.5.5.1, deprecated: ::192.0.2.1.
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def embedded(address: Address) -> list[Address]:
    """The address and those that it carries inside: mapped, compatible, 6to4, Teredo, NAT64."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return [address.ipv4_mapped]
        if address in _NAT64:
            return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
        if address.sixtofour:
            found.append(address.sixtofour)
        if address.teredo:
            found.extend(address.teredo)
        if any(address in network for network in (_NAT64_LOCAL, _COMPATIBLE)):
            found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found


def is_inside(address: Address) -> bool:
    """Whether an address is not one of the public internet: private, loopback, link-local (cloud metadata), shared, multicast, reserved."""
    return any(
        not part.is_global or part.is_multicast or part.is_reserved or part.is_unspecified or part.is_link_local
        for part in embedded(address)
    )


@dataclass(frozen=True)
class AddressPolicy:
    """What may be fetched besides the public internet.

    :ivar hosts: host names, lower case, whose addresses may lie inside, except link-local ones
    :ivar networks: addresses and networks that may be fetched; the only way to a link-local address
    :ivar ports: ``(host name or address, port)`` that may be fetched, and nothing else of that host
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    ports: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(cls, allowed: Iterable[str]) -> AddressPolicy:
        """From host names, addresses and networks as an administrator writes them: ``data.intranet.tn 10.1.0.0/16 127.0.0.1:5820``."""
        hosts: set[str] = set()
        networks: list[Network] = []
        ports: set[tuple[str, int]] = set()
        for entry in allowed:
            host, colon, port = entry.rpartition(":")
            if colon and port.isdigit() and (":" not in host or host.startswith("[")):
                ports.add((host.strip("[]").lower().rstrip("."), int(port)))
                continue
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(entry.lower().rstrip("."))
        return cls(frozenset(hosts), tuple(networks), frozenset(ports))

    def allows(self, host: str, address: str, port: int | None = None) -> bool:
        """Whether ``host`` may be reached at ``address``, one of those that its name stands for.

        :param address: IPv4 or IPv6, as the resolver gave it
        :param port: that is to be connected to; entries with a port allow no other
        """
        try:
            ip = ipaddress.ip_address(address.split("%", 1)[0])
        except ValueError:
            return False
        if not is_inside(ip):
            return True
        inner = embedded(ip)[-1]
        if any(candidate in network for network in self.networks for candidate in (ip, inner) if candidate.version == network.version):
            return True
        name = host.lower().rstrip(".")
        if port is not None and ((name, port) in self.ports or (str(ip), port) in self.ports):
            return not (ip.is_link_local or inner.is_link_local) or (str(ip), port) in self.ports
        return name in self.hosts and not (ip.is_link_local or inner.is_link_local)
