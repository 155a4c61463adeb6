"""The audit trail as it is read: newest first, by page, and only what is asked for."""

from datetime import timedelta
from typing import Any

from clarion.base import clock
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry
from tests.api.admin.client import AUDIT, AdminClient


async def leave(client: AdminClient, *lines: tuple[str, str, int | None, int | None]) -> None:
    """Lines of (surface, operation, person, application)."""
    async with client.database.transaction() as conn:
        for surface, operation, person_id, app_id in lines:
            await identity.record_audit(conn, AuditEntry(surface, operation, "/there", 200, person_id, app_id))


def told(lines: list[Any]) -> list[tuple[str, str, str | None, str | None]]:
    return [(line["surface"], line["operation"], line["email"], line["partnerId"]) for line in lines]


async def test_lines_say_who_and_where(boss: AdminClient, operator: AdminClient) -> None:
    await leave(
        boss,
        ("v1", "createCampaign", operator.person.id, operator.android.id),
        ("cli", "apps.create", None, None),
        ("v1", "deleteCampaign", 999, 999),
    )
    lines = (await boss.get(AUDIT)).ok()["data"]
    assert told(lines) == [
        ("v1", "deleteCampaign", None, None),
        ("cli", "apps.create", None, None),
        ("v1", "createCampaign", "operator@shop.example", "demo-android"),
    ]
    assert (lines[0]["personId"], lines[1]["personId"], lines[2]["personId"]) == (999, None, operator.person.id)


async def test_lines_are_narrowed_by_everything_given(boss: AdminClient, operator: AdminClient) -> None:
    mine, his = boss.person.id, operator.person.id
    await leave(
        boss,
        ("v1", "createCampaign", mine, boss.android.id),
        ("v1", "createMessage", his, boss.android.id),
        ("admin", "createApp", mine, None),
    )
    for query, expected in (
        (f"personId={mine}", ["createApp", "createCampaign"]),
        ("surface=v1", ["createMessage", "createCampaign"]),
        ("operation=createApp", ["createApp"]),
        (f"surface=v1&personId={his}", ["createMessage"]),
        ("surface=nothing", []),
        (f"until={(clock.now() - timedelta(hours=1)).isoformat().replace('+00:00', 'Z')}", []),
        ("since=2020-01-01T00:00:00Z", ["createApp", "createMessage", "createCampaign"]),
    ):
        assert [line["operation"] for line in await boss.everything(f"{AUDIT}?{query}", 1)] == expected, query


async def test_an_operator_reads_the_trail_of_their_application(operator: AdminClient, boss: AdminClient) -> None:
    await leave(boss, ("v1", "createCampaign", 1, boss.android.id), ("v1", "deleteCampaign", 1, boss.apps["ios"].id))
    lines = await operator.everything(operator.path("audit"), 1)
    assert [line["operation"] for line in lines] == ["createCampaign"]


async def test_pages_follow_each_other_while_lines_are_added(boss: AdminClient) -> None:
    """What comes meanwhile stands before the first page and moves nothing."""
    await leave(boss, *(("v1", f"op{n}", None, None) for n in range(5)))
    first = (await boss.get(f"{AUDIT}?limit=2")).ok()
    await leave(boss, ("v1", "later", None, None))
    second = (await boss.get(first["links"]["next"])).ok()
    assert [line["operation"] for line in first["data"] + second["data"]] == ["op4", "op3", "op2", "op1"]


async def test_a_wrong_filter_is_named(boss: AdminClient) -> None:
    for query, code in (
        ("since=yesterday", "invalid_parameter"),
        ("personId=0", "invalid_parameter"),
        ("personId=9223372036854775808", "invalid_parameter"),
        ("limit=0", "invalid_parameter"),
        ("limit=201", "invalid_parameter"),
        ("limit=1&limit=2", "invalid_parameter"),
        ("surface=", "invalid_parameter"),
        ("surface=%00", "invalid_parameter"),
        ("after=", "invalid_parameter"),
        ("after=x", "invalid_parameter"),
        ("after=MA", "invalid_parameter"),
        ("after=OTIyMzM3MjAzNjg1NDc3NTgwOA", "invalid_parameter"),
        ("after=w7nDqQ", "invalid_parameter"),
        ("after=%F0%9F%98%83", "invalid_parameter"),
        ("page=2", "unknown_parameter"),
    ):
        answer = await boss.get(f"{AUDIT}?{query}")
        assert answer.problem == (400, code), query
        assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]
