"""Requests that meet: exactly one wins, the others are told so, and no answer is a failure of ours.

What meets is made to meet: the test holds a row, or begins all requests at once.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql

from clarion.content import service as content
from clarion.db import pool
from clarion.db.sql import Conn, tuples, value
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord, device_id
from tests.api.v1.client import Answer, V1Client
from tests.support import until

PLAIN = {"name": "x", "messages": [{"text": "x"}]}


async def together(requests: Iterable[Awaitable[Answer]]) -> Counter[tuple[int, str]]:
    """Status and label of what requests that begin at once are answered."""
    answers = await asyncio.gather(*requests)
    return Counter((answer.status, answer.labels[0] if answer.status >= 400 else "") for answer in answers)


@asynccontextmanager
async def somebody_else(v1: V1Client) -> AsyncIterator[Conn]:
    """Another session with a transaction of its own, which ends with the block."""
    conn = await pool.connect(v1.database.conninfo)
    try:
        async with conn.transaction():
            yield conn
    finally:
        await conn.close()


async def waits(conn: Conn, number: int = 1) -> None:
    """Until that many sessions wait for a lock."""

    async def waiting() -> bool:
        query = "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database OR l.database IS NULL"
        here = " WHERE NOT l.granted AND d.datname = current_database()"
        return int(await value(conn, query + here)) >= number

    await until(waiting)


async def message_of(v1: V1Client, campaign: int) -> int:
    return (await v1.post(v1.path("messages"), {**PLAIN, "campaignId": campaign})).id


async def lock(conn: Conn, table: str, number: int) -> None:
    query = sql.SQL("SELECT FROM {} WHERE id = %s FOR UPDATE").format(sql.Identifier("clarion", table))
    await conn.execute(query, (number,))


async def test_rule_63_of_sends_that_meet_one_is_accepted(v1: V1Client) -> None:
    message = (await v1.post(v1.path("messages"), PLAIN)).id
    found = await together(v1.post(v1.path(f"messages/{message}/send")) for _ in range(10))
    assert found == {(200, ""): 1, (400, "API_ERR_MESSAGE_SENDING"): 9}
    async with v1.database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.send WHERE app_id = %s", (v1.android.id,)) == 1
        assert await value(conn, "SELECT count(*) FROM clarion.job") == 1


async def test_rules_35_and_63_a_message_is_deleted_or_sent_and_never_both(v1: V1Client) -> None:
    for first in ("delete", "send"):
        message = (await v1.post(v1.path("messages"), PLAIN)).id
        path = v1.path(f"messages/{message}")
        requests = [("DELETE", path), ("POST", f"{path}/send")]
        if first == "send":
            requests.reverse()
        async with somebody_else(v1) as other:
            await lock(other, "message", message)
            one = asyncio.create_task(v1.request(*requests[0]))
            await waits(other)
            two = asyncio.create_task(v1.request(*requests[1]))
            await waits(other, 2)
        statuses = [(await one).status, (await two).status]
        assert statuses == ([200, 404] if first == "delete" else [200, 400])
        sends = "SELECT count(*) FROM clarion.send WHERE app_id = %s AND message_id = %s"
        async with v1.database.connection() as conn:
            assert await value(conn, sends, (v1.android.id, message)) == (0 if first == "delete" else 1)


async def test_rule_63_an_update_that_meets_a_send_comes_before_it_or_is_refused(v1: V1Client) -> None:
    message = (await v1.post(v1.path("messages"), PLAIN)).id
    path = v1.path(f"messages/{message}")
    requests = [v1.put(path, {"name": f"n{n}", "messages": [{"text": f"t{n}"}]}) for n in range(8)]
    found = await together([*requests[:4], v1.post(f"{path}/send"), *requests[4:]])
    assert found[200, ""] + found[400, "API_ERR_MESSAGE_SENDING"] == 9
    async with v1.database.connection() as conn:
        kept = await content.get_message(conn, v1.android.id, message)
        [sent] = await tuples(conn, "SELECT revision, contents -> 0 ->> 'text' FROM clarion.send")
    assert sent == (kept.revision, kept.draft.contents[0].text), "what is sent is what the message says"
    assert kept.revision == found[200, ""], "each update that was accepted is a revision"


async def test_rule_44_of_writers_of_one_external_id_one_wins(v1: V1Client) -> None:
    for kind, body in (("campaigns", {"name": "x"}), ("messages", PLAIN)):
        named = {**body, "externalId": "same"}
        found = await together(v1.post(v1.path(kind), named) for _ in range(8))
        assert found == {(200, ""): 1, (400, "API_ERR_DATA"): 7}
        ids = [(await v1.post(v1.path(kind), body)).id for _ in range(8)]
        named["externalId"] = "other"
        found = await together(v1.put(v1.path(f"{kind}/{number}"), named) for number in ids)
        assert found == {(200, ""): 1, (400, "API_ERR_DATA"): 7}


async def test_rule_35_a_campaign_is_deleted_while_one_of_its_messages_is_written(v1: V1Client) -> None:
    """Who writes a message holds it and then its campaign: the delete waits for the message, holding nothing."""
    campaign = (await v1.post(v1.path("campaigns"), {"name": "x"})).id
    message = await message_of(v1, campaign)
    async with somebody_else(v1) as other:
        await lock(other, "message", message)
        deleting = asyncio.create_task(v1.delete(v1.path(f"campaigns/{campaign}")))
        await waits(other)
        await lock(other, "campaign", campaign)
    assert (await deleting).status == 200
    assert "campaignId" not in (await v1.get(v1.path(f"messages/{message}"))).json


async def test_rule_35_the_victim_of_a_deadlock_is_answered_as_if_there_had_been_none(v1: V1Client) -> None:
    campaign = (await v1.post(v1.path("campaigns"), {"name": "x"})).id
    message = await message_of(v1, campaign)
    path, body = v1.path(f"messages/{message}"), {**PLAIN, "name": "new", "campaignId": campaign}
    with contextlib.suppress(psycopg.errors.DeadlockDetected):  # PostgreSQL may as well choose us
        async with somebody_else(v1) as other:
            await lock(other, "campaign", campaign)
            writing = asyncio.create_task(v1.put(path, body))
            await waits(other)
            await lock(other, "message", message)
    assert (await writing).status == 200
    assert (await v1.get(path)).json["name"] == "new"


async def test_rule_81_a_message_deleted_while_its_actions_are_read_is_not_found(v1: V1Client) -> None:
    buttons = {"interactiveButtons": {"buttons": [{"id": 1}]}, "richPushUrl": "https://shop.example"}
    for _ in range(5):
        message = (await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x", **buttons}]})).id
        path = v1.path(f"messages/{message}")
        reading = [v1.get(f"{path}/actions") for _ in range(6)]
        found = await together([*reading[:3], v1.delete(path), *reading[3:]])
        assert set(found) <= {(200, ""), (404, "API_ERR_DATA")}


async def test_rule_70_of_devices_that_take_one_token_at_once_the_last_has_it(v1: V1Client) -> None:
    udids = [f"d{number}" for number in range(5)]
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord(udid, {TOKEN: f"token-{udid}"}) for udid in udids])
    same = [v1.put(v1.path("devices/d0"), {"token": "t", "lat": n}) for n in range(25)]
    others = [v1.put(v1.path(f"devices/d{n % 5}"), {"token": "t", "lat": n}) for n in range(25)]
    assert await together([*same, *others]) == {(200, ""): 50}
    query = """
        SELECT d.udid, p.device_id FROM app_1.device AS d LEFT JOIN clarion.push_token AS p
            ON p.app_id = 1 AND p.device_id = d.id WHERE d.token = 't' OR p.device_id IS NOT NULL
    """
    async with v1.database.connection() as conn:
        [(udid, holder)] = await tuples(conn, query)
    assert holder == device_id(v1.android.id, udid)
