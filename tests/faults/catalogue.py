"""All runs by name, in the order of the table."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from tests.faults import (
    clock_back,
    dead_tokens,
    disk_full,
    empty_ends,
    goaways,
    kills,
    narrow_streams,
    resets,
    restarts,
    retry_after,
    stalls,
)
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage

Run = Callable[[Stage, Size], Awaitable[Row]]

RUNS: dict[str, Run] = {
    "kills-at-least-once": kills.at_least_once,
    "kills-at-most-once": kills.at_most_once,
    "dead-tokens": dead_tokens.run,
    "retry-after": retry_after.fcm,
    "retry-after-web": retry_after.webpush,
    "narrow-streams": narrow_streams.run,
    "goaways": goaways.run,
    "resets": resets.run,
    "empty-ends": empty_ends.run,
    "stalls": stalls.run,
    "disk-full": disk_full.run,
    "restarts": restarts.run,
    "clock-back": clock_back.run,
}


async def made(name: str, stage: Stage, size: Size) -> Row:
    """The row of a run, with the seconds it took. A run that breaks down has a row that says how."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        row = await RUNS[name](stage, size)
    except Exception as error:
        row = Row(name, faults=[f"broke down: {type(error).__name__} {error}".strip()])
    return replace(row, seconds=loop.time() - began)
