"""People, their API keys and v1 tokens (v1 rules 12 to 16)."""

from datetime import timedelta

import pytest

from clarion.base import clock, secrets
from clarion.base.errors import ConfigurationError, Conflict, Invalid, NotFound
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.identity import service
from clarion.identity.model import AuditEntry, Role


async def test_v1_rule_12_the_key_is_found_by_the_address_without_case(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        person, api_key = await service.create_person(conn, sealer, " Ops@Shop.example ", Role.OPERATOR)
        holder = await service.key_holder(conn, "oPS@shop.EXAMPLE")
    assert person.email == "Ops@Shop.example"
    assert holder.person == person
    assert service.open_key(sealer, holder) == api_key


async def test_the_key_is_sealed_and_bound_to_its_person(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        first, api_key = await service.create_person(conn, sealer, "a@shop.example", Role.OPERATOR)
        second, _ = await service.create_person(conn, sealer, "b@shop.example", Role.OPERATOR)
        holder = await service.key_holder(conn, "a@shop.example")
    assert api_key.encode() not in holder.sealed_key
    with pytest.raises(ConfigurationError):
        sealer.open(holder.sealed_key, f"api-key:{second.id}".encode())
    assert sealer.open(holder.sealed_key, f"api-key:{first.id}".encode()) == api_key.encode()


async def test_an_address_is_taken_once(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        await service.create_person(conn, sealer, "ops@shop.example", Role.VIEWER)
        with pytest.raises(Conflict):
            await service.create_person(conn, sealer, "OPS@shop.example", Role.VIEWER)


@pytest.mark.parametrize("email", ["", "ops", "ops@", "@shop.example", "a b@shop.example", "a@b@c", "a@.b", "a\x00@b"])
async def test_what_is_no_address_is_refused(database: Database, sealer: Sealer, email: str) -> None:
    async with database.connection() as conn:
        with pytest.raises(Invalid):
            await service.create_person(conn, sealer, email, Role.VIEWER)


async def test_v1_rule_14_tokens_live_24_hours_and_older_ones_keep_working(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        person, _ = await service.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        first, second = await service.issue_token(conn, person), await service.issue_token(conn, person)
        assert first != second
        for token in (first, second):
            found = await service.token_holder(conn, token)
            assert found is not None
            assert found.holder.person == person
            assert timedelta(hours=23, minutes=59) < found.expires_at - clock.now() <= timedelta(hours=24)


async def test_tokens_are_kept_as_digests(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        person, _ = await service.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        token = await service.issue_token(conn, person)
        cursor = await conn.execute("SELECT digest FROM clarion.v1_token")
        assert await cursor.fetchall() == [(secrets.digest(token),)]
        assert await service.token_holder(conn, token + "x") is None


async def test_ended_tokens_are_known_for_a_while_and_then_forgotten(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        person, _ = await service.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        token = await service.issue_token(conn, person)
        clock.shift(timedelta(days=2))
        assert await service.purge_tokens(conn) == 0
        found = await service.token_holder(conn, token)
        assert found is not None
        assert found.expires_at < clock.now()
        clock.shift(timedelta(days=32))
        assert await service.purge_tokens(conn) == 1
        assert await service.token_holder(conn, token) is None


async def test_a_disabled_person_and_a_renewed_key_end_every_token_at_once(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        person, api_key = await service.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        token = await service.issue_token(conn, person)
        renewed = await service.renew_key(conn, sealer, "ops@shop.example")
        assert renewed != api_key
        assert await service.token_holder(conn, token) is None
        token = await service.issue_token(conn, person)
        await service.disable(conn, "ops@shop.example")
        assert await service.token_holder(conn, token) is None
        assert await service.list_people(conn) == []
        with pytest.raises(NotFound):
            await service.key_holder(conn, "ops@shop.example")


async def test_a_role_can_be_changed(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        await service.create_person(conn, sealer, "ops@shop.example", Role.VIEWER)
        await service.set_role(conn, "ops@shop.example", Role.ADMINISTRATOR)
        person = await service.get_person(conn, "ops@shop.example")
    assert person.role is Role.ADMINISTRATOR
    assert person.manages_everything
    assert person.may_write


async def test_somebody_who_was_shut_out_comes_back_with_their_key_and_nothing_else(
    database: Database, sealer: Sealer
) -> None:
    async with database.transaction() as conn:
        person, api_key = await service.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        await service.disable(conn, person.id)
        token = await service.issue_token(conn, person)
        record = await service.get_record(conn, "OPS@shop.example")
        assert record.disabled_at is not None
        with pytest.raises(NotFound):
            await service.renew_key(conn, sealer, person.id)
        await service.enable(conn, person.id)
        assert (await service.get_record(conn, person.id)).disabled_at is None
        assert service.open_key(sealer, await service.key_holder(conn, "ops@shop.example")) == api_key
        assert await service.token_holder(conn, token) is None, "one that was slipped in meanwhile is no way in"
        for who in ("nobody@shop.example", 999):
            with pytest.raises(NotFound):
                await service.enable(conn, who)


async def test_there_is_always_an_administrator(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        first, _ = await service.create_person(conn, sealer, "first@shop.example", Role.ADMINISTRATOR)
        for attempt in (service.disable(conn, first.id), service.set_role(conn, first.id, Role.VIEWER)):
            with pytest.raises(Conflict) as caught:
                await attempt
            assert caught.value.code == "last_administrator"
        await service.set_role(conn, first.id, Role.ADMINISTRATOR)
        second, _ = await service.create_person(conn, sealer, "second@shop.example", Role.ADMINISTRATOR)
        await service.disable(conn, first.id)
        with pytest.raises(Conflict):
            await service.disable(conn, second.id)
        assert [person.disabled_at is None for person in await service.people(conn)] == [False, True]


async def test_the_audit_trail_keeps_what_was_done(database: Database) -> None:
    entry = AuditEntry("v1", "createCampaign", "/v1/me/apps/demo01/campaigns", 200, person_id=4, app_id=None)
    async with database.transaction() as conn:
        await service.record_audit(conn, entry)
        assert await service.last_audit_entries(conn) == [entry]
