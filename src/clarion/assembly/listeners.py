"""The sockets the installation listens on, bound once by the supervisor and shared by its api processes."""

import errno
import socket

from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings


def bind(settings: Settings) -> list[tuple[str, socket.socket]]:
    """(scheme, socket) of each listener: TLS always, plain HTTP on loopback when `http_port` is set.

    Raises ConfigurationError when an address is in use or not of this machine.
    """
    bound = [("https", listen(settings.host, settings.port, "--port"))]
    if settings.http_port:
        try:
            bound.append(("http", listen("127.0.0.1", settings.http_port, "--http-port")))
        except ConfigurationError:
            bound[0][1].close()
            raise
    return bound


def url(scheme: str, listener: socket.socket) -> str:
    """The address of a listener as a person would type it."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{scheme}://{shown}:{port}"


def listen(host: str, port: int, option: str) -> socket.socket:
    """A socket that listens. Raises ConfigurationError as `bind`; `option` is what chooses the port."""
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} of {host} is in use by another program.",
                f"Stop that program, or choose another {option}.",
            ) from None
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.", "Check --host and --port."
        ) from None
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener
