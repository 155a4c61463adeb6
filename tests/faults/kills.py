"""Kill -9 of random processes at random moments of throttled sends.

At least once, over APNs: all are delivered to under one `apns-id` each, doubles stay within the in-flight window of the
senders that died. At most once, over FCM: no double, and what the gateway saw is delivered or unknown.
"""

import asyncio
import contextlib
import random
from collections import Counter

from clarion.apps.model import Platform
from clarion.content.model import Guarantee
from tests.faults.account import Account
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage
from tests.faults.window import intents, window

_STREAMS = 100
_LONGEST_PEACE = 4.0


async def at_least_once(stage: Stage, size: Size) -> Row:
    """See above."""
    accounts, kills = await _under_fire(stage, size, Platform.IOS, Guarantee.AT_LEAST_ONCE)
    faults = [fault for account in accounts for fault in account.undelivered()]
    allowed = _deaths(kills, size) * window(_STREAMS)
    return Row.of("kills, at least once", accounts, did=_told(kills), allowed=allowed, faults=faults)


async def at_most_once(stage: Stage, size: Size) -> Row:
    """See above."""
    accounts, kills = await _under_fire(stage, size, Platform.ANDROID, Guarantee.AT_MOST_ONCE)
    unknown = sum(account.counts["unknown"] for account in accounts)
    in_doubt = sum(account.gateway.distinct - account.counts["delivered"] for account in accounts)
    most = _deaths(kills, size) * (window(_STREAMS) + intents())
    faults = [f"{unknown} unknown, at most {most} can be in doubt"] if unknown > most else []
    did = f"{_told(kills)}; {in_doubt} of {unknown} unknown were at the gateway"
    return Row.of("kills, at most once", accounts, did=did, faults=faults)


async def _under_fire(
    stage: Stage, size: Size, platform: Platform, guarantee: Guarantee
) -> tuple[list[Account], Counter[str]]:
    chance = random.Random(f"{size.seed} {guarantee.value}")
    app = await stage.company(platform, size.kill_devices)
    kills: Counter[str] = Counter()
    accounts: list[Account] = []
    while len(accounts) < size.kill_sends or kills.total() < size.kills:
        share = max(1, size.kills * (len(accounts) + 1) // size.kill_sends - kills.total())
        # A moment is a part of the devices that the gateway has seen, so that each falls into the send, however long it
        # is; or it comes a little after the kill before, while the installation is still about to recover.
        moments = sorted(chance.random() * size.kill_devices for _ in range(share))

        async def fire(moments: list[float] = moments) -> None:
            for moment in moments:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(chance.uniform(0.5, _LONGEST_PEACE)):
                        await stage.until_taken(app, moment)
                kills[await stage.strike(chance.choice)] += 1

        knobs = {"max_streams": _STREAMS, "throttle": size.kill_rate}
        accounts.append(await stage.send(app, size.kill_devices, knobs, guarantee=guarantee, meanwhile=fire))
    return accounts, kills


def _deaths(kills: Counter[str], size: Size) -> int:
    """Senders that died or may have lost their leases: one with each kill of a sender, all with one of the supervisor
    (which they follow) or of PostgreSQL."""
    return kills["sender"] + size.senders * (kills["supervisor"] + kills["postgres"])


def _told(kills: Counter[str]) -> str:
    return f"{kills.total()} kills: " + ", ".join(f"{name} {number}" for name, number in sorted(kills.items()))
