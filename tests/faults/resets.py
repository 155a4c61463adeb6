"""One stream in a hundred is reset: in the first half of the send instead of a delivery, then instead of its answer.

Neither can be told from the other, so all of them are sent again: those that had been delivered are the doubles.
"""

from clarion.apps.model import Platform
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage


async def run(stage: Stage, size: Size) -> Row:
    """See above."""
    app = await stage.company(Platform.IOS, size.devices)
    knobs = {"seed": size.seed, "max_streams": 100, "throttle": size.rate, "reset_rate": 0.01}

    async def delivered_too() -> None:
        await stage.until_taken(app, size.devices * 0.5)
        stage.stub.set_knobs({**knobs, "reset_delivered": True})

    account = await stage.send(app, size.devices, knobs, meanwhile=delivered_too)
    gateway = account.gateway
    faults = [] if gateway.reset and gateway.answers_lost else ["not both kinds of resets"]
    faults += account.undelivered()
    did = f"RST on 1 %: {gateway.reset} undelivered, {gateway.answers_lost} delivered without an answer"
    return Row.of("RST", [account], did=did, allowed=gateway.answers_lost, faults=faults)
