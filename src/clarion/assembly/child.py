"""A process of the installation as its supervisor sees it, and the supervisor as the process sees it.

The supervisor hands over the settings in the environment and two pipes: the child writes one byte into the first when
it is ready, and reads end of file from the second when its supervisor has died, which it takes for an order to stop.
Run as `python -m clarion.assembly.child ROLE INDEX`.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys

import uvloop

from clarion.assembly import probe, roles
from clarion.assembly.handover import CONNINFO, PARENT, READY, listeners_from_environment
from clarion.base import priority, telemetry
from clarion.base import settings as base_settings
from clarion.base.errors import ClarionError

log = telemetry.get_logger(__name__)

_COLLECTIONS = (20_000, 20, 50)
"""Thresholds of the garbage collector; the interpreter's own are (700, 10, 10)."""


def main(role: str, index: int) -> int:
    """Run one role until told to stop; the exit code."""
    settings = base_settings.from_environment()
    telemetry.configure(json=settings.log_json, level=settings.log_level, process=f"{role}-{index}")
    if role == "sender":
        priority.give_way(priority.BULK)
    elif role == "api":
        priority.come_first()
    _collect_seldom()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(
                _run(
                    role, roles.Context(settings, os.environ[CONNINFO], index, listeners_from_environment(), _say_ready)
                )
            )
    except ClarionError as error:
        log.error("role_failed", error=error.message, hint=error.hint)
        return 1
    return 0


def _collect_seldom() -> None:
    """What is loaded by now is never garbage, and what a request or a notification leaves behind is freed without the
    collector, which would else look for cycles after every few of them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)


async def _run(role: str, context: roles.Context) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = os.environ.get(PARENT)
    if parent:
        loop.add_reader(int(parent), stop.set)
    answering = await probe.answer_from_environment()
    try:
        await roles.CHILDREN[role](context, stop)
    finally:
        if answering is not None:
            answering.cancel()
        if parent:
            loop.remove_reader(int(parent))


def _say_ready() -> None:
    descriptor = os.environ.pop(READY, None)
    if descriptor:
        with contextlib.suppress(OSError):
            os.write(int(descriptor), b"1")
            os.close(int(descriptor))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
