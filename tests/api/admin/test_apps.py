"""Applications, gateways, device columns."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clarion.apps import service as apps
from clarion.content.model import Content
from clarion.content.render import platforms
from tests.api.admin.client import APPS, AdminClient
from tests.support import pem


async def test_a_new_application_comes_with_the_key_of_its_sdk(boss: AdminClient) -> None:
    draft = {"partnerId": "shop-web", "platform": "web", "name": "The Shop", "clickAddress": "https://shop.example/x"}
    answer = await boss.post(APPS, draft)
    made = answer.ok(201)
    assert made["app"] == draft
    assert answer.headers["location"] == f"https://push.example{APPS}/shop-web"
    async with boss.database.connection() as conn:
        app = await apps.get_app(conn, "shop-web")
        assert await apps.check_private_key(conn, boss.sealer, app, made["privateKey"])
    assert (await boss.get(f"{APPS}/shop-web")).ok() == draft
    assert (await boss.post(APPS, draft)).problem == (409, "duplicate_value")


@pytest.mark.parametrize(
    ("draft", "findings"),
    [
        ({"partnerId": "no spaces"}, [("#/partnerId", "invalid_format")]),
        ({"platform": "symbian"}, [("#/platform", "invalid_value")]),
        ({"name": "a\nb"}, [("#/name", "invalid_format")]),
        ({"name": ""}, [("#/name", "too_short")]),
        ({"clickAddress": "javascript:alert(1)"}, [("#/clickAddress", "invalid_format")]),
        ({"clickAddress": "https://"}, [("#/clickAddress", "invalid_value")]),
        ({"clickAddress": 5}, [("#/clickAddress", "invalid_type")]),
        ({"privateKey": "mine"}, [("#/privateKey", "unknown_field")]),
    ],
)
async def test_what_is_wrong_with_a_draft_is_told(
    boss: AdminClient, draft: Any, findings: list[tuple[str, str]]
) -> None:
    answer = await boss.post(APPS, {"partnerId": "new", "platform": "web", "name": "New", **draft})
    assert answer.findings == findings
    assert len((await boss.get(APPS)).ok()["data"]) == 3


async def test_everybody_sees_their_applications_page_by_page(boss: AdminClient, viewer: AdminClient) -> None:
    for n in range(4):
        (await boss.post(APPS, {"partnerId": f"x{n}", "platform": "web", "name": "X"})).ok(201)
    own = ["demo-android", "demo-ios", "demo-web"]
    assert [app["partnerId"] for app in await boss.everything(APPS, 2)] == [*own, "x0", "x1", "x2", "x3"]
    assert [app["partnerId"] for app in await viewer.everything(APPS, 2)] == own
    assert [app["partnerId"] for app in await viewer.everything(APPS, 200)] == own


async def test_an_operator_names_an_application_and_its_click_address(operator: AdminClient) -> None:
    web = operator.apps["web"]
    update = {"name": "Boutique", "clickAddress": "https://boutique.example/?from=push"}
    shown = (await operator.put(operator.path(app=web), update)).ok()
    assert shown == {"partnerId": "demo-web", "platform": "web", **update}
    async with operator.database.connection() as conn:
        app = await apps.get_app(conn, "demo-web")
    assert platforms.web(app, Content(text="x"), 1)["onClick"] == {"url": "https://boutique.example/?from=push"}
    assert (await operator.put(operator.path(app=web), {"name": "Boutique"})).ok()["clickAddress"] is None


async def test_credentials_go_in_and_never_come_out(boss: AdminClient, viewer: AdminClient) -> None:
    web = boss.apps["web"]
    path = boss.path("gateway", web)
    assert (await viewer.get(path)).ok() == {"kind": "webpush", "configured": False}
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    secret = key.splitlines()[1]
    answer = await boss.put(path, {"credentials": {"private_key": key, "subject": "mailto:push@shop.example"}})
    shown = answer.ok()
    assert (shown["configured"], shown["endpoint"], shown["ownAuthority"], shown["revision"]) == (True, None, False, 1)
    seen = await viewer.get(path)
    assert seen.ok() == shown
    assert secret not in str(answer.body) + str(seen.body)
    (await boss.put(path, {"credentials": {"private_key": key, "subject": "mailto:push@shop.example"}})).ok()
    assert (await viewer.get(path)).ok()["revision"] == 2


async def test_broken_credentials_are_refused_without_quoting_them(boss: AdminClient) -> None:
    path = boss.path("gateway", boss.apps["web"])
    for credentials in ({}, {"private_key": "s3cr3t-key", "subject": "mailto:a@b.example"}, {"private_key": 5}):
        answer = await boss.put(path, {"credentials": credentials})
        assert answer.findings == [("#/credentials", "invalid_value")]
        assert "s3cr3t" not in str(answer.body)
    assert (await boss.put(path, {"credentials": {}, "endpoint": "https://10.0.0.1"})).findings == [
        ("#/endpoint", "unknown_field")
    ]
    assert (await boss.get(path)).ok()["configured"] is False


async def test_columns_are_added_listed_and_removed(operator: AdminClient, viewer: AdminClient) -> None:
    path = operator.path("columns")
    points = {"name": "points", "type": "integer", "indexed": False, "standard": False, "writable": True}
    assert (await operator.post(path, {"name": "points", "type": "integer"})).ok(201) == points
    assert (await operator.post(path, {"name": "Points", "type": "text"})).problem == (409, "duplicate_value")
    assert (await operator.post(path, {"name": "token", "type": "text"})).findings == [("#/name", "invalid_value")]
    listed = await viewer.everything(path, 7)
    assert points in listed
    names = [column["name"] for column in listed]
    assert names == sorted(names)
    udid = next(column for column in listed if column["name"] == "UDID")
    assert udid == {"name": "UDID", "type": "text", "indexed": True, "standard": True, "writable": False}
    (await operator.delete(f"{path}/POINTS")).ok(204)
    assert points not in await viewer.everything(path, 200)
    for name in ("points", "language", "%00", "%ff"):
        assert (await operator.delete(f"{path}/{name}")).problem == (404, "not_found"), name


async def test_a_column_that_a_segment_looks_at_stays(operator: AdminClient) -> None:
    (await operator.post(operator.path("columns"), {"name": "points", "type": "integer"})).ok(201)
    where = {"any": [{"not": {"column": "POINTS", "op": "gt", "value": 3}}, {"column": "language", "op": "set"}]}
    segment = (await operator.post(operator.path("segments"), {"name": "Rich", "where": where})).ok(201)
    answer = await operator.delete(operator.path("columns/points"))
    assert answer.problem == (409, "resource_in_use")
    assert f"{segment['id']} (Rich)" in answer.json["detail"]
    (await operator.delete(operator.path(f"segments/{segment['id']}"))).ok(204)
    (await operator.delete(operator.path("columns/points"))).ok(204)
