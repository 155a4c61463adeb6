"""The in-flight window: what a sender has handed over and not yet recorded, which its death leaves in doubt.

At least once it is sent again, so that it is the most doubles one death can cause; at most once it ends as unknown.
"""

from clarion.assembly import roles
from clarion.sending import delivery

CONNECTIONS = 2
"""Connections that a sender opens to one gateway."""


def window(streams: int) -> int:
    """Devices that may be in doubt when one sender dies: a notification on every stream of `streams` a connection, and
    for each chunk of an application that it works on the outcomes of one recording step."""
    return CONNECTIONS * streams + roles._SEND_SHARE * delivery.STEP


def intents() -> int:
    """Intents that one sender may have recorded ahead of the hand-over."""
    return roles._SEND_SHARE * delivery.INTENTS[1]
