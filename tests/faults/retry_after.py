"""FCM answers 429 with `Retry-After` to everything for a while, a push service of the Web 503.

The project's or the push service's whole traffic waits, in all processes: no request comes before the time told (half a
second is granted to what was under way), the send goes on right after it, and never faster than Google's quota allows.
"""

from collections.abc import Mapping
from typing import Any

from clarion.apps.model import GATEWAY_OF, Platform
from clarion.gateways.fcm.quota import PER_MINUTE
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage

_UNDER_WAY = 0.5
_TOLERANCE = 1.1


async def fcm(stage: Stage, size: Size) -> Row:
    """See above."""
    return await _run(stage, size, Platform.ANDROID, "429, Retry-After", {"too_many_rate": 1})


async def webpush(stage: Stage, size: Size) -> Row:
    """See above."""
    return await _run(stage, size, Platform.WEB, "503, Retry-After, Web", {"webpush": {"refuse": {"unavailable": 1}}})


async def _run(stage: Stage, size: Size, platform: Platform, name: str, refused: dict[str, Any]) -> Row:
    app = await stage.company(platform, size.devices)
    sound = {"max_streams": 50, "throttle": size.rate}
    refusing = {**sound, **refused, "retry_after": size.retry_after}

    async def outage() -> None:
        await stage.until_taken(app, size.devices * 0.2)
        stage.stub.set_knobs(refusing)
        await stage.pass_time(size.outage)
        stage.stub.set_knobs(sound)

    account = await stage.send(app, size.devices, sound, meanwhile=outage)
    arrivals = stage.stub.arrivals(GATEWAY_OF[platform])
    refused_at = account.gateway.refused_at
    if refused_at is None:
        return Row.of(name, [account], did="nothing", faults=["nobody was refused"])
    deadline = refused_at + size.retry_after
    resumed = min((tenth / 10 for tenth in arrivals if tenth / 10 > refused_at + _UNDER_WAY), default=deadline)
    late = resumed - deadline
    highest = busiest_second(arrivals, resumed)
    faults = account.undelivered()
    if account.gateway.early:
        faults.append(f"{account.gateway.early} requests before the time that was told")
    if late > size.resume_within + 0.1:
        faults.append(f"resumed {late:.1f} s after the time that was told")
    if highest > _TOLERANCE * PER_MINUTE / 60:
        faults.append(f"{highest} requests in a second afterwards, {PER_MINUTE // 60} allowed")
    did = (
        f"`Retry-After: {size.retry_after}` for {size.outage:g} s, {account.gateway.refused_total} refused, "
        f"{account.gateway.early} early, resumed {late:+.1f} s, then at most {highest}/s"
    )
    return Row.of(name, [account], did=did, faults=faults)


def busiest_second(arrivals: Mapping[int, int], since: float) -> int:
    """The most requests in any second after `since` (epoch seconds), by tenths of a second."""
    first = int(since * 10)
    return max(
        (sum(arrivals.get(tenth + step, 0) for step in range(10)) for tenth in arrivals if tenth >= first), default=0
    )
