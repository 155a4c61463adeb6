"""Origins of gateway addresses: which host a request goes to, in the one spelling that tokens and channels use."""

import re

from clarion.base.errors import ConfigurationError

_ADDRESS = re.compile(
    r"https://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?][\x21-\x22\x24-\x7e]*)?",
)


def split(address: str) -> tuple[str, str] | None:
    """(origin, path with query) of an absolute https address; None for anything else.

    The origin is in the form of RFC 6454: lower case, without the port when it is 443. Credentials in the address,
    fragments, spaces and characters outside ASCII are not accepted.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return None
    host, port, path = match.group("host", "port", "path")
    if port is not None and not 0 < int(port) < 65536:
        return None
    suffix = "" if port is None or int(port) == 443 else f":{int(port)}"
    if path is None or path[0] == "?":
        path = "/" + (path or "")
    return f"https://{host.lower()}{suffix}", path


def host_and_port(origin: str) -> tuple[str, int]:
    """Where an origin made by `split` is connected to; an IPv6 address comes without its brackets."""
    host, bracket, port = origin.removeprefix("https://").rpartition("]")
    if bracket:
        return host[1:], int(port[1:] or 443)
    host, _, port = port.partition(":")
    return host, int(port or 443)


def authority_of(origin: str) -> str:
    """The `:authority` of an endpoint that an operator configured. Raises ConfigurationError when it is none."""
    return origin_of(origin).removeprefix("https://")


def origin_of(endpoint: str) -> str:
    """The origin of an endpoint that an operator configured. Raises ConfigurationError when it has none."""
    parts = split(endpoint)
    if parts is None or parts[1] != "/":
        raise ConfigurationError(
            f"The gateway endpoint {endpoint!r} is not an https origin.",
            "Write it as https://host or https://host:port.",
        )
    return parts[0]
