"""The gateway takes leave with GOAWAY again and again: what it did not process goes out again, and nothing twice."""

from clarion.apps.model import Platform
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage


async def run(stage: Stage, size: Size) -> Row:
    """See above."""
    app = await stage.company(Platform.IOS, size.devices)
    knobs = {"max_streams": 100, "throttle": size.rate, "goaway_every": size.goaway_every}
    account = await stage.send(app, size.devices, knobs)
    traffic = stage.stub.stats().connections
    faults = [] if traffic.goaways > 1 else [f"{traffic.goaways} GOAWAY"]
    faults += account.undelivered()
    did = f"GOAWAY every {size.goaway_every} requests of a connection: {traffic.goaways}"
    return Row.of("GOAWAY", [account], did=did, faults=faults)
