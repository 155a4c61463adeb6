"""Exports of devices: standard columns found, own ones proposed and made, every line accounted for."""

import csv
from datetime import date
from pathlib import Path

import pytest

from clarion.apps import service as apps
from clarion.apps.model import ColumnKind
from clarion.base.errors import Invalid
from clarion.migration.model import Choices, ColumnChoice, FileKind
from tests.migration.conftest import Move

HEADER = "UDID;id;TOKEN;firstopen;LastOpen;opencount;feedback;system_optin_notifs;country;systoken"
NAME = "exportDevices_417_20150131.csv"


def codes(error: Invalid) -> list[str]:
    return [finding.code for finding in error.findings]


async def test_standard_columns_come_over_and_everything_keeps_its_identity(move: Move) -> None:
    """v1 rules 69 and 70: names without case; UDIDs, tokens and bounces stay; zero dates and empty values are unset."""
    move.file(
        NAME,
        HEADER,
        "a-1;11;tok1;2014-01-02 03:04:05;0000-00-00 00:00:00;7;0;Y;FR;tok1",
        "B_2;12;-;0000-00-00;2015-01-01 00:00:00;0;3;N;;",
    )
    brought = await move.bring()
    [report] = brought.files
    assert (report.kind, report.read, report.created, report.updated, report.rejected) == ("devices", 2, 2, 0, 0)
    assert report.left_out == ["systoken"]
    assert brought.columns == []
    assert await move.shown("token", "firstopen", "lastopen", "opencount", "feedback", "countryCode") == {
        "a-1": ("tok1", "2014-01-02 03:04:05", None, 7, 0, "FR"),
        "B_2": (None, None, "2015-01-01 00:00:00", 0, 3, None),
    }
    assert (await move.shown("system_optin_notifs"))["B_2"] == ("N",)
    assert move.noted == [f"import.accengage {NAME}"]


async def test_quotes_within_values_and_names_of_columns_in_any_case(move: Move) -> None:
    move.written(NAME, '"udid";"MODEL";"Version"\r\n"A";"Say ""hi""; twice";"9\n1"\r\n')
    await move.bring()
    assert await move.shown("model", "version") == {"A": ('Say "hi"; twice', "9\n1")}


async def test_systoken_and_country_stand_in_only_for_what_the_file_lacks(move: Move) -> None:
    move.file(NAME, "UDID;systoken;opencount;country;countryCode", "A;t1;1;DE;AT")
    [report] = (await move.bring()).files
    assert report.left_out == ["country"]
    assert await move.shown("token", "countryCode") == {"A": ("t1", "AT")}


async def test_loading_again_changes_nothing(move: Move) -> None:
    move.file(NAME, "UDID;token;opencount;points", "A;t1;1;5", "B;t2;2;6")
    await move.bring(choices=Choices(create_columns=True))
    before = await move.shown("token", "opencount", "points")
    [report] = (await move.bring()).files
    assert (report.created, report.updated) == (0, 2)
    assert await move.shown("token", "opencount", "points") == before


async def test_what_does_not_fit_is_kept_with_line_and_reason(move: Move) -> None:
    file = move.file(NAME, "UDID;opencount;lat", "A;1;48.8", "B;many;1", ";1;1", "C;1;2;3", "A;2;0")
    [report] = (await move.bring()).files
    assert report.read == report.created + report.rejected == 5
    assert report.rejected == 4
    assert report.rejects == f"{file}.rejects.csv"
    with Path(report.rejects).open(newline="") as rejects:
        lines = {int(line): reason for line, reason, _ in list(csv.reader(rejects, delimiter=";"))[1:]}
    assert sorted(lines) == [2, 3, 4, 5]
    assert "opencount" in lines[3]
    assert "later line" in lines[2]
    assert {reason.line for reason in report.reasons} == set(lines)


async def test_rejected_lines_go_to_the_folder_that_was_named(move: Move, tmp_path: Path) -> None:
    move.file(NAME, "UDID;opencount;lat", "A;x;1")
    folder = tmp_path / "refused"
    folder.mkdir()
    [report] = (await move.bring(choices=Choices(rejects=folder))).files
    assert report.rejects == str(folder / f"{NAME}.rejects.csv")
    assert [each.name for each in folder.iterdir()] == [f"{NAME}.rejects.csv"]


KINDS = {
    "whole": ("integer", ["0", "-7", "33612345678"]),
    "zip": ("text", ["01000", "75001"]),
    "price": ("decimal", ["12.50", "3.00", "-0.99"]),
    "ratio": ("decimal", ["1", "0.25", "3.125"]),
    "release": ("text", ["4.9", "4.10"]),
    "huge": ("text", ["12345678901234567890"]),
    "exact": ("text", ["0.1234567890123456789"]),
    "day": ("date", ["2014-02-03", "0000-00-00"]),
    "moment": ("date", ["2014-02-03 04:05:06", "0000-00-00 00:00:00"]),
    "flag": ("boolean", ["true", "false"]),
    "answer": ("text", ["Y", "N"]),
    "digit": ("integer", ["1", "0"]),
    "nothing": ("text", ["", ""]),
    "word": ("text", ["1", "one"]),
}


async def test_kinds_are_proposed_by_all_values_and_only_where_they_stay_as_they_are(move: Move) -> None:
    width = max(len(values) for _, values in KINDS.values())
    rows = [
        ";".join([f"d{n}", "1", "1", *(values[n % len(values)] for _, values in KINDS.values())]) for n in range(width)
    ]
    move.file(NAME, ";".join(["UDID", "opencount", "feedback", *KINDS]), *rows)
    brought = await move.bring(dry_run=True)
    assert {each.name: each.kind.value for each in brought.columns} == {name: kind for name, (kind, _) in KINDS.items()}
    assert await move.columns() == {}
    await move.bring(choices=Choices(create_columns=True))
    assert await move.columns() == {name: kind for name, (kind, _) in KINDS.items()}


async def test_an_index_is_proposed_for_what_customers_are_known_by(move: Move) -> None:
    """Named like an identifier, and with many different values: a customer may have several devices."""
    lines = [f"d{n};1;C{n // 2};u{n}@shop.example;{n % 2};{n}" for n in range(20)]
    move.file(NAME, "UDID;opencount;clientId;email;segment_id;visits", *lines)
    brought = await move.bring(dry_run=True)
    assert {each.name: each.indexed for each in brought.columns} == {
        "clientId": True,
        "email": True,
        "segment_id": False,
        "visits": False,
    }


async def test_missing_columns_refuse_the_import_before_anything_is_written(move: Move) -> None:
    move.file(NAME, "UDID;token;points;tier", "A;t;5;gold")
    before = await move.everything()
    with pytest.raises(Invalid) as refused:
        await move.bring()
    assert codes(refused.value) == ["missing_columns", "nothing_written"]
    for said in ("points (integer)", "tier (text)", "--create-columns", "--column", "--skip"):
        assert said in refused.value.message
    assert await move.everything() == before
    assert move.noted == []


async def test_the_caller_decides_on_columns(move: Move) -> None:
    move.file(NAME, "UDID;token;points;Tier;Prénom;age", "A;t;5;gold;Ana;33")
    choices = Choices(
        columns={"points": ColumnChoice(ColumnKind.TEXT, indexed=True), "tier": ColumnChoice(ColumnKind.TEXT)},
        skip=frozenset({"age"}),
        renames={"prénom": "first_name"},
        create_columns=True,
    )
    brought = await move.bring(choices=choices)
    assert await move.columns() == {"points": "text+", "Tier": "text", "first_name": "text"}
    assert await move.shown("points", "tier", "first_name") == {"A": ("5", "gold", "Ana")}
    assert brought.files[0].left_out == ["age"]
    assert sorted(move.noted)[:3] == ["columns.add Tier", "columns.add first_name", "columns.add points"]


async def test_columns_said_one_by_one_need_no_further_leave(move: Move) -> None:
    move.file(NAME, "UDID;token;points", "A;t;5")
    await move.bring(choices=Choices(columns={"points": ColumnChoice(ColumnKind.INTEGER)}))
    assert await move.columns() == {"points": "integer"}


async def test_names_that_no_column_can_have_must_be_left_out_or_renamed(move: Move) -> None:
    move.file(NAME, "UDID;token;Date de naissance;a4p_x", "A;t;2000-01-01;1")
    brought = await move.bring(dry_run=True)
    assert [bool(each.problem) for each in brought.columns] == [True, True]
    assert brought.files[0].created == 1
    renamed = await move.bring(dry_run=True, choices=Choices(renames={"a4p_x": "no good"}))
    assert sorted(renamed.files[0].left_out) == ["Date de naissance", "a4p_x"]
    with pytest.raises(Invalid) as refused:
        await move.bring(choices=Choices(create_columns=True))
    assert codes(refused.value) == ["bad_column_name", "bad_column_name", "nothing_written"]
    await move.bring(
        choices=Choices(create_columns=True, skip=frozenset({"a4p_x"}), renames={"date de naissance": "birthday"})
    )
    assert await move.columns() == {"birthday": "date"}


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        (Choices(skip=frozenset({"ponits"})), "unknown_name"),
        (Choices(renames={"ponits": "points"}), "unknown_name"),
        (Choices(columns={"ponits": ColumnChoice(ColumnKind.INTEGER)}), "unknown_name"),
        (Choices(columns={"token": ColumnChoice(ColumnKind.INTEGER)}), "column_exists"),
        (Choices(list_name="vips"), "several_files"),
    ],
)
async def test_decisions_about_nothing_are_refused(move: Move, choices: Choices, code: str) -> None:
    move.file(NAME, "UDID;token;language", "A;t;fr")
    with pytest.raises(Invalid) as refused:
        await move.bring(choices=choices)
    assert codes(refused.value) == [code]
    assert await move.shown() == {}


async def test_a_dry_run_goes_through_every_line_and_writes_nothing(move: Move) -> None:
    move.file("first.csv", "UDID;token;opencount", "A;t1;1", "B;t2;2")
    await move.bring()
    (move.folder / "first.csv").unlink()
    move.file(NAME, "UDID;token;opencount;points", "A;t9;2;5", "C;t3;1;6", "D;t4;x;7", "E;t5;1;x")
    before, files, noted = await move.everything(), sorted(move.folder.iterdir()), list(move.noted)
    brought = await move.bring(dry_run=True, choices=Choices(columns={"points": ColumnChoice(ColumnKind.INTEGER)}))
    [report] = brought.files
    assert (report.read, report.created, report.updated, report.rejected) == (4, 1, 1, 2)
    assert report.rejects is None
    assert [reason.line for reason in report.reasons] == [4, 5]
    assert (await move.everything(), sorted(move.folder.iterdir()), move.noted) == (before, files, noted)
    real = await move.bring(choices=Choices(columns={"points": ColumnChoice(ColumnKind.INTEGER)}))
    [done] = real.files
    assert (done.read, done.created, done.updated, done.rejected) == (4, 1, 1, 2)


async def test_a_dry_run_says_what_the_import_would_be_refused_for(move: Move) -> None:
    move.file(NAME, "UDID;token;points", "A;t1;1")
    assert any("--create-columns" in remark for remark in (await move.bring(dry_run=True)).remarks)
    allowed = await move.bring(dry_run=True, choices=Choices(create_columns=True))
    assert not any("--create-columns" in remark for remark in allowed.remarks)


async def test_exports_of_several_days_are_loaded_by_date(move: Move) -> None:
    """Whatever order they were named in, the latest wins."""
    late = move.file("exportDevices_417_20150203.csv", "UDID;token;language", "A;t;de")
    early = move.file("exportDevices_417_20150131.csv", "UDID;token;language", "A;t;fr")
    brought = await move.bring(late, early, late)
    assert [report.file for report in brought.files] == [str(early), str(late)]
    assert await move.shown("language") == {"A": ("de",)}


async def test_files_of_two_applications_are_not_mixed(move: Move) -> None:
    move.file("exportDevices_417_20150131.csv", "UDID;token", "A;t")
    move.file("exportDevices_418_20150131.csv", "UDID;token", "B;u")
    with pytest.raises(Invalid, match="417, 418"):
        await move.bring()
    await move.bring(app="418")
    assert await move.shown() == {"B": ()}


async def test_files_are_told_by_their_header_where_the_name_says_nothing(move: Move) -> None:
    move.file("base.csv", "UDID;token", "A;t")
    move.file("vips.csv", "UDID;nick", "A;Ana")
    move.file("history_20150131.csv", "user_id;device_id;message_id;campaign_id;bounce;reaction", "1;A;7;3;0;1")
    move.file("other.csv", "colour;size", "red;1")
    move.written("notes.txt", "not for us")
    brought = await move.bring()
    assert [(Path(each.file).name, each.kind.value) for each in brought.files] == [
        ("base.csv", "devices"),
        ("vips.csv", "list"),
        ("history_20150131.csv", "reactions"),
    ]
    assert brought.ignored == [str(move.folder / "other.csv")]
    assert brought.files[2].history is not None
    assert brought.files[2].history.day == date(2015, 1, 31)


async def test_a_named_file_that_is_nothing_is_refused_unless_its_kind_is_said(move: Move) -> None:
    file = move.file("some.csv", "UDID_", "A")
    with pytest.raises(Invalid, match="--kind"):
        await move.bring(file)
    file = move.file("pairs.csv", "UDID;language", "A;fr")
    await move.bring(file, kind=FileKind.DEVICES)
    assert await move.shown("language") == {"A": ("fr",)}


async def test_files_that_cannot_be_read_are_named(move: Move) -> None:
    with pytest.raises(Invalid, match=r"gone\.csv"):
        await move.bring(move.folder / "gone.csv")
    with pytest.raises(Invalid, match="no export file"):
        await move.bring()
    move.written("base.csv.gz", "packed")
    with pytest.raises(Invalid, match="unpack"):
        await move.bring()
    (move.folder / "base.csv.gz").unlink()
    file = move.file("exportDevices_1_20150131.csv", "token;language", "t;fr")
    with pytest.raises(Invalid, match=r"20150131\.csv: The header must name the column UDID"):
        await move.bring(file)


async def test_a_bad_header_anywhere_refuses_all_files(move: Move) -> None:
    move.file("exportDevices_1_20150131.csv", "UDID;token", "A;t")
    move.file("exportMessagesReactions_1_20150131.csv", "device_id;message_id;reaction", "A;1;1")
    with pytest.raises(Invalid, match="bounce"):
        await move.bring()
    assert await move.shown() == {}


async def test_a_new_indexed_column_is_to_be_built_by_the_server(move: Move) -> None:
    move.file(NAME, "UDID;token;clientId", *(f"d{n};t{n};C{n}" for n in range(5)))
    brought = await move.bring(choices=Choices(create_columns=True))
    assert any("indexes" in remark for remark in brought.remarks)
    async with move.database.connection() as conn:
        found = (await apps.load_scheme(conn, move.app.id)).find("clientid")
    assert found is not None
    assert found.indexed


async def test_a_line_beyond_all_measure_costs_only_itself(move: Move) -> None:
    move.written(NAME, "UDID;token;model\r\nA;t;x\r\nB;u;" + "x" * 200_000 + "\r\nC;v;y\r\n")
    [report] = (await move.bring()).files
    assert (report.created, report.rejected) == (2, 1)
    assert set(await move.shown()) == {"A", "C"}
