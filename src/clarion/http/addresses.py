"""Which addresses an outbound connection may go to when a stranger named the host.

Web Push endpoints, webhook targets and the like are given by users. They must not lead into the operator's own
network, so a name is resolved here, addresses of special networks are dropped, and the connection is made to one of the
remaining addresses and not to the name: what was checked is what is connected to.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

from clarion.base.errors import ConfigurationError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to the addresses to try, in order. Raises OSError when there is none."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")


class SpecialNetwork(OSError):
    """A host leads to special networks only (loopback, private, link-local, multicast, reserved)."""


class Targets:
    """Which addresses a host that a stranger named may have: public ones, and those of `networks` (CIDR) that the
    operator named. Raises ConfigurationError for what is no network."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for text in networks:
            try:
                self._networks.append(ipaddress.ip_network(text.strip(), strict=False))
            except ValueError:
                raise ConfigurationError(
                    f"{text!r} is not an address or network.", "Give networks as CIDR, such as 10.1.0.0/16."
                ) from None

    def allow(self, address: str) -> bool:
        """Whether a connection may go to this address."""
        parsed = ipaddress.ip_address(address.partition("%")[0])
        return any(parsed in network for network in self._networks) or not is_special(address)


async def resolve_any(host: str, port: int) -> Sequence[str]:
    """All addresses of `host`, in the order of the machine's resolver: for hosts an operator named. Raises OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is not a host name: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve_public(host: str, port: int) -> Sequence[str]:
    """The public addresses of `host`: for hosts a stranger named.

    Raises SpecialNetwork when all of them are special, OSError when it has none.
    """
    addresses = await resolve_any(host, port)
    public = [address for address in addresses if not is_special(address)]
    if not public:
        raise SpecialNetwork(f"{host} leads to a special network ({', '.join(addresses[:3])}), which is not allowed")
    return public


def is_special(address: str) -> bool:
    """Is it anything but a public unicast address? An IPv4 address carried inside an IPv6 one counts as itself."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _carried(parsed)
        if inner is not None:
            return is_special(str(inner))
        if parsed in _SITE_LOCAL:
            return True
    return not parsed.is_global or parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address a mapped, 6to4, Teredo or NAT64 address leads to."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
