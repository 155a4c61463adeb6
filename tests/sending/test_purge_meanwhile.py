"""A send and the daily purge meet: every device of the frozen audience has its outcome (v1 rule 71)."""

import asyncio
from datetime import timedelta

from clarion.assembly.erasure import FORGET
from clarion.base import clock
from clarion.devices import purging
from clarion.devices.model import PurgeRule
from clarion.queue import Lease, Worker
from clarion.results.model import Counts, Outcome
from clarion.sending.model import CHUNK_JOB, QUEUE
from tests.sending.journey import Journey


async def test_v1_rule_71_devices_purged_while_a_send_is_under_way_are_counted_as_gone(journey: Journey) -> None:
    await journey.add_devices(30)
    await journey.add_devices(40, start=30, lastopen=clock.now() - timedelta(days=400), feedback=3)
    segment = await journey.segment("everybody", {"all": []})
    send = await journey.send(await journey.message(campaign_segments=[segment.id]))
    sender = journey.sender(chunk=10)
    purged: list[int] = []

    async def purge_then_deliver(lease: Lease) -> None:
        part = await purging.purge_part(journey.database, journey.app.id, PurgeRule(), FORGET)
        purged.append(part.devices)
        await sender.deliver(lease)

    stop = asyncio.Event()
    handlers = {**sender.handlers(), CHUNK_JOB: purge_then_deliver}
    running = asyncio.create_task(Worker(journey.database, [QUEUE], handlers, concurrency=2).run(stop))
    try:
        ended = await journey.closed(send)
    finally:
        stop.set()
        await running
        await sender.aclose()
    assert sum(purged) == 40
    assert (ended.audience, ended.counts) == (70, Counts(delivered=30, suppressed=40))
    outcomes = b"".join(chunk.outcomes for chunk in await journey.chunks(send))
    assert outcomes.count(Outcome.SUPPRESSED_GONE) + outcomes.count(Outcome.SUPPRESSED_BOUNCED) == 40
    assert outcomes.count(Outcome.SUPPRESSED_GONE) > 0
