"""Answers end with an empty DATA frame, as those of some servers do."""

from clarion.apps.model import Platform
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage


async def run(stage: Stage, size: Size) -> Row:
    """See above. FCM, whose answers have bodies."""
    app = await stage.company(Platform.ANDROID, size.devices)
    knobs = {"max_streams": 100, "throttle": size.rate, "empty_data_end": True}
    account = await stage.send(app, size.devices, knobs)
    faults = account.undelivered()
    return Row.of("empty DATA ends", [account], did="every answer ends with an empty DATA frame", faults=faults)
