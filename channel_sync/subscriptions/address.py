"""Whether anything may be sent to an address: never to what only this machine or its network can reach.

A name is looked up once, at delivery, and the machine that it stands for is connected to: it cannot mean another one
between the look and the call.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import AddressRefused

DEFAULT_PORTS = {"https": 443, "http": 80}
# Global by their form, and still of this machine or its network: written the old ways around version 4, translated by
# the network itself, of one site, for examples, of relays.
NEVER_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10", "3fff::/20", "192.88.99.0/24"),
    )
)
# Where the network translates, a public machine of version 4 is reached under such an address.
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """An address, and the machine that it stands for now."""

    scheme: str
    host: str
    port: int
    path: str
    machine: str

    @property
    def url(self) -> str:
        """The address with the machine in place of the name."""
        machine = f"[{self.machine}]" if ":" in self.machine else self.machine
        return f"{self.scheme}://{machine}:{self.port}{self.path}"

    @property
    def host_header(self) -> str:
        """What the receiver is asked for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def require_sendable(url: str) -> None:
    """Raise `AddressRefused` for an address that is refused whatever its name stands for."""
    host, _ = _parts(url)
    try:
        machine = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            _require_public(host, "127.0.0.1")
    else:
        _require_public(host, str(machine))


def resolve(url: str) -> Target:
    """The machine to connect to. Raises `AddressRefused`, also for one of several, and `OSError` for no name."""
    host, port = _parts(url)
    parts = urlsplit(url)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    machines = [str(address[4][0]) for address in found]
    for machine in machines:
        _require_public(host, machine)
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path, machines[0])


def _parts(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused(url[:100], "it is no address. Give one such as https://example.org/hooks.") from None
    _require_scheme(parts, host)
    if not host or parts.username is not None or parts.password is not None:
        raise AddressRefused(host, "an address has a host, and no user name or password.")
    return host, port or DEFAULT_PORTS[parts.scheme]


def _require_scheme(parts: SplitResult, host: str) -> None:
    allowed = ("https", "http") if channel_sync_settings().subscription_allow_http else ("https",)
    if parts.scheme not in allowed:
        raise AddressRefused(host, "only https is. CHANNEL_SYNC['subscription_allow_http'] allows http.")


def _is_public(machine: str) -> bool:
    """Whether the internet can reach it: as it is written, and as the address of version 4 that it may stand for."""
    address = ipaddress.ip_address(machine.partition("%")[0])
    if not address.is_global or address.is_multicast:
        return False
    if any(address in network for network in NEVER_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    inside = address.ipv4_mapped or address.sixtofour
    if address in TRANSLATED:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return inside is None or _is_public(str(inside))


def _require_public(host: str, machine: str) -> None:
    if not _is_public(machine) and not channel_sync_settings().subscription_allow_private:
        raise AddressRefused(
            host,
            "it stands for a machine that the internet cannot reach. CHANNEL_SYNC['subscription_allow_private'] "
            "allows that.",
        )
