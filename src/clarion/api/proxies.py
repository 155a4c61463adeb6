"""Who is at the other end, and over which scheme, when proxies stand in between.

`Forwarded` and `X-Forwarded-*` are believed only from a peer in the list of trusted proxies (v2 rule 1.2; none by
default), and only as far back as trusted proxies vouch for each other. The HTTP server must not interpret these
headers itself: uvicorn is to be run with `proxy_headers=False`.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from msgspec import Struct

from clarion.api.exchange import Headers
from clarion.base.errors import ConfigurationError

_PAIR: Final = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]+))')


class Origin(Struct, frozen=True):
    """Client address and scheme in force; `forwarded` tells that a proxy stated them."""

    client: str
    scheme: str
    forwarded: bool


class TrustedProxies:
    """The networks whose forwarding headers count."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        for text in networks:
            try:
                self._networks.append(ip_network(text.strip(), strict=False))
            except ValueError:
                raise ConfigurationError(
                    f"{text!r} is not an address or network.", "Give trusted proxies as CIDR, such as 10.0.0.0/8."
                ) from None

    def origin(self, peer: str, scheme: str, headers: Headers) -> Origin:
        """What holds for a connection from `peer` over `scheme`."""
        if not self._networks or not self.trusts(peer):
            return Origin(peer, scheme, False)
        hops = _forwarded(headers.all("forwarded")) or _x_forwarded(headers)
        client, known = peer, scheme
        for address, stated in reversed(hops):
            client, known = address or client, stated or known
            if not address or not self.trusts(client):
                break  # What stands further left was said by somebody unknown.
        return Origin(client, known, bool(hops))

    def trusts(self, address: str) -> bool:
        """Whether an address belongs to a trusted proxy."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._networks)


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine only."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _forwarded(values: list[str]) -> list[tuple[str, str]]:
    """Address and scheme of each hop of `Forwarded` (RFC 7239), nearest last; "" where not stated."""
    hops = []
    for element in ",".join(values).split(","):
        pairs = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(element)}
        if pairs:
            hops.append((_address(pairs.get("for", "")), _scheme(pairs.get("proto", ""))))
    return hops


def _x_forwarded(headers: Headers) -> list[tuple[str, str]]:
    """The same from `X-Forwarded-For` and `X-Forwarded-Proto`; one plain hop makes the whole way plain."""
    stated = [_scheme(part) for part in ",".join(headers.all("x-forwarded-proto")).split(",") if part.strip()]
    scheme = "" if not stated else "https" if all(part == "https" for part in stated) else "http"
    addresses = [_address(part) for part in ",".join(headers.all("x-forwarded-for")).split(",") if part.strip()]
    return [(address, scheme) for address in addresses] or ([("", scheme)] if scheme else [])


def _scheme(text: str) -> str:
    text = text.strip().lower()
    return text if text in ("http", "https") else ""


def _address(text: str) -> str:
    """An address without port and brackets, "" when the hop is hidden (`unknown`, `_name`)."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
