"""The gateway takes requests and says nothing for a while.

Answers that come within the time-out of requests are late and nothing more. What had to wait longer is in doubt and is
sent again: at most what was on the streams, once.
"""

from clarion.apps.model import Platform
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage
from tests.faults.window import CONNECTIONS

_STREAMS = 100
_TIMEOUT = 30.0
"""Seconds that a request waits for its answer."""
_BACKLOG = 1.0
"""Seconds that the gateway takes at the most for what has piled up."""


async def run(stage: Stage, size: Size) -> Row:
    """See above."""
    app = await stage.company(Platform.IOS, size.devices)
    sound = {"max_streams": _STREAMS, "throttle": size.rate}

    async def stall() -> None:
        await stage.until_taken(app, size.devices * 0.3)
        stage.stub.set_knobs({**sound, "silent_ms": size.stall * 1000})

    account = await stage.send(app, size.devices, sound, meanwhile=stall)
    faults = account.undelivered()
    allowed = size.senders * CONNECTIONS * _STREAMS if size.stall + _BACKLOG >= _TIMEOUT else 0
    return Row.of("stall", [account], did=f"no answer for {size.stall:g} s", allowed=allowed, faults=faults)
