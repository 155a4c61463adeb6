"""PostgreSQL is shut down in the middle of a send, several times; the supervisor starts it again."""

import signal
from functools import partial

from clarion.apps.model import Platform
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage
from tests.faults.window import window

_STREAMS = 100


async def run(stage: Stage, size: Size) -> Row:
    """See above. SIGINT is PostgreSQL's fast shutdown: connections are cut, a checkpoint is written."""
    app = await stage.company(Platform.IOS, size.devices)
    restarts = 0

    async def shut_down() -> None:
        nonlocal restarts
        for number in range(1, size.restarts + 1):
            await stage.until_taken(app, size.devices * number / (size.restarts + 1))
            before = stage.installation.victims().get("postgres")
            await stage.strike(lambda _names: "postgres", signal.SIGINT)
            await stage.until(partial(_started_anew, stage, before))
            restarts += 1

    account = await stage.send(app, size.devices, {"max_streams": _STREAMS, "throttle": size.rate}, meanwhile=shut_down)
    faults = [] if restarts else ["no restart fell into the send"]
    faults += account.undelivered()
    # A lease that ran out while the database was away is taken over like that of a sender that died.
    allowed = restarts * size.senders * window(_STREAMS)
    did = f"{restarts} fast shutdowns"
    return Row.of("PostgreSQL restarted", [account], did=did, allowed=allowed, faults=faults)


def _started_anew(stage: Stage, before: int | None) -> bool:
    return stage.installation.victims().get("postgres") not in (None, before)
