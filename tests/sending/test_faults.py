"""A gateway in trouble, as the strict stub plays it: what is waited for, what is sent again, and what ends how."""

import asyncio
from datetime import timedelta
from pathlib import Path

from clarion.base import clock
from clarion.content.model import Guarantee, MessageState
from clarion.db.sql import execute, tuples
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.gateways.stub import StubServer
from clarion.queue import Worker
from clarion.results.model import Counts
from clarion.sending.model import QUEUE, SendState
from tests.sending.journey import Journey
from tests.sending.scripted import ScriptedGateway

DELIVERED = Verdict(Fate.DELIVERED)


async def test_a_delay_that_the_gateway_asks_for_is_kept_and_everybody_is_reached(
    journey: Journey, stub: StubServer
) -> None:
    await journey.add_devices(60)
    stub.set_knobs({"apns": {"too_many_rate": 0.3, "retry_after": 1}})
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(delivered=60)
    assert (stub.stats().apns.delivered, stub.stats().apns.early) == (60, 0)


async def test_errors_of_the_gateway_are_retried_until_it_is_well(journey: Journey, stub: StubServer) -> None:
    await journey.add_devices(80)
    stub.set_knobs({"apns": {"refuse": {"InternalServerError": 0.2, "ServiceUnavailable": 0.1}}})
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(delivered=80)
    assert stub.stats().apns.doubles == 0


async def test_lost_answers_are_sent_again_with_the_same_id_at_least_once(journey: Journey, stub: StubServer) -> None:
    await journey.add_devices(80)
    stub.set_knobs({"apns": {"reset_rate": 0.3, "reset_delivered": True}})
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(delivered=80)
    figures = stub.stats().apns
    assert figures.doubles > 0
    assert figures.delivered - figures.doubles == 80, "every device was reached, under one delivery id each"


async def test_lost_answers_are_unknown_at_most_once(journey: Journey, stub: StubServer) -> None:
    await journey.add_devices(80)
    stub.set_knobs({"apns": {"reset_rate": 0.3, "reset_delivered": True}})
    ended = await journey.run(await journey.send(await journey.message(guarantee=Guarantee.AT_MOST_ONCE)))
    figures = stub.stats().apns
    assert ended.counts.unknown > 0
    assert ended.counts == Counts(delivered=80 - ended.counts.unknown, unknown=ended.counts.unknown)
    assert (figures.delivered, figures.doubles) == (80, 0)


async def test_goaway_dropped_connections_and_few_streams_lose_nobody(journey: Journey, stub: StubServer) -> None:
    await journey.add_devices(300)
    stub.set_knobs({"max_streams": 7, "streams_until_trusted": 1, "goaway_every": 40, "drop_connection_every": 90})
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(delivered=300)
    figures = stub.stats().apns
    assert figures.delivered - figures.doubles == 300


async def test_an_unreachable_gateway_is_tried_until_the_time_to_live_is_over(journey: Journey) -> None:
    await journey.add_devices(30)
    silence = Verdict(Fate.RETRY, "No answer from push.example", scope=Scope.CONNECTION)
    gateway = ScriptedGateway(lambda _notification: silence)
    message = await journey.message(time_to_live=2)
    ended = await journey.run(await journey.send(message), journey.sender(opener=lambda _config: gateway))
    assert (ended.state, ended.counts) == (SendState.FAILED, Counts(expired=30))
    assert ended.reason == "expired: No answer from push.example"
    assert await journey.message_state(message) is MessageState.FAILED
    assert 30 < sum(gateway.handed.values()) < 300, "tried again, with pauses that grow"


async def test_a_wait_beyond_the_time_to_live_is_not_waited_for(journey: Journey) -> None:
    """Retries end at the time to live: a device that is to wait longer has expired already."""
    await journey.add_devices(20)
    later = Verdict(Fate.RETRY, "TooManyRequests", 120.0, Scope.DEVICE)
    gateway = ScriptedGateway(lambda _notification: later)
    send = await journey.send(await journey.message(time_to_live=60))
    ended = await journey.run(send, journey.sender(opener=lambda _config: gateway))
    assert ended.counts == Counts(expired=20)
    assert ended.reasons == {"expired: TooManyRequests": 20}


async def test_a_send_that_is_past_its_time_to_live_expires_without_a_word(journey: Journey, stub: StubServer) -> None:
    await journey.add_devices(20)
    send = await journey.send(await journey.message(time_to_live=60))
    async with journey.database.connection() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = interval '2 minutes'")
    clock.shift(timedelta(minutes=2))
    ended = await journey.run(send)
    assert ended.counts == Counts(expired=20)
    assert stub.stats().apns.requests == 0


async def test_a_chunk_that_must_wait_long_gives_its_slot_back(journey: Journey) -> None:
    """The job is due again when the gateway's pause ends; no attempt is used up, what is known is recorded."""
    await journey.add_devices(10)
    busy = Verdict(Fate.RETRY, "quota", 300.0, Scope.PROJECT)
    verdicts = iter([DELIVERED] * 4)
    gateway = ScriptedGateway(lambda _notification: next(verdicts, busy), room=100)
    send = await journey.send(await journey.message())
    sender = journey.sender(opener=lambda _config: gateway)
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(journey.database, [QUEUE], sender.handlers(), lease=5.0).run(stop))
    async with asyncio.timeout(20), journey.database.connection() as conn:
        while not (rows := await tuples(conn, "SELECT attempts, run_at - clock_timestamp() FROM clarion.job"
                   " WHERE kind = 'sending.chunk' AND last_error IS NOT NULL")):  # fmt: skip
            await asyncio.sleep(0.01)
    stop.set()
    await running
    await sender.aclose()
    [(attempts, due)] = rows
    assert attempts == 0
    assert timedelta(seconds=290) < due < timedelta(seconds=310)
    progress = await journey.progress(send)
    assert (progress.counts, progress.pending) == (Counts(delivered=4), 6)


async def test_a_send_cancelled_under_way_keeps_true_outcomes_and_cancels_the_rest(journey: Journey) -> None:
    await journey.add_devices(100)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, delay=0.1, room=4)
    send = await journey.send(await journey.message())
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway)))
    async with asyncio.timeout(10):
        while len(gateway.taken) < 10:
            await asyncio.sleep(0.001)
    await journey.cancel(send)
    ended = await running
    assert ended.state is SendState.CANCELLED
    assert ended.audience == ended.counts.total == 100
    assert ended.counts == Counts(delivered=len(gateway.taken), cancelled=100 - len(gateway.taken))


async def test_new_credentials_are_used_as_soon_as_they_are_stored(
    journey: Journey, stub: StubServer, tmp_path: Path
) -> None:
    await journey.add_devices(5)
    sender = journey.sender()
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(journey.database, [QUEUE], sender.handlers(), lease=5.0).run(stop))
    first = await journey.closed(await journey.send(await journey.message()))
    other = StubServer(tmp_path / "other")
    await other.start()
    await journey.connect(other)
    second = await journey.closed(await journey.send(await journey.message()))
    stop.set()
    await running
    await sender.aclose()
    assert first.counts == second.counts == Counts(delivered=5)
    assert (stub.stats().apns.delivered, other.stats().apns.delivered) == (5, 5)
    await other.stop()


async def test_unusable_credentials_fail_the_send_with_their_fault(journey: Journey) -> None:
    await journey.add_devices(5)
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.gateway_credential SET ca = %s, revision = 9", ("/nowhere/ca.pem",))
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(refused=5)
    assert ended.reason is not None
    assert ended.reason.startswith("no_gateway: The certificate authority file")


async def test_the_database_going_away_for_a_moment_loses_nothing(journey: Journey) -> None:
    """Connections are cut while outcomes come in: they are recorded when the database is back."""
    await journey.add_devices(200)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, delay=0.05, room=10)
    send = await journey.send(await journey.message())
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway)))
    for share in (20, 60, 120):
        async with asyncio.timeout(20):
            while len(gateway.taken) < share:
                await asyncio.sleep(0.001)
        async with journey.database.connection() as conn:
            await execute(
                conn,
                """
                SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """,
            )
    ended = await running
    assert ended.counts == Counts(delivered=200)
    assert max(gateway.handed.values()) <= 2
