"""A send from beginning to end, against the strict stub: who gets it, what the sums say, what the message is then."""

from base64 import urlsafe_b64decode

import pytest

from clarion.apps import declarations
from clarion.apps.model import DeclarationKind, Platform
from clarion.audience import service as audience
from clarion.base import clock
from clarion.base.errors import Conflict, NotFound
from clarion.base.sealing import Sealer
from clarion.content.model import Content, MessageState
from clarion.db.pool import Database
from clarion.db.sql import execute, tuples
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord, WebKeys
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.gateways.stub import StubServer, derive_subscriptions
from clarion.results.model import Counts, Outcome
from clarion.sending import service as sending
from clarion.sending.model import SendState
from tests.sending.journey import Journey
from tests.sending.scripted import ScriptedGateway


async def test_a_real_send_without_segment_reaches_the_whole_opted_in_base(journey: Journey, stub: StubServer) -> None:
    """v1 rules 43, 62, 63."""
    await journey.add_devices(230)
    await journey.add_devices(20, start=1000, system_optin_notifs=False)
    message = await journey.message()
    assert await journey.message_state(message) is MessageState.DRAFT
    send = await journey.send(message)
    assert await journey.message_state(message) is MessageState.SENDING
    ended = await journey.run(send)
    assert (ended.state, ended.audience, ended.counts) == (SendState.CLOSED, 230, Counts(delivered=230))
    assert await journey.message_state(message) is MessageState.SENT
    assert (stub.stats().apns.delivered, stub.stats().apns.doubles) == (230, 0)
    assert await journey.jobs() == []


async def test_a_test_send_goes_to_the_test_segments_and_leaves_the_message_a_draft(
    journey: Journey, stub: StubServer
) -> None:
    """v1 rules 62 and 63."""
    await journey.add_devices(30)
    await journey.add_devices(3, start=100, model="tester")
    testers = await journey.segment("Testers", {"column": "model", "op": "eq", "value": "tester"}, test=True)
    message = await journey.message(test_segments=[testers.id])
    ended = await journey.run(await journey.send(message, test=True))
    assert ended.counts == Counts(delivered=3)
    assert await journey.message_state(message) is MessageState.DRAFT
    assert stub.stats().apns.delivered == 3


async def test_segments_and_lists_of_a_message_are_one_audience_without_doubles(journey: Journey) -> None:
    """v1 rule 43."""
    french = await journey.add_devices(10, language="fr")
    await journey.add_devices(10, start=100, language="de")
    await journey.add_devices(10, start=200, language="en")
    segment = await journey.segment("French", {"column": "language", "op": "eq", "value": "fr"})
    other = await journey.segment("German", {"column": "language", "op": "eq", "value": "de"})
    async with journey.database.transaction() as conn:
        members = await audience.create_list(conn, journey.app.id, "VIP")
        await execute(
            conn,
            f'INSERT INTO "app_{journey.app.id}".list_member (list_id, device_id) SELECT %s, unnest(%s::bigint[])',
            (members.id, french[:5]),
        )
    message = await journey.message(campaign_segments=[segment.id, other.id], lists=[members.id])
    ended = await journey.run(await journey.send(message))
    assert (ended.audience, ended.counts) == (20, Counts(delivered=20))


@pytest.mark.parametrize("state", [MessageState.SENDING, MessageState.SENT, MessageState.FAILED])
async def test_a_second_real_send_is_refused_with_the_state_of_the_message(
    journey: Journey, state: MessageState
) -> None:
    """v1 rule 63."""
    message = await journey.message()
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.message SET state = %s WHERE id = %s", (state.value, message))
    with pytest.raises(Conflict) as refused:
        await journey.send(message)
    assert refused.value.code == state.value
    assert await journey.jobs() == []


async def test_a_test_send_is_refused_while_the_real_one_runs_and_allowed_after_it(journey: Journey) -> None:
    """v1 rule 63."""
    await journey.add_devices(3)
    testers = await journey.segment("Everyone", {"all": []}, test=True)
    message = await journey.message(test_segments=[testers.id])
    real = await journey.send(message)
    with pytest.raises(Conflict) as refused:
        await journey.send(message, test=True)
    assert refused.value.code == "sending"
    await journey.run(real)
    ended = await journey.run(await journey.send(message, test=True))
    assert ended.counts == Counts(delivered=3)
    assert await journey.message_state(message) is MessageState.SENT


async def test_a_test_send_without_test_segment_is_refused(journey: Journey) -> None:
    """v1 rule 62: a test goes to the test segments and to nobody else."""
    await journey.add_devices(3)
    with pytest.raises(Conflict) as refused:
        await journey.send(await journey.message(), test=True)
    assert refused.value.code == "no_test_segments"


async def test_texts_that_name_what_no_device_has_are_not_sent_for_real(journey: Journey) -> None:
    """v1 rules 45 and 46: fields of a list are known only to messages that are for lists. A test shows the hole."""
    await journey.add_devices(1)
    async with journey.database.transaction() as conn:
        listed = await audience.create_list(conn, journey.app.id, "VIP")
    everyone = await journey.segment("Everyone", {"all": []}, test=True)
    wrong = await journey.message(version=Content(text="${Model} ${modl} ${a4p_gift}"), test_segments=[everyone.id])
    with pytest.raises(Conflict, match=r"uses \$\{a4p_gift\}, \$\{modl\}") as refused:
        await journey.send(wrong)
    assert refused.value.code == "unknown_field"
    assert await journey.message_state(wrong) is MessageState.DRAFT
    assert (await journey.run(await journey.send(wrong, test=True))).counts == Counts(delivered=1)
    await journey.send(await journey.message(version=Content(text="${model} ${a4p_gift}"), lists=[listed.id]))


async def test_a_message_of_another_application_is_unknown(journey: Journey) -> None:
    """v1 rule 27."""
    other = await Journey.begin(journey.database, journey.sealer, "demo02")
    message = await other.message()
    with pytest.raises(NotFound):
        await journey.send(message)


async def test_what_a_send_began_with_is_frozen(journey: Journey, stub: StubServer) -> None:
    """A device that joins after planning is not in the audience; the definition is that of the beginning."""
    await journey.add_devices(5, model="a")
    segment = await journey.segment("A", {"column": "model", "op": "eq", "value": "a"})
    message = await journey.message(campaign_segments=[segment.id])
    send = await journey.send(message)
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.segment SET predicate = %s::jsonb", ('{"any": []}',))
    ended = await journey.run(send)
    assert ended.counts == Counts(delivered=5)


async def test_an_empty_audience_closes_at_once(journey: Journey) -> None:
    send = await journey.send(await journey.message())
    ended = await journey.run(send)
    assert (ended.state, ended.audience, ended.counts) == (SendState.CLOSED, 0, Counts())


async def test_devices_that_cannot_or_will_not_be_reached_are_suppressed_and_counted(journey: Journey) -> None:
    """v1 rule 84: sent are pushes to devices with feedback under 3."""
    await journey.add_devices(4)
    await journey.add_devices(3, start=100, system_optin_notifs=False)
    await journey.add_devices(2, start=200, feedback=3)
    bare = await journey.add_devices(5, start=300)
    async with journey.database.transaction() as conn:
        await execute(conn, f'UPDATE "app_{journey.app.id}".device SET token = NULL WHERE id = ANY(%s)', (bare,))
    everyone = await journey.segment("Everyone", {"all": []})
    send = await journey.send(await journey.message(campaign_segments=[everyone.id]))
    ended = await journey.run(send)
    assert (ended.audience, ended.counts) == (14, Counts(delivered=4, suppressed=10))
    outcomes = b"".join(chunk.outcomes for chunk in await journey.chunks(send))
    assert outcomes.count(Outcome.SUPPRESSED_OPT_OUT) == 3
    assert outcomes.count(Outcome.SUPPRESSED_BOUNCED) == 2
    assert outcomes.count(Outcome.SUPPRESSED_NO_TOKEN) == 5


async def test_a_device_deleted_after_planning_is_suppressed_as_gone(journey: Journey) -> None:
    ids = await journey.add_devices(6)
    send = await journey.send(await journey.message())
    async with journey.database.transaction() as conn:
        await execute(
            conn,
            """
            CREATE FUNCTION clarion.purge_first() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN EXECUTE format('DELETE FROM "app_%%s".device WHERE id = NEW_ID', NEW.app_id); RETURN NEW; END $$
            """.replace("NEW_ID", str(ids[0])),
        )
        await execute(
            conn,
            """
            CREATE TRIGGER purge AFTER INSERT ON clarion.send_chunk
            FOR EACH ROW EXECUTE FUNCTION clarion.purge_first()
            """,
        )
    ended = await journey.run(send)
    assert (ended.audience, ended.counts) == (6, Counts(delivered=5, suppressed=1))


async def test_dead_tokens_are_switched_off_and_counted_as_bounces(journey: Journey, stub: StubServer) -> None:
    """v1 rule 84."""
    await journey.add_devices(100)
    stub.set_knobs({"apns": {"dead_rate": 0.3}})
    message = await journey.message()
    ended = await journey.run(await journey.send(message))
    dead = ended.counts.refused
    assert 10 < dead < 50
    assert ended.counts == Counts(delivered=100 - dead, refused=dead)
    assert sum(ended.reasons.values()) == dead
    async with journey.database.connection() as conn:
        off = await tuples(
            conn,
            f'SELECT count(*) FROM "app_{journey.app.id}".device WHERE token IS NULL AND feedback = 1',
        )
        stats = await tuples(conn, "SELECT push_sent, bounces FROM clarion.stat_day")
    assert off == [(dead,)]
    assert stats == [(100, dead)]
    assert await journey.message_state(message) is MessageState.SENT


async def test_without_gateway_the_send_fails_and_says_so(unconnected: Journey) -> None:
    """Every device is accounted for, nobody is listed as a target."""
    await unconnected.add_devices(60)
    message = await unconnected.message()
    ended = await unconnected.run(await unconnected.send(message))
    assert (ended.state, ended.reason, ended.counts) == (SendState.FAILED, "no_gateway", Counts(refused=60))
    assert await unconnected.message_state(message) is MessageState.FAILED
    async with unconnected.database.connection() as conn:
        assert await tuples(conn, "SELECT sum(targets) FROM clarion.send_chunk") == [(0,)]
        assert await tuples(conn, "SELECT count(*) FROM clarion.stat_day") == [(0,)]


async def test_a_gateway_that_refuses_everything_fails_the_send(journey: Journey, stub: StubServer) -> None:
    """v1 rule 63: a message whose send failed says so afterwards."""
    await journey.add_devices(10)
    stub.set_knobs({"apns": {"refuse": {"TopicDisallowed": 1.0}}})
    message = await journey.message()
    ended = await journey.run(await journey.send(message))
    assert (ended.state, ended.counts) == (SendState.FAILED, Counts(refused=10))
    assert ended.reason == "TopicDisallowed"
    assert await journey.message_state(message) is MessageState.FAILED


async def test_a_cancelled_send_settles_what_is_open_as_cancelled(journey: Journey) -> None:
    await journey.add_devices(40)
    message = await journey.message()
    send = await journey.send(message)
    await journey.cancel(send)
    ended = await journey.run(send)
    assert (ended.state, ended.audience) == (SendState.CANCELLED, ended.counts.cancelled)
    assert await journey.message_state(message) is MessageState.DRAFT
    with pytest.raises(Conflict) as refused:
        await journey.cancel(send)
    assert refused.value.code == "ended"


async def test_progress_of_an_unknown_send_is_not_found(journey: Journey) -> None:
    async with journey.database.connection() as conn:
        with pytest.raises(NotFound):
            await sending.progress(conn, journey.app.id, 1)


async def test_sums_that_do_not_reach_the_audience_fail_the_send_loudly(journey: Journey) -> None:
    """The check that every close makes: here the ledger is falsified under way."""
    await journey.add_devices(60)
    message = await journey.message()
    send = await journey.send(message)
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.send SET delivered = 1 WHERE app_id = %s", (journey.app.id,))
    ended = await journey.run(send)
    assert (ended.state, ended.reason, ended.audience) == (SendState.FAILED, "sums_differ", 60)
    assert await journey.message_state(message) is MessageState.FAILED


async def test_a_notification_carries_what_its_language_and_its_device_say(journey: Journey) -> None:
    """The delivery id is 16 bytes, in the payload too; a time to live of 0 is "now or never" for the gateway."""
    await journey.add_devices(1, model="Pad", language="fr")
    handed: list[Notification] = []

    def judge(notification: Notification) -> Verdict:
        handed.append(notification)
        return Verdict(Fate.DELIVERED)

    version = Content(text="Your ${model}", collapse_key="score")
    async with journey.database.transaction() as conn:
        await declarations.declare(conn, journey.app.id, DeclarationKind.COLLAPSE_KEY, "score")
    for time_to_live in (0, 600):
        message = await journey.message(time_to_live=time_to_live, version=version)
        await journey.run(await journey.send(message), journey.sender(opener=lambda _config: ScriptedGateway(judge)))
    now_or_never, later = handed
    assert (now_or_never.expires_at, now_or_never.collapse, now_or_never.urgent) == (0, "score", True)
    assert abs(later.expires_at - clock.now().timestamp() - 600) < 30
    assert b"Your Pad" in now_or_never.payload
    assert len(now_or_never.delivery_id) == 16
    assert now_or_never.delivery_id.hex().encode() in now_or_never.payload
    assert now_or_never.delivery_id != later.delivery_id


async def test_a_test_send_does_not_wait_for_room_at_the_gateway(journey: Journey) -> None:
    """Small sends go ahead of what bulk sends keep waiting."""
    await journey.add_devices(5)
    everyone = await journey.segment("Everyone", {"all": []}, test=True)
    gateway = ScriptedGateway(lambda _notification: Verdict(Fate.DELIVERED), room=0)
    sender = journey.sender(opener=lambda _config: gateway)
    ended = await journey.run(await journey.send(await journey.message(test_segments=[everyone.id]), test=True), sender)
    assert ended.counts == Counts(delivered=5)


async def test_an_android_application_sends_through_fcm(database: Database, sealer: Sealer, stub: StubServer) -> None:
    journey = await Journey.begin(database, sealer, platform=Platform.ANDROID)
    await journey.connect(stub)
    await journey.add_devices(20)
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(delivered=20)
    assert (stub.stats().fcm.delivered, stub.stats().fcm.doubles, stub.stats().fcm.unidentified) == (20, 0, 0)


async def test_a_web_application_sends_to_subscriptions(database: Database, sealer: Sealer, stub: StubServer) -> None:
    journey = await Journey.begin(database, sealer, platform=Platform.WEB)
    await journey.connect(stub)
    subscriptions = derive_subscriptions(stub.seed, stub.url, 0, 20)
    async with database.transaction() as conn:
        await devices.upsert(
            conn,
            journey.app,
            [
                DeviceRecord(
                    f"w{number}",
                    {TOKEN: each.endpoint},
                    WebKeys(urlsafe_b64decode(each.p256dh + "=="), urlsafe_b64decode(each.auth + "==")),
                )
                for number, each in enumerate(subscriptions)
            ],
        )
    ended = await journey.run(await journey.send(await journey.message()))
    assert ended.counts == Counts(delivered=20)
    assert (stub.stats().webpush.delivered, stub.stats().webpush.doubles) == (20, 0)
