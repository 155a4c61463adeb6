"""Finding devices, and what senders and reports read of them."""

from datetime import UTC, datetime

import pytest

from clarion.apps.model import App, Scheme
from clarion.base.errors import Invalid, NotFound
from clarion.db import retry
from clarion.db.pool import Database
from clarion.devices import service
from clarion.devices.model import TOKEN, DeviceRecord, SendRow, device_id
from tests.devices.conftest import column


async def fill(database: Database, app: App, scheme: Scheme) -> None:
    client, language, birthday = (column(scheme, name) for name in ("clientId", "language", "birthday"))
    optin = column(scheme, "system_optin_notifs")
    day = datetime(1990, 5, 1, tzinfo=UTC)
    records = [
        DeviceRecord("A", {TOKEN: "tA", client: "C-1", language: "fr", birthday: day}),
        DeviceRecord("B", {TOKEN: "tB", client: "C-1", optin: False}),
        DeviceRecord("C", {client: "C-2"}),
    ]
    await retry.transact(database, lambda conn: service.upsert(conn, app, records))


async def found(database: Database, app: App, scheme: Scheme, **filters: str) -> object:
    async with database.connection() as conn:
        device = await service.find_first(conn, app.id, scheme, filters)
    return device and device["UDID"]


async def test_v1_rule_66_the_first_device_that_matches_all_filters(
    database: Database, app: App, scheme: Scheme
) -> None:
    await fill(database, app, scheme)
    first = min("AB", key=lambda udid: device_id(app.id, udid))
    assert await found(database, app, scheme, clientid="C-1") == first
    assert await found(database, app, scheme, CLIENTID="C-1", token="tB") == "B"
    assert await found(database, app, scheme, deviceId="A") == "A"
    assert await found(database, app, scheme, id=str(device_id(app.id, "C"))) == "C"
    assert await found(database, app, scheme, UDID="A", token="tB") is None
    assert await found(database, app, scheme, UDID="a") is None, "values are compared with case"


@pytest.mark.parametrize("name", ["token", "clientId", "UDID", "id"])
@pytest.mark.parametrize("given", ["", "-"])
async def test_a_filter_on_nothing_matches_nobody(
    database: Database, app: App, scheme: Scheme, name: str, given: str
) -> None:
    await fill(database, app, scheme)
    if (name, given) == ("id", "-"):
        with pytest.raises(Invalid):
            await found(database, app, scheme, id="-")
    else:
        assert await found(database, app, scheme, **{name: given}) is None


async def test_v1_rule_66_all_that_is_wrong_with_filters_at_once(database: Database, app: App, scheme: Scheme) -> None:
    async with database.connection() as conn:
        with pytest.raises(Invalid) as refused:
            await service.find_first(conn, app.id, scheme, {})
        assert [finding.code for finding in refused.value.findings] == ["no_filter"]
        wrong = {"language": "fr", "nothing": "x", "score": "many", "token": "a\x00", "UDID": "A"}
        with pytest.raises(Invalid) as refused:
            await service.find_first(conn, app.id, scheme, wrong)
    codes = [finding.code for finding in refused.value.findings]
    assert codes == ["not_indexed", "not_indexed", "wrong_value", "wrong_value"]


async def test_a_device_shows_dates_and_switches_in_their_wire_form(
    database: Database, app: App, scheme: Scheme
) -> None:
    await fill(database, app, scheme)
    async with database.connection() as conn:
        columns = [column(scheme, name) for name in ("birthday", "system_optin_notifs", "language")]
        ids = [device_id(app.id, udid) for udid in ("A", "B", "gone")]
        shown = await service.columns_of(conn, app.id, ids, columns)
        assert shown == {
            ids[0]: {"birthday": "1990-05-01 00:00:00", "system_optin_notifs": "Y", "language": "fr"},
            ids[1]: {"birthday": None, "system_optin_notifs": "N", "language": None},
        }
        assert await service.udids_of(conn, app.id, ids) == {ids[0]: "A", ids[1]: "B"}
        assert await service.udids_of(conn, app.id, []) == {}


async def test_a_sender_reads_its_devices_in_one_query_by_ascending_id(
    database: Database, app: App, scheme: Scheme
) -> None:
    await fill(database, app, scheme)
    ids = [device_id(app.id, udid) for udid in ("C", "B", "A", "gone")]
    async with database.connection() as conn:
        rows = await service.for_sending(conn, app.id, ids, [column(scheme, "clientId"), column(scheme, "birthday")])
        bare = await service.for_sending(conn, app.id, ids, [])
    assert [row.id for row in rows] == sorted(ids[:3]) == [row.id for row in bare]
    by_udid = {udid: row for udid, number in zip("CBA", ids, strict=False) for row in rows if row.id == number}
    birthday = datetime(1990, 5, 1, tzinfo=UTC)
    assert by_udid["A"] == SendRow(ids[2], "tA", None, None, "fr", True, 0, ("C-1", birthday))
    assert (by_udid["B"].opted_in, by_udid["B"].values) == (False, ("C-1", None))
    assert by_udid["C"].token is None


async def test_v1_rule_67_all_that_is_wrong_with_an_update_at_once(
    database: Database, app: App, scheme: Scheme
) -> None:
    await fill(database, app, scheme)
    wrong = {"id": 1, "udid": "X", "nothing/~": 1, "score": "many", "Language": "fr", "language": "de", "model": 5}
    async with database.transaction() as conn:
        with pytest.raises(Invalid) as refused:
            await service.update_one(conn, app, scheme, "nobody", wrong)
        codes = [(finding.pointer, finding.code) for finding in refused.value.findings]
        assert codes == [
            ("/id", "read_only"),
            ("/udid", "read_only"),
            ("/nothing~1~0", "unknown_column"),
            ("/score", "wrong_value"),
            ("/language", "repeated"),
            ("/model", "wrong_value"),
            ("", "unknown_device"),
        ]
        with pytest.raises(Invalid) as refused:
            await service.update_one(conn, app, scheme, "A", {"a\x00\ud800" + "b" * 200: 1})
        assert refused.value.findings[0].pointer == "/a\ufffd?" + "b" * 97
        for udid in ("nobody", "a\x00", "\ud800", "x" * 300):
            with pytest.raises(NotFound):
                await service.update_one(conn, app, scheme, udid, {"language": "fr"})
        assert await service.update_one(conn, app, scheme, "A", {"LANGUAGE": "de", "token": "-"})
        assert not await service.update_one(conn, app, scheme, "A", {})
    assert await found(database, app, scheme, token="tA") is None
