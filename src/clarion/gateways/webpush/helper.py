"""The helper process: makes one-shot encryption material for its sender, on another core and at low priority.

    python -m clarion.gateways.webpush.helper

Input: a two-byte count, then as many subscriptions of 81 bytes (`p256dh`, `auth`). Output: as many pieces of material
of 114 bytes, in the same order, zeros for keys that are none. It keeps nothing, and ends when its input does, which is
when the sender closes it or dies.
"""

import os
import signal
import sys
from typing import BinaryIO

from clarion.gateways.webpush.encryption import AUTH, MATERIAL, POINT, material

COUNT = 2
SUBSCRIPTION = POINT + AUTH
NONE = bytes(MATERIAL)
_NICE = 5


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    while len(head := requests.read(COUNT)) == COUNT:
        size = int.from_bytes(head, "big") * SUBSCRIPTION
        batch = requests.read(size)
        if len(batch) < size:
            return
        answers.write(b"".join(_material(batch[at : at + SUBSCRIPTION]) for at in range(0, size, SUBSCRIPTION)))
        answers.flush()


def _material(subscription: bytes) -> bytes:
    try:
        return material(subscription[:POINT], subscription[POINT:])
    except ValueError:
        return NONE


def main() -> None:
    """Serve the sender. Its terminal's interrupt is for the sender, which then closes this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
