"""Registration: who a device is allowed to be (v1 rule 70), and the secret it proves itself with afterwards."""

import asyncio
import re

import pytest

from clarion.apps.model import App, Scheme
from clarion.db import retry
from clarion.db.pool import Database
from clarion.devices import service
from clarion.devices.model import TOKEN, DeviceRecord, Registered, Registration, WebKeys, device_id
from tests.devices.conftest import column


async def register(database: Database, app: App, wanted: Registration) -> Registered:
    [made] = await retry.transact(database, lambda conn: service.register(conn, app, [wanted]))
    return made


async def authenticated(database: Database, app: App, secret: str) -> int | None:
    async with database.connection() as conn:
        [proven] = await service.authenticate(conn, app.id, [secret])
    return None if proven is None else proven.id


async def token_of(database: Database, app: App, scheme: Scheme, udid: str) -> object:
    async with database.connection() as conn:
        found = await service.find_first(conn, app.id, scheme, {"UDID": udid})
    return found and found["token"]


async def test_a_first_contact_gets_a_udid_and_a_secret_of_its_own(
    database: Database, app: App, scheme: Scheme
) -> None:
    one = await register(database, app, Registration(token="t", fields={column(scheme, "language"): "fr"}))
    assert one.created
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", one.udid)
    assert one.device_id == device_id(app.id, one.udid)
    assert await authenticated(database, app, one.secret) == one.device_id
    async with database.connection() as conn:
        found = await service.find_first(conn, app.id, scheme, {"token": "t"})
    assert found is not None
    assert (found["UDID"], found["language"]) == (one.udid, "fr")


async def test_v1_rule_70_a_known_token_is_answered_with_the_udid_on_record(database: Database, app: App) -> None:
    one = await register(database, app, Registration(token="t"))
    for udid in (None, "unknown", one.udid):
        again = await register(database, app, Registration(udid, token="t"))
        assert (again.udid, again.created) == (one.udid, False)
        assert again.secret != one.secret, "the push token proves the device, which forgot its secret"
        assert await authenticated(database, app, one.secret) is None
        assert await authenticated(database, app, again.secret) == one.device_id


async def test_a_device_that_presents_its_secret_keeps_it_and_may_bring_a_new_token(
    database: Database, app: App, scheme: Scheme
) -> None:
    """v1 rule 70: a known UDID with a new token updates the token. A lost answer locks nobody out."""
    one = await register(database, app, Registration(token="t1"))
    again = await register(database, app, Registration(one.udid, one.secret, "t2"))
    assert (again.udid, again.secret, again.created) == (one.udid, one.secret, False)
    assert await token_of(database, app, scheme, one.udid) == "t2"


async def test_a_known_udid_without_proof_takes_over_nobody(database: Database, app: App, scheme: Scheme) -> None:
    """The application's key is public: who knows a UDID and no more becomes another device."""
    one = await register(database, app, Registration(token="t1"))
    for secret in (None, "", "wrong", one.secret[:-1] + "?"):
        thief = await register(database, app, Registration(one.udid, secret, "thief"))
        assert thief.udid != one.udid
    assert await token_of(database, app, scheme, one.udid) == "t1"
    assert await authenticated(database, app, one.secret) == one.device_id


async def test_an_imported_profile_goes_by_its_udid_once(database: Database, app: App, scheme: Scheme) -> None:
    await retry.transact(
        database, lambda conn: service.upsert(conn, app, [DeviceRecord("OLD", {column(scheme, "clientId"): "C-1"})])
    )
    first = await register(database, app, Registration("OLD", token="t"))
    assert (first.udid, first.created) == ("OLD", False)
    assert await token_of(database, app, scheme, "OLD") == "t"
    assert (await register(database, app, Registration("OLD", token="thief"))).udid != "OLD"


async def test_an_unknown_udid_is_not_taken_over_from_the_device(database: Database, app: App) -> None:
    """UDIDs are made by the server: nobody can occupy one that a later import brings."""
    for chosen in ("CHOSEN", "a\x00b", "\ud800", ""):
        one = await register(database, app, Registration(chosen, secret="\ud800"))
        assert one.created
        assert one.udid != chosen


async def test_a_proven_udid_wins_over_the_holder_of_its_token(database: Database, app: App, scheme: Scheme) -> None:
    """v1 rule 70: the token moves to the written profile, the old one has none."""
    one = await register(database, app, Registration(token="t1"))
    other = await register(database, app, Registration(token="t2"))
    again = await register(database, app, Registration(one.udid, one.secret, "t2"))
    assert again.udid == one.udid
    assert await token_of(database, app, scheme, one.udid) == "t2"
    assert await token_of(database, app, scheme, other.udid) is None


async def test_a_registration_that_is_repeated_at_once_makes_one_device(database: Database, app: App) -> None:
    made = await asyncio.gather(*(register(database, app, Registration(token="t")) for _ in range(6)))
    assert len({one.udid for one in made}) == 1
    assert sum(one.created for one in made) == 1


async def test_without_a_token_every_first_contact_is_a_device(database: Database, app: App) -> None:
    one, other = [await register(database, app, Registration()) for _ in range(2)]
    assert one.udid != other.udid


async def test_the_keys_of_a_subscription_are_kept_with_its_token(database: Database, web_app: App) -> None:
    keys = WebKeys(b"\x04" + bytes(64), bytes(16))
    one = await register(database, web_app, Registration(token="https://push.example/1", keys=keys))
    async with database.connection() as conn:
        [row] = await service.for_sending(conn, web_app.id, [one.device_id], [])
    assert (row.token, row.p256dh, row.auth) == ("https://push.example/1", keys.p256dh, keys.auth)


@pytest.mark.parametrize("secret", ["", ".", "x", "zz", "0" * 16, "0" * 16 + ".x", "F" * 16 + ".x", "\ud800.x", "é.x"])
async def test_what_is_no_secret_is_nobodys(database: Database, app: App, secret: str) -> None:
    await register(database, app, Registration(token="t"))
    assert await authenticated(database, app, secret) is None


async def test_a_secret_counts_in_its_own_application_only(database: Database, app: App, web_app: App) -> None:
    one = await register(database, app, Registration(token="t"))
    assert await authenticated(database, web_app, one.secret) is None


async def test_a_device_without_a_secret_cannot_be_authenticated(database: Database, app: App) -> None:
    await retry.transact(database, lambda conn: service.upsert(conn, app, [DeviceRecord("A", {TOKEN: "t"})]))
    number = device_id(app.id, "A") & (2**64 - 1)
    assert await authenticated(database, app, f"{number:016x}.") is None


async def test_registrations_of_one_batch_find_what_the_earlier_ones_left(database: Database, app: App) -> None:
    """As if they came one after the other: the same token, a UDID with the secret that one of them replaces."""
    one = await register(database, app, Registration(token="t"))
    batch = [
        Registration(token="t"),
        Registration(one.udid, one.secret),
        Registration(token="new"),
        Registration(token="new"),
        Registration(),
    ]
    async with database.transaction() as conn:
        by_token, without_proof, first, second, alone = await service.register(conn, app, batch)
    assert (by_token.udid, by_token.created) == (one.udid, False)
    assert without_proof.created, "its secret had been replaced by then"
    assert without_proof.udid != one.udid
    assert (first.created, second.created) == (True, False)
    assert first.udid == second.udid
    assert alone.created
    assert await authenticated(database, app, one.secret) is None
    assert await authenticated(database, app, first.secret) is None
    for last in (by_token, without_proof, second, alone):
        assert await authenticated(database, app, last.secret) == last.device_id


async def test_a_batch_of_registrations_gives_as_many_identities(database: Database, app: App, scheme: Scheme) -> None:
    language = column(scheme, "language")
    batch = [
        Registration(token=f"t{n}" if n % 3 else None, fields={language: "fr"} if n % 2 else {}) for n in range(40)
    ]
    async with database.transaction() as conn:
        made = await service.register(conn, app, batch)
        again = await service.register(conn, app, [Registration(each.udid, each.secret) for each in made])
        proven = await service.authenticate(conn, app.id, [each.secret for each in made])
    assert len({each.udid for each in made}) == len(made)
    assert [(each.udid, each.secret) for each in again] == [(each.udid, each.secret) for each in made]
    assert [each and each.udid for each in proven] == [each.udid for each in made]


async def test_secrets_that_are_nobodys_open_nothing_beside_those_that_do(database: Database, app: App) -> None:
    one, two = [await register(database, app, Registration(token=token)) for token in ("t1", "t2")]
    swapped = two.secret.partition(".")[0] + "." + one.secret.partition(".")[2]
    presented = [one.secret, swapped, "", "x.y", "0" * 16 + ".z", one.secret + "é", two.secret]
    async with database.connection() as conn:
        proven = await service.authenticate(conn, app.id, presented)
    assert [each and each.id for each in proven] == [one.device_id, *[None] * 5, two.device_id]
