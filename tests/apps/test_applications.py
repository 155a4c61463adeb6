"""Applications: made once, found by partner id, managed by those they were granted to, with their secrets sealed."""

import json

import pytest

from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.base.errors import ConfigurationError, Conflict, Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.gateways.webpush.credentials import generate
from clarion.identity import service as identity
from clarion.identity.model import Role

WEBPUSH_SECRET = json.dumps(generate("mailto:ops@shop.example")).encode()


async def test_a_new_application_is_found_by_partner_id_and_has_its_device_table(
    database: Database, sealer: Sealer
) -> None:
    async with database.transaction() as conn:
        app, key = await apps.create_app(conn, sealer, "shop-ios", Platform.IOS, "Shop")
        assert await apps.get_app(conn, "shop-ios") == app == await apps.get_app_by_id(conn, app.id)
        assert await apps.list_apps(conn) == [app]
        assert app.platform is Platform.IOS
        assert await value(conn, "SELECT to_regclass(%s) IS NOT NULL", (f"app_{app.id}.device",))
        assert await apps.check_private_key(conn, sealer, app, key)
        assert not await apps.check_private_key(conn, sealer, app, key + "x")
        assert not await apps.check_private_key(conn, sealer, app, "\ud800")


async def test_the_private_key_is_stored_sealed(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        app, key = await apps.create_app(conn, sealer, "shop-ios", Platform.IOS, "Shop")
        stored = await value(conn, "SELECT private_key FROM clarion.app WHERE id = %s", (app.id,))
    assert key.encode() not in bytes(stored)


async def test_a_partner_id_is_used_once(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        await apps.create_app(conn, sealer, "shop", Platform.IOS, "Shop")
        with pytest.raises(Conflict) as refused:
            await apps.create_app(conn, sealer, "shop", Platform.ANDROID, "Shop")
        assert refused.value.code == "partner_id_taken"
        assert len(await apps.list_apps(conn)) == 1


@pytest.mark.parametrize("partner_id", ["", " ", "a b", "é", "x" * 65, "-a", "a/b", "a\x00"])
async def test_a_malformed_partner_id_is_refused(database: Database, sealer: Sealer, partner_id: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid) as refused:
            await apps.create_app(conn, sealer, partner_id, Platform.WEB, "")
        assert [finding.code for finding in refused.value.findings] == ["partner_id", "name"]


@pytest.mark.parametrize("partner_id", ["nobody", "", "a\x00b"])
async def test_an_unknown_partner_id_is_not_found(database: Database, partner_id: str) -> None:
    async with database.connection() as conn:
        with pytest.raises(NotFound):
            await apps.get_app(conn, partner_id)
        with pytest.raises(NotFound):
            await apps.get_app_by_id(conn, 99)


async def test_v1_rule_12_a_person_manages_the_applications_granted(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        one, _ = await apps.create_app(conn, sealer, "one", Platform.IOS, "One")
        two, _ = await apps.create_app(conn, sealer, "two", Platform.IOS, "Two")
        person, _ = await identity.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        await apps.grant(conn, one.id, person.id)
        await apps.grant(conn, one.id, person.id)
        assert await apps.may_manage(conn, one.id, person.id)
        assert not await apps.may_manage(conn, two.id, person.id)
        await apps.revoke(conn, one.id, person.id)
        assert not await apps.may_manage(conn, one.id, person.id)


async def test_gateway_credentials_are_checked_sealed_and_counted(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, "web", Platform.WEB, "Web")
        assert await apps.gateway_of(conn, sealer, app.id) is None
        with pytest.raises(ConfigurationError):
            await apps.set_gateway(conn, sealer, app, b"{}")
        await apps.set_gateway(conn, sealer, app, WEBPUSH_SECRET)
        first = await apps.gateway_of(conn, sealer, app.id)
        await apps.set_gateway(conn, sealer, app, WEBPUSH_SECRET, "https://127.0.0.1:1", "PEM")
        second = await apps.gateway_of(conn, sealer, app.id)
        assert first is not None
        assert second is not None
        assert (first.kind, first.endpoint, first.revision) == ("webpush", None, 1)
        assert (second.endpoint, second.ca, second.revision) == ("https://127.0.0.1:1", "PEM", 2)
        assert first.secret == second.secret == WEBPUSH_SECRET
        stored = await value(conn, "SELECT secret FROM clarion.gateway_credential WHERE app_id = %s", (app.id,))
        assert WEBPUSH_SECRET not in bytes(stored)
