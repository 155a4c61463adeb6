"""Fields of static lists in the texts of campaigns, on the way to each device (v1 rule 45)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.audience import service as audience
from clarion.base import clock
from clarion.base.errors import Conflict
from clarion.content.model import Content
from clarion.db.sql import app_table, execute
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.results.model import Counts
from tests.sending.journey import Journey, token_of
from tests.sending.scripted import ScriptedGateway

TEXT = Content(text="<${a4p_gift}|${:a4p_size}|${model}>")


async def static_list(
    journey: Journey, name: str, members: Mapping[int, Any], expires_at: datetime | None = None
) -> int:
    """A list with these devices, by key, and their values."""
    async with journey.database.transaction() as conn:
        made = await audience.create_list(conn, journey.app.id, name)
        query = sql.SQL("INSERT INTO {} (list_id, device_id, expires_at, data) VALUES (%s, %s, %s, %s)").format(
            app_table(journey.app.id, "list_member")
        )
        for device, data in members.items():
            await execute(conn, query, (made.id, device, expires_at, None if data is None else Jsonb(data)))
    return made.id


async def texts(journey: Journey, message: int) -> dict[str, str]:
    """What the devices of a real send are shown, by push token."""
    shown: dict[str, str] = {}

    def judge(notification: Notification) -> Verdict:
        shown[notification.token] = notification.payload.partition(b"<")[2].partition(b">")[0].decode()
        return Verdict(Fate.DELIVERED)

    sender = journey.sender(chunk=2, opener=lambda _config: ScriptedGateway(judge))
    ended = await journey.run(await journey.send(message), sender)
    assert ended.counts == Counts(delivered=len(shown))
    return shown


async def test_v1_rule_45_members_of_a_targeted_list_see_its_fields(journey: Journey) -> None:
    ids = await journey.add_devices(4, model="Pad")
    values = [{"gift": "a"}, {"gift": "${model}", "size": 4.0, "other": 1}, None, {"gift": None, "size": True}]
    vip = await static_list(journey, "VIP", dict(zip(ids, values, strict=True)))
    found = await texts(journey, await journey.message(lists=[vip], version=TEXT))
    assert found == {
        token_of(0): "a||Pad",
        token_of(1): "${model}|4|Pad",
        token_of(2): "||Pad",
        token_of(3): "|true|Pad",
    }


async def test_v1_rule_45_of_several_lists_the_first_of_the_message_that_has_the_value(journey: Journey) -> None:
    """List by list and field by field; membership that has expired gives nothing."""
    ids = await journey.add_devices(3, model="Pad")
    one = await static_list(journey, "One", {ids[0]: {"gift": "one"}, ids[1]: {"size": "one"}})
    two = await static_list(journey, "Two", {number: {"gift": "two", "size": "two"} for number in ids})
    over = clock.now() - timedelta(days=1)
    gone = await static_list(journey, "Gone", {number: {"gift": "gone"} for number in ids}, over)
    message = await journey.message(lists=[gone, one, two], version=TEXT)
    assert await texts(journey, message) == {
        token_of(0): "one|two|Pad",
        token_of(1): "two|one|Pad",
        token_of(2): "two|two|Pad",
    }


async def test_v1_rule_45_through_a_segment_that_combines_the_list_there_are_no_fields(journey: Journey) -> None:
    """Devices that are in the audience for another reason see the fields of the lists they are on all the same."""
    ids = await journey.add_devices(2)
    vip = await static_list(journey, "VIP", {ids[0]: {"gift": "vip"}})
    other = await static_list(journey, "Other", {ids[1]: {"gift": "other"}})
    segment = await journey.segment("Combined", {"any": [{"list": vip}, {"list": other}]})
    with pytest.raises(Conflict) as refused:
        await journey.send(await journey.message(campaign_segments=[segment.id], version=TEXT))
    assert refused.value.code == "unknown_field"
    message = await journey.message(campaign_segments=[segment.id], lists=[vip], version=TEXT)
    assert await texts(journey, message) == {token_of(0): "vip||", token_of(1): "||"}


async def test_v1_rule_45_the_prefix_is_exact(journey: Journey) -> None:
    ids = await journey.add_devices(1)
    vip = await static_list(journey, "VIP", {ids[0]: {"gift": "x"}})
    with pytest.raises(Conflict, match="A4P_gift"):
        await journey.send(await journey.message(lists=[vip], version=Content(text="${A4P_gift}")))
