"""`POST /messages/{id}/send` on the wire: what is accepted, what is refused with which label (v1 rules 62, 63)."""

from pathlib import Path

import pytest

from clarion.apps import service as apps
from clarion.audience import service as audience
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft, MessageState
from clarion.db.sql import execute, tuples
from clarion.gateways.stub import StubServer
from tests.api.v1.client import V1Client
from tests.sending.journey import Journey


async def a_message(v1: V1Client, *, tested: bool = False) -> int:
    async with v1.database.transaction() as conn:
        segments: tuple[int, ...] = ()
        if tested:
            scheme = await apps.load_scheme(conn, v1.android.id)
            segment = await audience.create_segment(conn, v1.android.id, scheme, "Testers", {"all": []}, test=True)
            segments = (segment.id,)
        draft = MessageDraft("Spring", (Content("Hello"),), test_segments=segments)
        return await content.create_message(conn, v1.android, draft)


async def sends(v1: V1Client) -> list[tuple[int, str]]:
    async with v1.database.connection() as conn:
        found = await tuples(conn, "SELECT message_id, kind FROM clarion.send WHERE app_id = %s", (v1.android.id,))
    return [(message, kind) for message, kind in found]


async def test_a_real_send_is_accepted_with_an_empty_body_and_queued(v1: V1Client) -> None:
    """v1 rules 28, 62, 63."""
    message = await a_message(v1)
    answer = await v1.post(v1.path(f"messages/{message}/send"))
    assert (answer.status, answer.body) == (200, b"")
    assert await sends(v1) == [(message, "real")]
    async with v1.database.connection() as conn:
        assert await tuples(conn, "SELECT kind, queue FROM clarion.job") == [("sending.plan", "send")]
        assert (await content.get_message(conn, v1.android.id, message)).state is MessageState.SENDING


async def test_a_test_send_is_asked_for_with_exactly_true(v1: V1Client) -> None:
    """v1 rules 62 and 63: the state of the message stays."""
    message = await a_message(v1, tested=True)
    answer = await v1.post(v1.path(f"messages/{message}/send?test=true"))
    assert (answer.status, answer.body) == (200, b"")
    assert await sends(v1) == [(message, "test")]
    async with v1.database.connection() as conn:
        assert (await content.get_message(conn, v1.android.id, message)).state is MessageState.DRAFT


@pytest.mark.parametrize("value", ["TRUE", "True", "1", "false", "", "yes"])
async def test_other_values_of_test_are_malformed(v1: V1Client, value: str) -> None:
    """v1 rule 62."""
    message = await a_message(v1, tested=True)
    answer = await v1.post(v1.path(f"messages/{message}/send?test={value}"))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert await sends(v1) == []


@pytest.mark.parametrize("state", ["sending", "sent", "failed"])
async def test_a_second_real_send_is_refused_by_the_state_of_the_message(v1: V1Client, state: str) -> None:
    """v1 rule 63."""
    message = await a_message(v1)
    async with v1.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.message SET state = %s WHERE app_id = %s", (state, v1.android.id))
    answer = await v1.post(v1.path(f"messages/{message}/send"))
    assert answer.refused(400, f"API_ERR_MESSAGE_{state.upper()}")


async def test_a_test_send_is_refused_while_sending_and_allowed_when_sent(v1: V1Client) -> None:
    """v1 rule 63."""
    message = await a_message(v1, tested=True)
    path = v1.path(f"messages/{message}/send?test=true")
    async with v1.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.message SET state = 'sending' WHERE app_id = %s", (v1.android.id,))
    assert (await v1.post(path)).refused(400, "API_ERR_MESSAGE_SENDING")
    async with v1.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.message SET state = 'sent' WHERE app_id = %s", (v1.android.id,))
    assert (await v1.post(path)).status == 200


async def test_a_test_send_without_test_segment_is_refused(v1: V1Client) -> None:
    """v1 rules 25 and 62."""
    message = await a_message(v1)
    answer = await v1.post(v1.path(f"messages/{message}/send?test=true"))
    assert answer.refused(400, "API_ERR_DATA")
    assert "testSegments" in answer.text


async def test_an_unknown_or_foreign_message_is_not_found_and_a_word_is_malformed(v1: V1Client) -> None:
    """v1 rules 26 and 27."""
    message = await a_message(v1)
    assert (await v1.post(v1.path("messages/999999/send"))).refused(404, "API_ERR_DATA")
    assert (await v1.post(v1.path(f"messages/{message}/send", v1.ios))).refused(404, "API_ERR_DATA")
    for word in ("abc", "0", "-1", "1.5"):
        assert (await v1.post(v1.path(f"messages/{word}/send"))).refused(400, "API_ERR_FORMAT")
    assert (await v1.post(v1.path(f"messages/{10**30}/send"))).status in (400, 404)


async def test_what_was_sent_is_listed_and_counted(v1: V1Client, tmp_path: Path) -> None:
    """The whole way: send, deliver through the stub, then targets, statistics and state (v1 rules 63, 82, 84)."""
    stub = StubServer(tmp_path)
    await stub.start()
    stub.set_knobs({"apns": {"dead_rate": 0.1}})
    journey = Journey(v1.database, v1.sealer, v1.ios)
    await journey.connect(stub)
    await journey.add_devices(120)
    message = await journey.message()
    assert (await v1.post(v1.path(f"messages/{message}/send", v1.ios))).status == 200
    async with v1.database.connection() as conn:
        [(send,)] = await tuples(conn, "SELECT id FROM clarion.send WHERE app_id = %s", (v1.ios.id,))
    await journey.run(send)
    first = await v1.get(v1.path(f"messages/{message}/targets", v1.ios))
    rest = await v1.get(first.links["next"])
    targets = first.json["data"] + rest.json["data"]
    bounces = sum(target["bounce"] for target in targets)
    assert {target["deviceId"] for target in targets} == {f"d{n}" for n in range(120)}
    assert bounces == stub.stats().apns.requests - stub.stats().apns.delivered > 0
    [day] = (await v1.get(v1.path("stats", v1.ios))).json["data"]
    assert (day["pushSent"], day["bounces"]) == (120, bounces)
    again = await v1.post(v1.path(f"messages/{message}/send", v1.ios))
    assert again.refused(400, "API_ERR_MESSAGE_SENT")
    await stub.stop()


async def test_who_may_only_read_may_not_send(viewer: V1Client) -> None:
    """v1 rules 12 and 24."""
    message = await a_message(viewer)
    assert (await viewer.post(viewer.path(f"messages/{message}/send"))).refused(403, "API_ERR_FORBIDDEN")
    assert await sends(viewer) == []
