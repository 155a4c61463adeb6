"""`clarion import`: a company moves in, and the API it is used to answers about everything."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from clarion.base import clock
from tests.cli.conftest import Clarion

DAY = clock.now().date() - timedelta(days=3)


def quoted(*lines: str) -> str:
    """Lines as the vendor writes them: every value between quotes."""
    return "".join('"' + line.replace(";", '";"') + '"\r\n' for line in lines)


def exports(folder: Path) -> Path:
    """A company's exports: devices with two own columns and a bad line, a list, reactions."""
    folder.mkdir()
    devices = ["UDID;id;token;feedback;opencount;lastopen;points;clientId"]
    devices += [f"u-{n};{n};t{n};0;{n};2015-01-0{n} 10:00:00;{n * 10};C{n}" for n in range(1, 6)]
    devices += ["u-6;6;-;3;many;0000-00-00 00:00:00;1;C6"]
    (folder / f"exportDevices_417_{DAY:%Y%m%d}.csv").write_text(quoted(*devices))
    (folder / "vips.csv").write_text(quoted("UDID;expiration;nick", "u-1;;Ana", "u-9;;Nobody"))
    history = ["user_id;device_id;message_id;campaign_id;bounce;reaction"]
    history += ["1;u-1;7;3;0;1", "2;u-2;7;3;1;0", "3;u-3;7;3;0;0"]
    (folder / f"exportMessagesReactions_417_{DAY:%Y%m%d}.csv").write_text(quoted(*history))
    return folder


class Caller:
    """Calls /v1 about one application."""

    def __init__(self, clarion: Clarion, partner_id: str) -> None:
        self._clarion = clarion
        self._email, _ = clarion.new_person("--apps", partner_id)
        self._base = f"/v1/me/apps/{partner_id}"

    def get(self, path: str) -> Any:
        return json.loads(self._clarion.run("curl", "GET", self._base + path, "--email", self._email).stdout)


def test_a_company_moves_in_and_its_clients_go_on(clarion: Clarion, tmp_path: Path) -> None:
    """v1 rules 66, 74, 79, 82 and 84: the device ids, lists and history that integrators know."""
    partner_id = clarion.new_app("ios")
    folder = exports(tmp_path / "exports")
    rehearsed = clarion.json("import", "accengage", partner_id, str(folder), "--dry-run")
    assert rehearsed["dryRun"] is True
    assert [each["kind"] for each in rehearsed["files"]] == ["devices", "list", "reactions"]
    assert [(each["name"], each["kind"], each["indexed"]) for each in rehearsed["columns"]] == [
        ("points", "integer", False),
        ("clientId", "text", True),
    ]
    assert len(list(folder.iterdir())) == 3
    assert clarion.json("audit", "--app", partner_id, "--operation", "import.accengage") == []

    done = clarion.json("import", "accengage", partner_id, str(folder), "--create-columns")
    devices, listed, history = done["files"]
    assert (devices["read"], devices["created"], devices["rejected"]) == (6, 5, 1)
    assert devices["reasons"][0]["line"] == 7
    assert Path(devices["rejects"]).exists()
    assert (listed["updated"], listed["unknown"], listed["taken"]["created"]) == (1, 1, True)
    assert history["history"]["audience"] == 3

    v1 = Caller(clarion, partner_id)
    found = v1.get("/devices/search/by?UDID=u-2")["data"]
    assert (found["UDID"], found["points"], found["clientId"]) == ("u-2", 20, "C2")
    assert v1.get("/devices/search/by?clientId=C3")["data"]["UDID"] == "u-3"
    [message] = v1.get("/messages?externalId=accengage-7")["data"]
    targets = v1.get(f"/messages/{message['id']}/targets")["data"]
    assert {each["deviceId"] for each in targets} == {"u-1", "u-2", "u-3"}
    assert [each["deviceId"] for each in v1.get(f"/messages/{message['id']}/clicks")["data"]] == ["u-1"]
    [day] = [each for each in v1.get("/stats")["data"] if each["date"][:10] == str(DAY)]
    assert (day["pushSent"], day["pushClicks"]) == (3, 1)
    [member] = v1.get(f"/lists/{listed['taken']['id']}")["data"]
    assert member["deviceId"] == "u-1"

    again = clarion.json("import", "accengage", partner_id, str(folder))
    assert [(each["created"], each["updated"], each["unchanged"]) for each in again["files"]] == [
        (0, 5, 0),
        (0, 1, 0),
        (0, 0, 3),
    ]
    assert [each for each in v1.get("/stats")["data"] if each["date"][:10] == str(DAY)] == [day]
    targets = [each["target"] for each in clarion.json("audit", "--app", partner_id, "--operation", "import.accengage")]
    loaded = [f"{partner_id} {Path(each['file']).name}" for each in again["files"]]
    assert sorted(targets) == sorted(loaded * 2)


def test_people_read_tables(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    folder = exports(tmp_path / "exports")
    (folder / "colours.csv").write_text("colour\nred\n")
    result = clarion.run("import", "accengage", partner_id, str(folder), "--dry-run", "--skip", "clientid")
    for said in (
        "missing column",
        "points",
        "integer",
        f"exportDevices_417_{DAY:%Y%m%d}.csv:7",
        "`opencount` must be a whole number",
        "list file",
        "to be made",
        "devices not here",
        "colours.csv",
        "nothing was written",
    ):
        assert said in result.stdout, said
    assert "--create-columns" in result.stderr
    result = clarion.run(
        "import", "accengage", partner_id, str(folder), "--skip", "clientid", "--column", "points=text"
    )
    assert "new column" in result.stdout
    assert "every rejected line of its file: 1." in result.stdout
    assert "recorded" in result.stdout
    assert [each["name"] for each in clarion.json("columns", "list", partner_id) if not each["standard"]] == ["points"]


def test_missing_columns_are_named_with_what_to_do(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    complaint = clarion.refused("import", "accengage", partner_id, str(exports(tmp_path / "exports")))
    assert [each["code"] for each in complaint["findings"]] == ["missing_columns", "nothing_written"]
    assert "--create-columns" in complaint["error"]
    assert clarion.json("devices", "export", partner_id, str(tmp_path / "out.csv"))["written"] == 0


def test_options_that_do_not_read_are_refused(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    folder = str(exports(tmp_path / "exports"))
    for option, given in (
        ("--column", "points"),
        ("--column", "points=number"),
        ("--column", "points=text:unique"),
        ("--rename", "points"),
        ("--date", "31.01.2015"),
    ):
        assert given in clarion.refused("import", "accengage", partner_id, folder, option, given)["error"]
    assert "none" in clarion.refused("import", "accengage", partner_id, str(tmp_path / "none"))["error"]
    assert "nobody" in clarion.refused("import", "accengage", "nobody", folder)["error"]
    nowhere = str(tmp_path / "no folder")
    arguments = ("import", "accengage", partner_id, folder, "--create-columns", "--rejects", nowhere)
    assert "no folder" in clarion.refused(*arguments)["error"]


def test_one_list_file_may_be_told_by_its_list_alone(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    (tmp_path / "base.csv").write_text("UDID;token\nu-1;t1\n")
    clarion.run("import", "accengage", partner_id, str(tmp_path / "base.csv"))
    arguments = ("import", "accengage", partner_id, str(tmp_path / "base.csv"), "--list", "ext:vips")
    [report] = clarion.json(*arguments)["files"]
    assert (report["kind"], report["updated"]) == ("list", 1)
    assert clarion.json("lists", "show", partner_id, "vips")["members"] == 1


def test_tokens_come_in_from_a_plain_file(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    file = tmp_path / "tokens.txt"
    file.write_text("t1\n-\nt2\nt3;x\n")
    told = clarion.json("import", "tokens", partner_id, str(file), "--dry-run")
    assert (told["created"], told["empty"], told["rejected"], told["rejects"]) == (2, 1, 1, None)
    assert clarion.json("audit", "--app", partner_id, "--operation", "import.tokens") == []
    done = clarion.json("import", "tokens", partner_id, str(file))
    assert (done["created"], done["rejects"]) == (2, f"{file}.rejects.csv")
    result = clarion.run("import", "tokens", partner_id, str(file))
    assert "4 lines: 0 were new devices, 2 were known ones, 1 without token, 1 rejected." in result.stdout
    assert "why it is rejected" in result.stdout
    assert len(clarion.json("audit", "--app", partner_id, "--operation", "import.tokens")) == 2
    assert "tokens.csv" in clarion.refused("import", "tokens", partner_id, str(tmp_path / "tokens.csv"))["error"]
