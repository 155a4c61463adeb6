"""The gateway allows many streams a connection, then one, then many again, as APNs does when it begins to distrust."""

from clarion.apps.model import Platform
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage
from tests.faults.window import CONNECTIONS


async def run(stage: Stage, size: Size) -> Row:
    """See above."""
    app = await stage.company(Platform.IOS, size.devices)
    wide = {"max_streams": size.streams, "throttle": size.rate}
    narrow = {**wide, "max_streams": 1}
    one_each = size.senders * CONNECTIONS
    widest = taken = again = 0

    async def narrowed() -> None:
        nonlocal widest, taken, again
        await stage.until_taken(app, size.devices * 0.2)
        stage.stub.set_knobs(narrow)
        await stage.until(lambda: _streams(stage) <= one_each)
        begun = stage.figures(app).distinct
        while (taken := stage.figures(app).distinct - begun) < size.devices * 0.1:
            widest = max(widest, _streams(stage))
            await stage.pass_time(0.02)
        stage.stub.set_knobs(wide)
        await stage.until(lambda: _streams(stage) > 2 * one_each)
        again = _streams(stage)

    account = await stage.send(app, size.devices, wide, meanwhile=narrowed)
    highest = stage.stub.stats().connections.streams_highest
    faults = []
    if not again:
        faults.append("the limit was not followed down and up again before the send ended")
    if widest > one_each:
        faults.append(f"{widest} streams on {one_each} connections that allow one each")
    if highest > size.streams:
        faults.append(f"{highest} streams on a connection, {size.streams} allowed")
    faults += account.undelivered()
    did = f"{size.streams}, 1, {size.streams} streams; {taken} sent at 1, at most {widest} on {one_each} connections"
    return Row.of("streams narrowed", [account], did=did, faults=faults)


def _streams(stage: Stage) -> int:
    return stage.stub.stats().connections.streams_open
