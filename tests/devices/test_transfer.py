"""CSV files in and out: every line accounted for, import repeatable, and a round trip that loses nothing."""

import asyncio
import csv
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clarion.apps.model import App, Column, ColumnKind, Scheme
from clarion.base.errors import Invalid
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import execute, tuples, value
from clarion.devices import csv_file, service, transfer
from clarion.devices.csv_file import CsvFile
from clarion.devices.model import (
    TOKEN,
    UDID,
    DeviceRecord,
    FileAccount,
    ImportResult,
    TransferProgress,
    Value,
    WebKeys,
    device_id,
)
from tests.devices.conftest import column

KEYS = WebKeys(b"\x04" + bytes(range(64)), bytes(range(16)))


class Folder:
    """A folder of a test: files to import, the rejects of the last import, and what progress said."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = itertools.count()
        self.rejects = path / "rejects.csv"
        self.progress: list[TransferProgress] = []

    def file(self, content: str | bytes) -> Path:
        made = self._path / f"{next(self._numbers)}.csv"
        made.write_bytes(content if isinstance(content, bytes) else content.encode())
        return made

    async def load(self, database: Database, app: App, content: str | bytes) -> ImportResult:
        self.progress = []
        return await transfer.import_csv(
            database, app, self.file(content), rejects=self.rejects, progress=self.progress.append
        )

    def rejected(self) -> list[tuple[int, str, str]]:
        """Line, reason and original of every rejected line."""
        with self.rejects.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file, delimiter=";")
        assert header == ["line", "reason", "original"]
        return [(int(line), reason, original) for line, reason, original in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def devices(database: Database, app: App, scheme: Scheme, *names: str) -> dict[object, tuple[object, ...]]:
    """These columns as the wire shows them, by UDID."""
    async with database.connection() as conn:
        ids = [found for (found,) in await tuples(conn, f"SELECT id FROM app_{app.id}.device")]
        shown = await service.columns_of(conn, app.id, ids, [UDID, *(column(scheme, name) for name in names)])
    return {device["UDID"]: tuple(device[name] for name in names) for device in shown.values()}


@pytest.mark.parametrize(
    "content",
    [
        'UDID;language;score\r\n"A";"fr";"1"\r\n"B";"";""\r\n',
        "udid,LANGUAGE,Score\nA,fr,1\nB,,",
        "\ufeffdeviceId;language;score\nA;fr;1\n\n\r\nB;;\n",
        '"UDID" ; "language";score\nA;fr;1\nB;;\n',
    ],
)
async def test_separators_quotes_line_ends_marks_and_names_without_case(
    database: Database, app: App, scheme: Scheme, folder: Folder, content: str
) -> None:
    """v1 rule 69."""
    assert await folder.load(database, app, content) == ImportResult(read=2, written=2, rejected=0)
    assert await devices(database, app, scheme, "language", "score") == {"A": ("fr", 1), "B": (None, None)}
    assert not folder.rejects.exists()
    assert folder.progress[-1] == TransferProgress(read=2, written=2, rejected=0, total=2)


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("", ["unknown_column", "no_udid"]),
        ("language;score", ["no_udid"]),
        ("UDID;height;shoe", ["unknown_column", "unknown_column"]),
        ("UDID;language;LANGUAGE", ["repeated"]),
        ("UDID;token;p256dh;auth", ["unknown_column", "unknown_column"]),
        ("UDID;", ["unknown_column"]),
    ],
)
async def test_a_header_that_cannot_be_loaded_is_refused_before_anything_is(
    database: Database, app: App, folder: Folder, header: str, codes: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await folder.load(database, app, f"{header}\nA;B;C\n")
    found = [finding.code for finding in refused.value.findings]
    assert found in ([*codes, "known_columns"], ["no_udid", "known_columns"])
    assert "UDID, id, token" in refused.value.message
    assert "clientId" in refused.value.message
    async with database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM app_1.device") == 0


async def test_a_file_that_cannot_be_read_is_refused(database: Database, app: App, folder: Folder) -> None:
    with pytest.raises(Invalid, match="not UTF-8"):
        await folder.load(database, app, "UDID;language\n".encode("utf-16"))
    with pytest.raises(Invalid, match="cannot be read"):
        await transfer.import_csv(
            database, app, folder.rejects / "nothing", rejects=folder.rejects, progress=folder.progress.append
        )
    file = folder.file("UDID\nA\n")
    with pytest.raises(Invalid, match="its own rejected lines"):
        await transfer.import_csv(database, app, file, rejects=file, progress=folder.progress.append)
    assert file.read_text() == "UDID\nA\n"


async def test_bad_lines_are_told_with_number_reason_and_text_and_the_rest_is_loaded(
    database: Database, app: App, scheme: Scheme, folder: Folder
) -> None:
    lines = [
        b"UDID;language;score;birthday;remark",
        b"A;fr;1;2001-02-03;plain",  # 2
        b"B;fr;many;tomorrow;both wrong",  # 3
        b"C;fr;1;2001-02-03",  # 4: too few
        b"D;fr;1;2001-02-03;one;more",  # 5: too many
        b";fr;1;;no UDID",  # 6
        b"E;fr;1;;caf\xe9",  # 7: Latin-1
        b'F;fr;1;;"never closed',  # 8
        b'G;fr;1;;"two',  # 9 and 10
        b'lines"',
        b'H;fr;1;;"odd" end',  # 11
        b'I;fr;1;;5" wide',  # 12: a quote inside plain text is text
        b"J;fr;1;;nul \x00",  # 13
        b"K;fr;9223372036854775808;;too large",  # 14
        b'L;fr;1;;"a ""quoted"" \\ back\tslash"',  # 15
    ]
    result = await folder.load(database, app, b"\r\n".join(lines))
    assert result == ImportResult(read=13, written=4, rejected=9)
    loaded = await devices(database, app, scheme, "remark", "birthday")
    assert loaded == {
        "A": ("plain", "2001-02-03 00:00:00"),
        "G": ("two\r\nlines", None),
        "I": ('5" wide', None),
        "L": ('a "quoted" \\ back\tslash', None),
    }
    told = {line: (reason, original) for line, reason, original in folder.rejected()}
    assert sorted(told) == [3, 4, 5, 6, 7, 8, 11, 13, 14]
    assert "`score`" in told[3][0]
    assert "`birthday`" in told[3][0]
    assert told[3][1] == "B;fr;many;tomorrow;both wrong"
    assert "4 values where the header has 5" in told[4][0]
    assert "6 values" in told[5][0]
    assert "`UDID`" in told[6][0]
    assert told[7] == ("The line is not UTF-8.", r"E;fr;1;;caf\xe9")
    assert "quotes" in told[8][0]
    assert "`remark`" in told[13][0]
    assert "between" in told[14][0]


async def test_of_lines_with_the_same_udid_the_last_good_one_wins(
    database: Database, app: App, scheme: Scheme, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across pieces too, and a later line that is bad does not count."""
    monkeypatch.setattr(csv_file, "PIECE", 2)
    monkeypatch.setattr(transfer, "PIECE", 2)
    monkeypatch.setattr(csv_file, "_LONGEST_RECORD", 2)
    content = "UDID;score\nA;1\nB;1\nA;2\nC;1\nD;1\nB;2\nA;3\nA;many\nC;1;\nE;1\n"
    assert await folder.load(database, app, content) == ImportResult(read=10, written=5, rejected=5)
    assert await devices(database, app, scheme, "score") == {"A": (3,), "B": (2,), "C": (1,), "D": (1,), "E": (1,)}
    assert sorted(line for line, _, _ in folder.rejected()) == [2, 3, 4, 9, 10]
    assert {reason for line, reason, _ in folder.rejected() if line <= 4} == {
        "A later line has the same UDID and was taken instead."
    }


async def test_importing_again_changes_nothing(database: Database, app: App, folder: Folder) -> None:
    content = "UDID;token;score;randomId\nA;t1;1;5\nB;t2;2;\nC;t1;3;7\nD;-;4;\nbad\n"
    first = await folder.load(database, app, content)
    query = "SELECT * FROM app_1.device ORDER BY id"
    async with database.connection() as conn:
        before = await tuples(conn, query)
        assert await folder.load(database, app, content) == first == ImportResult(5, 4, 1)
        assert await tuples(conn, query) == before
        owners = await tuples(conn, "SELECT device_id FROM clarion.push_token WHERE app_id = 1 ORDER BY 1")
    assert sorted(number for (number,) in owners) == sorted(device_id(app.id, udid) for udid in "BC")


async def test_v1_rule_70_an_imported_token_leaves_its_old_profile(
    database: Database, app: App, scheme: Scheme, folder: Folder
) -> None:
    await folder.load(database, app, "UDID;token\nA;t1\nB;t2\n")
    await folder.load(database, app, "UDID;token\nC;t1\nB;\n")
    assert await devices(database, app, scheme, "token") == {"A": (None,), "B": (None,), "C": ("t1",)}


async def test_columns_that_the_file_has_not_stay_as_they_are(
    database: Database, app: App, scheme: Scheme, folder: Folder
) -> None:
    await folder.load(database, app, "UDID;token;language;score\nA;t1;fr;1\n")
    await folder.load(database, app, "UDID;score\nA;2\n")
    await folder.load(database, app, "UDID\nA\nB\n")
    assert await devices(database, app, scheme, "token", "language", "score") == {
        "A": ("t1", "fr", 2),
        "B": (None, None, None),
    }


async def test_a_udid_whose_id_is_taken_is_rejected_with_its_line(database: Database, app: App, folder: Folder) -> None:
    async with database.transaction() as conn:
        await execute(conn, "INSERT INTO app_1.device (id, udid) VALUES (%s, 'another')", (device_id(app.id, "B"),))
    assert await folder.load(database, app, "UDID;token\nA;t1\nB;t2\n") == ImportResult(2, 1, 1)
    assert [(line, original) for line, _, original in folder.rejected()] == [(3, "B;t2")]


async def test_a_web_application_takes_the_keys_of_its_subscriptions(
    database: Database, web_app: App, folder: Folder
) -> None:
    public = "BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
    content = (
        "UDID;token;p256dh;auth\n"
        f"A;https://push.example/1;{public};AAECAwQFBgcICQoLDA0ODw\n"
        f"B;https://push.example/2;{public};short\n"
        "C;https://push.example/3;;\n"
        f"D;;{public};AAECAwQFBgcICQoLDA0ODw\n"
        f"E;https://push.example/4;;AAECAwQFBgcICQoLDA0ODw\n"
    )
    assert await folder.load(database, web_app, content) == ImportResult(5, 3, 2)
    assert [line for line, _, _ in folder.rejected()] == [3, 6]
    async with database.connection() as conn:
        ids = {device_id(web_app.id, udid): udid for udid in "ACD"}
        rows = {ids[row.id]: row for row in await service.for_sending(conn, web_app.id, list(ids), [])}
    assert (rows["A"].p256dh, rows["A"].auth) == (KEYS.p256dh, KEYS.auth)
    assert (rows["C"].token, rows["C"].auth) == ("https://push.example/3", None)
    assert (rows["D"].token, rows["D"].auth) == (None, None)
    with pytest.raises(Invalid, match="must come together"):
        await folder.load(database, web_app, "UDID;p256dh\nA;x\n")


async def test_a_file_without_devices_is_no_error(database: Database, app: App, folder: Folder) -> None:
    assert await folder.load(database, app, "UDID;token\n\n") == ImportResult(0, 0, 0)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
VALUES: dict[ColumnKind, st.SearchStrategy[Value]] = {
    ColumnKind.TEXT: TEXTS | st.sampled_from(['"', ";", "\r\n", "\\N", "a\tb", "\\.", "=1+1", "\u2028", "\x85"]),
    ColumnKind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    ColumnKind.DECIMAL: st.floats(allow_nan=False, allow_infinity=False),
    ColumnKind.DATE: st.datetimes(timezones=st.just(UTC)).map(lambda date: date.replace(microsecond=0)),
    ColumnKind.BOOLEAN: st.booleans(),
}


def _records(scheme: Scheme) -> st.SearchStrategy[list[DeviceRecord]]:
    columns = [found for found in scheme.columns if found.writable and found != TOKEN]
    fields = st.fixed_dictionaries({}, optional={found: st.none() | VALUES[found.kind] for found in columns})
    udids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
    one = st.builds(DeviceRecord, udids, fields)
    return st.lists(one, max_size=6, unique_by=lambda record: record.udid)


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
async def test_what_is_exported_is_imported_again(
    database: Database, app: App, scheme: Scheme, folder: Folder, data: st.DataObject
) -> None:
    records = [
        DeviceRecord(record.udid, {**record.fields, TOKEN: f'token {number} ;"é'})
        for number, record in enumerate(data.draw(_records(scheme)))
    ]
    # Empty text is unset, so it cannot come back as empty text.
    records = [DeviceRecord(r.udid, {k: None if v == "" else v for k, v in r.fields.items()}) for r in records]
    async with database.transaction() as conn:
        await execute(conn, "TRUNCATE app_1.device")
        await execute(conn, "DELETE FROM clarion.push_token WHERE app_id = 1")
    await retry.transact(database, lambda conn: service.upsert(conn, app, records))
    names = ", ".join(f'"{found.sql}"' for found in scheme.columns)
    query = f"SELECT {names} FROM app_1.device ORDER BY id"
    out = folder.file("")
    async with database.connection() as conn:
        before = await tuples(conn, query)
        assert await transfer.export_csv(database, app, out, None, folder.progress.append) == len(records)
        await execute(conn, "TRUNCATE app_1.device")
        await execute(conn, "DELETE FROM clarion.push_token WHERE app_id = 1")
        result = await folder.load(database, app, out.read_bytes())
        assert result == ImportResult(len(records), len(records), 0)
        assert await tuples(conn, query) == before


async def test_an_export_of_a_web_application_holds_the_keys(database: Database, web_app: App, folder: Folder) -> None:
    record = DeviceRecord("A", {TOKEN: "https://push.example/1"}, KEYS)
    await retry.transact(database, lambda conn: service.upsert(conn, web_app, [record, DeviceRecord("B")]))
    out = folder.file("")
    await transfer.export_csv(database, web_app, out, None, folder.progress.append)
    async with database.connection() as conn:
        await execute(conn, "TRUNCATE app_1.device")
    assert await folder.load(database, web_app, out.read_bytes()) == ImportResult(2, 2, 0)
    async with database.connection() as conn:
        [row] = await service.for_sending(conn, web_app.id, [device_id(web_app.id, "A")], [])
    assert (row.p256dh, row.auth) == (KEYS.p256dh, KEYS.auth)


async def test_an_export_goes_part_by_part_and_appears_when_it_is_complete(
    database: Database, app: App, scheme: Scheme, folder: Folder
) -> None:
    async with database.transaction() as conn:
        query = "INSERT INTO app_1.device (id, udid) SELECT n, 'U' || n FROM generate_series(-9999, 20001) AS n"
        await execute(conn, query)
    out = folder.file("what was there before")
    seen: list[str] = []

    def progress(step: TransferProgress) -> None:
        folder.progress.append(step)
        seen.append(out.read_text())

    assert await transfer.export_csv(database, app, out, [UDID], progress) == 30001
    assert [step.written for step in folder.progress] == [10000, 20000, 30000, 30001]
    assert set(seen) == {"what was there before"}
    lines = out.read_bytes().split(b"\r\n")
    assert lines[:2] == [b"UDID", b'"U-9999"']
    assert lines[-2:] == [b'"U20001"', b""]
    assert len(set(lines)) == 30003
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def _blocks(path: Path) -> Iterator[Sequence[int]]:
    source = CsvFile(path)
    try:
        for piece in source.pieces():
            yield [*piece.lines, *(broken.line for broken in piece.broken)]
    finally:
        source.close()


@given(st.lists(st.sampled_from(["a;b", '"x', 'y"', '"p;q', "é;", '""', '"a\n"', ";", ""]), max_size=12))
def test_wherever_a_file_is_cut_into_pieces_its_records_are_the_same(lines: list[str]) -> None:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "devices.csv"
        path.write_text("\n".join(["h1;h2", *lines]), newline="")
        for size in (3, 4, 7, 1000):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(csv_file, "PIECE", size)
                patched.setattr(csv_file, "_LONGEST_RECORD", 3)
                found.append(sorted(number for block in _blocks(path) for number in block))
    assert all(numbers == found[0] for numbers in found)
    assert len(set(found[0])) == len(found[0])


async def test_names_of_a_header_may_mean_another_column_or_nothing(
    database: Database, app: App, scheme: Scheme, folder: Folder
) -> None:
    file = folder.file("UDID;Country;score;noise\nA;FR;x;1\nB;DE;y;2\n")
    names = {"country": "countryCode", "score": None, "noise": None}
    account = await transfer.load_csv(
        database, app, file, rejects=folder.rejects, progress=folder.progress.append, names=names
    )
    assert account == FileAccount(read=2, created=2, updated=0, rejected=0)
    assert await devices(database, app, scheme, "countryCode", "score") == {"A": ("FR", None), "B": ("DE", None)}


async def test_a_check_counts_as_the_import_would_and_writes_nothing(
    database: Database, app: App, scheme: Scheme, folder: Folder
) -> None:
    await folder.load(database, app, "UDID;score\nA;1\nB;2\n")
    async with database.transaction() as conn:
        await execute(conn, "UPDATE app_1.device SET udid = 'other' WHERE id = %s", (device_id(app.id, "B"),))
    before = await devices(database, app, scheme, "score")
    file = folder.file("UDID;score;extra\nA;3;1\nB;4;1\nC;x;1\nD;5;x\nE;6;2\nE;7;3\nA\n")
    extra = Column("extra", "proposed", ColumnKind.INTEGER, standard=False)
    account = await transfer.check_csv(
        database, app, file, rejects=folder.rejects, progress=folder.progress.append, proposed=[extra]
    )
    assert account == FileAccount(read=7, created=1, updated=1, rejected=5)
    assert sorted(line for line, _, _ in folder.rejected()) == [3, 4, 5, 6, 8]
    assert await devices(database, app, scheme, "score") == before
    loaded = await transfer.load_csv(
        database, app, file, rejects=folder.rejects, progress=folder.progress.append, names={"extra": None}
    )
    assert loaded == FileAccount(read=7, created=2, updated=1, rejected=4)


def test_a_file_without_header_begins_with_its_first_record(folder: Folder) -> None:
    source = CsvFile(folder.file("\ufeffa;1\nb;2\n"), ["name", "number"])
    [piece] = source.pieces()
    assert (source.header, list(piece.lines), piece.fields) == (["name", "number"], [1, 2], [["a", "1"], ["b", "2"]])
    assert len(list(source.pieces())) == 1
    source.close()


async def test_a_second_application_looks_its_tokens_up_one_by_one(
    database: Database, app: App, web_app: App, folder: Folder
) -> None:
    """Statistics that know only the first application must not lead to reading all tokens of the second for each."""
    async with database.transaction() as conn:
        query = """
            INSERT INTO clarion.push_token (app_id, digest, device_id)
            SELECT %s, substr(sha256(n::text::bytea), 1, 16), n FROM generate_series(1, 20000) AS n
        """
        await execute(conn, query, (app.id,))
    async with database.connection() as conn:
        await execute(conn, "ANALYZE clarion.push_token")
    devices_of_each = 1_500
    for first in (0, devices_of_each):
        lines = "".join(f"U{n};t{n}\n" for n in range(first, first + devices_of_each))
        assert (await folder.load(database, web_app, f"UDID;token\n{lines}")).written == devices_of_each
    async with database.connection() as conn:
        here = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clarion import'"
        while await value(conn, here):
            await asyncio.sleep(0.01)
        read = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'push_token_device'"
        assert await value(conn, read) < 20 * devices_of_each
