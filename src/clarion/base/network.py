"""Network addresses of callers."""

from ipaddress import IPv6Address, ip_address, ip_network


def subscriber(address: str) -> str:
    """What counts as one caller's address: of IPv6 the /64 that one subscriber is given; "" for none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
