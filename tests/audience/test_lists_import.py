"""Files of list members: every line is accounted for (v1 rules 74, 76, 78)."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest

from clarion.audience.lists import sizes
from clarion.audience.lists.importing import import_members
from clarion.audience.lists.model import ListImport
from clarion.base import clock
from clarion.base.errors import Invalid, NotFound
from clarion.db.pool import Database
from clarion.devices.model import TransferProgress
from tests.audience.listing import Listing, udids

LATER = (clock.now() + timedelta(days=30)).replace(microsecond=0)


class Loading:
    """One list of one application, and files for it."""

    def __init__(self, listing: Listing, list_id: int, folder: Path) -> None:
        self.listing = listing
        self.list_id = list_id
        self.file = folder / "members.csv"
        self.rejects = folder / "rejects.csv"
        self.progress: list[TransferProgress] = []

    async def load(self, text: str | bytes, by: str | None = None, *, dry_run: bool = False) -> ListImport:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return await import_members(
            self.listing.database,
            self.listing.app,
            self.list_id,
            self.file,
            rejects=self.rejects,
            progress=self.progress.append,
            by=by,
            dry_run=dry_run,
        )

    async def refused(self, header: str, by: str | None = None) -> list[str]:
        """What is wrong with a header; nothing may be written."""
        with pytest.raises(Invalid) as refused:
            await self.load(f"{header}\nd1;x;y\n", by)
        assert await self.listing.members(self.list_id) == set()
        return [finding.code for finding in refused.value.findings]

    def rejected(self) -> list[tuple[str, str]]:
        """Line and reason of every rejected line."""
        with self.rejects.open(newline="") as file:
            return [(line, reason) for line, reason, _ in list(csv.reader(file, delimiter=";"))[1:]]


@pytest.fixture
async def loading(database: Database, tmp_path: Path) -> Loading:
    listing = await Listing.begin(database)
    await listing.add_devices(20)
    return Loading(listing, await listing.new_list(), tmp_path)


async def test_v1_rule_78_a_file_holds_devices_expiry_and_personalisation_values(loading: Loading) -> None:
    text = f"""deviceId;EXPIREAT;gift;a4p_size\r
d1;{LATER.isoformat()};"mug; blue";L\r
d2;;"say ""hi""\u00e9";\r
d3;"Dec 31, 2131";;\r
"""
    assert await loading.load(text) == ListImport(read=3, written=3, unknown=0, rejected=0)
    found = await loading.listing.rows(loading.list_id)
    assert found["d1"].expires_at == LATER
    assert found["d1"].data == {"gift": "mug; blue", "size": "L"}
    assert found["d2"].data == {"gift": 'say "hi"\u00e9'}
    assert (found["d2"].expires_at, found["d3"].data) == (None, {})
    assert str(found["d3"].expires_at) == "2131-12-31 00:00:00+00:00"
    assert not loading.rejects.exists()
    assert await loading.listing.counts_are_right(loading.list_id)


@pytest.mark.parametrize(
    "text", ["clientId,x\nc4,1\nc5,2\nnobody,3\n", "Score;x\n4;1\n05;2\n77;3\n", "token\nt4\nt5\n-\n"]
)
async def test_v1_rule_74_devices_are_named_by_any_indexed_column(loading: Loading, text: str) -> None:
    result = await loading.load(text)
    assert (result.written, result.unknown, result.rejected) == (2, 1, 0)
    assert await loading.listing.members(loading.list_id) == udids(4, 5)


async def test_lines_that_do_not_fit_are_told_with_number_and_reason(loading: Loading) -> None:
    lines = [
        b"UDID;expireAt;gift",
        b"d1;;mug",
        b"d2;tomorrow;mug",
        b"d3;;" + b"x" * 256,
        b"d4;;mug;too many",
        b"d5;1735689600000;mug",
        b"d6;;\xff",
        b"d7;;mug",
        b'd8;;"open',
        b"d9;;a\x00b",
        b"d10;soon;" + b"y" * 300,
    ]
    result = await loading.load(b"\n".join(lines) + b"\n")
    assert result == ListImport(read=10, written=2, unknown=0, rejected=8)
    reasons = dict(loading.rejected())
    assert sorted(reasons, key=int) == ["3", "4", "5", "6", "7", "9", "10", "11"]
    assert "expireAt" in reasons["3"]
    assert "`gift`" in reasons["4"]
    assert "4 values" in reasons["5"]
    assert "expireAt" in reasons["11"]
    assert "`gift`" in reasons["11"]
    assert await loading.listing.members(loading.list_id) == udids(1, 7)
    progress = loading.progress[-1]
    assert (progress.read, progress.rejected, progress.total) == (10, 8, 10)


async def test_later_lines_win_and_who_has_expired_leaves(loading: Loading) -> None:
    await loading.load("UDID;gift\nd1;mug\nd2;mug\n")
    text = "UDID;expireAt\nd1;2131-01-01\nd2;2001-01-01\nd3;2001-01-01\nd3;2131-01-01\nd1;\n"
    assert await loading.load(text) == ListImport(read=5, written=5, unknown=0, rejected=0)
    found = await loading.listing.rows(loading.list_id)
    assert set(found) == udids(1, 3)
    assert (found["d1"].expires_at, found["d1"].data) == (None, {"gift": "mug"})
    assert await loading.listing.counts_are_right(loading.list_id)


async def test_a_dry_run_tells_the_same_and_changes_nothing(loading: Loading) -> None:
    text = "UDID;expireAt\nd1;\nd2;soon\nnobody;\nnobody;\n"
    dry = await loading.load(text, dry_run=True)
    assert dry == ListImport(read=4, written=1, unknown=2, rejected=1)
    assert await loading.listing.members(loading.list_id) == set()
    assert loading.rejected()[0][0] == "3"
    assert await loading.load(text) == dry
    assert await loading.listing.members(loading.list_id) == udids(1)


async def test_a_value_that_names_very_many_devices_is_written_in_ranges(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "MOST_AT_ONCE", 6)
    await loading.listing.add_devices(40, 100, vip=True)
    assert (await loading.load("vip\nY\nY\n")).written == 2
    assert await loading.listing.members(loading.list_id) == udids(*range(100, 140))
    assert await loading.listing.counts_are_right(loading.list_id)


async def test_several_pieces_are_one_file(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clarion.devices.csv_file.PIECE", 7)
    monkeypatch.setattr("clarion.audience.lists.entries.PIECE", 3)
    await loading.listing.add_devices(500)
    lines = "".join(f"d{n};v{n}\n" for n in range(500))
    assert (await loading.load("UDID;gift\n" + lines)).written == 500
    found = await loading.listing.rows(loading.list_id)
    assert {udid: member.data for udid, member in found.items()} == {f"d{n}": {"gift": f"v{n}"} for n in range(500)}
    assert [progress.read for progress in loading.progress][-1] == 500


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("gift;size", ["which"]),
        ("remark;size", ["which"]),
        ("clientId;token;x", ["which"]),
        ("UDID;deviceId;x", ["which"]),
        ("UDID;expireAt;expireat", ["repeated"]),
        ("UDID;gift;a4p_gift", ["repeated"]),
        ("UDID;;x", ["name"]),
        ("UDID;" + ";".join(f"v{n}" for n in range(11)), ["too_many"]),
        ("gift;gift;", ["which", "repeated", "name"]),
    ],
)
async def test_a_header_that_cannot_be_read_loads_nothing(loading: Loading, header: str, codes: list[str]) -> None:
    assert await loading.refused(header) == codes


async def test_the_column_that_names_devices_can_be_said(loading: Loading) -> None:
    text = "clientId;token\nc1;t2\n"
    await loading.load(text, by="TOKEN")
    found = await loading.listing.rows(loading.list_id)
    assert {udid: member.data for udid, member in found.items()} == {"d2": {"clientId": "c1"}}
    for by in ("remark", "score", "colour"):
        with pytest.raises(Invalid, match="indexed column"):
            await loading.load(text, by=by)


async def test_a_file_needs_a_list_and_rejects_of_their_own(loading: Loading) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        await import_members(
            loading.listing.database,
            loading.listing.app,
            loading.list_id,
            loading.file,
            rejects=loading.rejects,
            progress=loading.progress.append,
        )
    loading.rejects = loading.file
    with pytest.raises(Invalid, match="own rejected lines"):
        await loading.load("UDID\nd1\n")
    loading.rejects, loading.list_id = loading.file.with_name("rejects.csv"), 4711
    with pytest.raises(NotFound):
        await loading.load("UDID\nd1\n")
