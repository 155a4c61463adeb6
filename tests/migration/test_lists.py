"""Files of static lists: which list they are, and who is put on it."""

from datetime import UTC, datetime

import pytest

from clarion.apps.model import Platform
from clarion.audience.lists import service as lists
from clarion.audience.lists.model import Member, StaticList
from clarion.base.errors import Conflict, Invalid
from clarion.db.pool import Database
from clarion.migration.model import Choices, FileKind, ListTaken
from tests.migration.conftest import Move, moved

DEVICES = ("UDID;token;clientId", "A;ta;C1", "B;tb;C2", "C;tc;C2")


async def listed(move: Move) -> list[StaticList]:
    async with move.database.connection() as conn:
        return await lists.list_lists(conn, move.app.id, 99, 0)


async def members(move: Move, list_id: int) -> dict[str, Member]:
    async with move.database.connection() as conn:
        return {each.udid: each for each in await lists.members_of(conn, move.app.id, list_id, 99, 0)}


async def with_devices(move: Move) -> None:
    file = move.file("exportDevices_1_20150131.csv", *DEVICES)
    await move.bring(file, choices=Choices(create_columns=True))
    file.unlink()


async def test_members_come_with_expiry_and_values(move: Move) -> None:
    """v1 rules 76 and 78. A zero date is no expiry."""
    await with_devices(move)
    move.file(
        "vips_20150131.csv",
        "UDID;expiration;nick;shop",
        "A;2099-01-02 03:04:05;Ana;12",
        "B;0000-00-00 00:00:00;;7",
        "X;;;",
        "C;never;;",
    )
    [report] = (await move.bring()).files
    assert (report.read, report.updated, report.unknown, report.rejected) == (4, 2, 1, 1)
    assert report.taken is not None
    assert report.taken.created
    assert [(each.name, each.external_id) for each in await listed(move)] == [("vips", None)]
    assert await members(move, report.taken.id or 0) == {
        "A": Member("A", datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC), {"nick": "Ana", "shop": "12"}),
        "B": Member("B", None, {"shop": "7"}),
    }
    assert "lists.create vips" in move.noted


async def test_a_list_is_named_by_number_external_id_or_name(move: Move) -> None:
    """v1 rule 73: integrators go on with the numbers and external ids they know."""
    await with_devices(move)
    file = move.file("vips.csv", "UDID", "A")
    for given in ("4711", "ext:loyal", "Loyal buyers"):
        for again in (False, True):
            [report] = (await move.bring(file, choices=Choices(list_name=given))).files
            assert report.taken is not None
            assert report.taken.created is not again
    found = {(each.name, each.external_id) for each in await listed(move)}
    assert found == {("vips", None), ("loyal", "loyal"), ("Loyal buyers", None)}
    assert 4711 in {each.id for each in await listed(move)}


async def test_a_list_that_is_there_is_filled(move: Move) -> None:
    await with_devices(move)
    async with move.database.transaction() as conn:
        made = await lists.create_list(conn, move.app.id, "Loyal", "loyal", 12)
    file = move.file("any.csv", "UDID", "A")
    for given in ("12", "ext:loyal", "Loyal"):
        [report] = (await move.bring(file, choices=Choices(list_name=given))).files
        assert report.taken == ListTaken(made.id, "Loyal", "loyal", created=False)
    assert set(await members(move, 12)) == {"A"}


async def test_two_lists_of_one_name_must_be_told_apart(move: Move) -> None:
    async with move.database.transaction() as conn:
        for _ in range(2):
            await lists.create_list(conn, move.app.id, "vips")
    move.file("vips.csv", "UDID", "A")
    with pytest.raises(Conflict, match="--list"):
        await move.bring()


async def test_devices_are_named_by_an_indexed_column(move: Move) -> None:
    """v1 rule 74: all devices that have the value."""
    await with_devices(move)
    file = move.file("vips.csv", "clientId;nick", "C2;x", "C9;y")
    [report] = (await move.bring(file)).files
    assert (report.updated, report.unknown) == (1, 1)
    assert report.taken is not None
    assert set(await members(move, report.taken.id or 0)) == {"B", "C"}


async def test_columns_of_a_list_may_be_renamed_or_left_out(move: Move) -> None:
    await with_devices(move)
    file = move.file("vips.csv", "client;nick;secret", "C1;Ana;1")
    choices = Choices(renames={"client": "clientId"}, skip=frozenset({"secret"}))
    [report] = (await move.bring(file, choices=choices, kind=FileKind.LIST)).files
    assert report.left_out == ["secret"]
    assert report.taken is not None
    assert (await members(move, report.taken.id or 0))["A"].data == {"nick": "Ana"}


async def test_loading_again_changes_nothing(move: Move) -> None:
    await with_devices(move)
    move.file("vips_20150131.csv", "UDID;nick", "A;Ana", "B;Bo")
    await move.bring()
    before = await move.everything()
    await move.bring()
    (move.folder / "vips_20150131.csv").rename(move.folder / "vips_20150201.csv")
    [report] = (await move.bring()).files
    assert report.taken is not None
    assert not report.taken.created
    assert await move.everything() == before


async def test_a_dry_run_makes_no_list_and_counts_by_the_base_as_it_is(move: Move) -> None:
    await with_devices(move)
    move.file("exportDevices_1_20150201.csv", "UDID;token;card", "D;td;77")
    move.file("vips.csv", "UDID;nick", "A;Ana", "D;Di", ";x")
    before = await move.everything()
    brought = await move.bring(dry_run=True, choices=Choices(list_name="4711"))
    assert await move.everything() == before
    report = brought.files[1]
    assert report.taken == ListTaken(4711, "vips", None, created=True)
    assert (report.read, report.updated, report.unknown, report.rejected) == (3, 1, 2, 0)
    assert any("count as unknown" in remark for remark in brought.remarks)


async def test_a_bad_header_refuses_before_anything_is_written(move: Move) -> None:
    move.file("exportDevices_1_20150201.csv", "UDID;token", "D;td")
    file = move.file("vips.csv", "UDID;" + ";".join(f"v{n}" for n in range(11)), "D;" + ";" * 10)
    with pytest.raises(Invalid, match=r"vips\.csv: A list takes 10"):
        await move.bring()
    assert await move.shown() == {}
    assert await listed(move) == []
    await move.bring(file, choices=Choices(skip=frozenset({"v3"})))


async def test_lists_of_two_applications_do_not_meet(move: Move, database: Database) -> None:
    """v1 rule 27."""
    other = await moved(database, move.folder, Platform.ANDROID)
    await with_devices(move)
    move.file("vips.csv", "UDID", "A")
    await move.bring()
    [report] = (await other.bring()).files
    assert (report.updated, report.unknown) == (0, 1)
    assert [len(await listed(each)) for each in (move, other)] == [1, 1]
