"""What the supervisor hands to a process it starts: names of environment variables, and how listeners travel in one."""

import os
import socket
from collections.abc import Sequence

READY = "CLARION_READY_FD"
"""Descriptor into which the child writes one byte when it is ready."""

PARENT = "CLARION_PARENT_FD"
"""Descriptor that gives end of file when the supervisor is gone."""

METRICS = "CLARION_METRICS_FD"
"""Socket over which the supervisor asks for the child's counters (`assembly.probe`)."""

LISTENERS = "CLARION_LISTENERS"
CONNINFO = "CLARION_CONNINFO"

Listener = tuple[str, socket.socket]


def listeners_to_environment(listeners: Sequence[Listener]) -> str:
    """`scheme:descriptor` of each, separated by commas; the descriptors are passed on as they are."""
    return ",".join(f"{scheme}:{listener.fileno()}" for scheme, listener in listeners)


def listeners_from_environment() -> list[Listener]:
    """The listeners handed over, as sockets of this process."""
    pairs = [entry.split(":") for entry in os.environ.get(LISTENERS, "").split(",") if entry]
    return [(scheme, socket.socket(fileno=int(descriptor))) for scheme, descriptor in pairs]
