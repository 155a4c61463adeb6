"""`clarion devices`: files in and out."""

import csv
from pathlib import Path

from tests.cli.conftest import Clarion

LINES = "UDID;token;language;opencount\nA;token-a;fr;3\nB;token-b;en;many\nC;token-c;de;1\n"


def test_lines_that_do_not_fit_are_kept_with_their_reason(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    file = tmp_path / "devices.csv"
    file.write_text(LINES)
    result = clarion.json("devices", "import", partner_id, str(file))
    assert result == {"read": 3, "written": 2, "rejected": 1, "rejects": f"{file}.rejects.csv"}
    with Path(result["rejects"]).open(newline="") as rejects:
        header, line = csv.reader(rejects, delimiter=";")
    assert header == ["line", "reason", "original"]
    assert line[0] == "3"
    assert "opencount" in line[1]
    assert line[2] == "B;token-b;en;many"


def test_a_sound_file_leaves_no_rejects(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    file = tmp_path / "devices.csv"
    file.write_text(LINES.replace("many", "2"))
    assert clarion.json("devices", "import", partner_id, str(file))["rejects"] is None
    assert clarion.json("devices", "import", partner_id, str(file))["written"] == 3
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_exported_can_be_imported(clarion: Clarion, tmp_path: Path) -> None:
    source, target = clarion.new_app("android"), clarion.new_app("android")
    (tmp_path / "in.csv").write_text(LINES.replace("many", "2"))
    clarion.run("devices", "import", source, str(tmp_path / "in.csv"))
    out = tmp_path / "out.csv"
    shown = clarion.json("devices", "export", source, str(out), "--columns", "UDID,language,opencount,token")
    assert shown == {"written": 3, "file": str(out)}
    assert clarion.json("devices", "import", target, str(out))["written"] == 3
    again = tmp_path / "again.csv"
    clarion.run("devices", "export", target, str(again), "--columns", "UDID,language,opencount,token")
    assert sorted(again.read_text().splitlines()) == sorted(out.read_text().splitlines())


def test_an_unknown_column_loads_nothing(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    file = tmp_path / "devices.csv"
    file.write_text("UDID;colour\nA;red\n")
    assert "colour" in clarion.refused("devices", "import", partner_id, str(file))["error"]
    assert "colour" in clarion.refused("devices", "export", partner_id, str(file), "--columns", "colour")["error"]
    assert clarion.json("devices", "export", partner_id, str(tmp_path / "out.csv"))["written"] == 0


def test_files_that_cannot_be_used_are_named(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    assert "none.csv" in clarion.refused("devices", "import", partner_id, str(tmp_path / "none.csv"))["error"]
    nowhere = str(tmp_path / "no folder" / "out.csv")
    assert "no folder" in clarion.refused("devices", "export", partner_id, nowhere)["error"]
    (tmp_path / "in.csv").write_text(LINES)
    arguments = ("devices", "import", partner_id, str(tmp_path / "in.csv"), "--rejects", nowhere)
    assert "no folder" in clarion.refused(*arguments)["error"]


def test_an_unknown_application_takes_no_devices(clarion: Clarion, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(LINES)
    assert "nobody" in clarion.refused("devices", "import", "nobody", str(tmp_path / "in.csv"))["error"]


def test_v1_rule_71_unused_profiles_are_counted_and_taken_away(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    file = tmp_path / "devices.csv"
    file.write_text("UDID;lastopen;feedback\nA;2001-01-01;3\nB;2001-01-01;2\nC;;3\nD;2001-01-01;4\n")
    clarion.run("devices", "import", partner_id, str(file))
    assert clarion.json("devices", "purge", partner_id, "--dry-run") == {"profiles": 2, "dryRun": True}
    counted = clarion.json("devices", "purge", partner_id, "--dry-run", "--bounces", "1")
    assert counted == {"profiles": 3, "dryRun": True}
    assert "2 profiles taken away" in clarion.run("devices", "purge", partner_id).stdout
    assert clarion.json("devices", "purge", partner_id) == {"profiles": 0, "dryRun": False}
    assert clarion.json("devices", "export", partner_id, str(tmp_path / "left.csv"))["written"] == 2
    assert "nobody" in clarion.refused("devices", "purge", "nobody")["error"]
