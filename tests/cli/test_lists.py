"""`clarion lists`: static lists and files of their members, while the server runs."""

import asyncio
import csv
import json
from functools import partial
from pathlib import Path

import pytest

from clarion.client.v1 import V1Client
from tests.cli.conftest import Clarion, Installation
from tests.support import until


@pytest.fixture
def partner_id(clarion: Clarion, tmp_path: Path) -> str:
    """An application with the devices A, B and C and the indexed column `customer`."""
    made = clarion.new_app("android")
    clarion.run("columns", "add", made, "customer", "--type", "text", "--indexed")
    file = tmp_path / "devices.csv"
    file.write_text("UDID;customer\nA;C-1\nB;C-1\nC;C-2\n")
    clarion.run("devices", "import", made, str(file))
    return made


def test_lists_are_made_and_shown(clarion: Clarion, partner_id: str) -> None:
    assert clarion.json("lists", "list", partner_id) == []
    made = clarion.json("lists", "create", partner_id, "Loyal buyers", "--external-id", "loyal")
    assert made == {"id": made["id"], "name": "Loyal buyers", "externalId": "loyal"}
    own = clarion.json("lists", "create", partner_id, "Own", "--id", "1234")
    assert own == {"id": 1234, "name": "Own", "externalId": None}
    assert clarion.json("lists", "list", partner_id) == [own, made]
    assert "Loyal buyers" in clarion.run("lists", "list", partner_id).stdout
    empty = {"members": 0, "expiring": 0, "waiting": 0, "first": []}
    for name in ("loyal", str(made["id"])):
        assert clarion.json("lists", "show", partner_id, name) == made | empty


def test_names_that_are_taken_or_unfit_are_refused(clarion: Clarion, partner_id: str) -> None:
    clarion.run("lists", "create", partner_id, "List", "--id", "7", "--external-id", "seven")
    assert "7" in clarion.refused("lists", "create", partner_id, "x", "--id", "7")["error"]
    assert "seven" in clarion.refused("lists", "create", partner_id, "x", "--external-id", "seven")["error"]
    for arguments in (("",), ("x" * 256,), ("a\nb",), ("x", "--external-id", "")):
        assert "characters" in clarion.refused("lists", "create", partner_id, *arguments)["error"]
    for name in ("8", "eight", "9" * 30, ""):
        assert "no static list" in clarion.refused("lists", "show", partner_id, name)["error"]
    assert "nobody" in clarion.refused("lists", "create", "nobody", "x")["error"]


def test_a_file_of_members_is_tried_and_loaded(clarion: Clarion, partner_id: str, tmp_path: Path) -> None:
    clarion.run("lists", "create", partner_id, "Loyal buyers", "--external-id", "loyal")
    file = tmp_path / "buyers.csv"
    file.write_text("customer;expireAt;gift\nC-1;2131-12-31;mug\nC-9;;cap\nC-2;soon;cap\n")
    account = {"read": 3, "written": 1, "unknown": 1, "rejected": 1, "rejects": f"{file}.rejects.csv"}
    dry = clarion.json("lists", "import", partner_id, "loyal", str(file), "--dry-run")
    assert dry == account | {"dryRun": True}
    assert clarion.json("lists", "show", partner_id, "loyal")["members"] == 0
    assert clarion.json("lists", "import", partner_id, "loyal", str(file)) == account | {"dryRun": False}
    shown = clarion.json("lists", "show", partner_id, "loyal")
    assert (shown["members"], shown["expiring"]) == (2, 2)
    expected = {"expireAt": "2131-12-31T00:00:00Z", "data": {"gift": "mug"}}
    assert sorted(shown["first"], key=lambda member: str(member["deviceId"])) == [
        {"deviceId": "A", **expected},
        {"deviceId": "B", **expected},
    ]
    with Path(account["rejects"]).open(newline="") as rejects:  # type: ignore[arg-type]
        _, line = csv.reader(rejects, delimiter=";")
    assert (line[0], line[2]) == ("4", "C-2;soon;cap")
    assert "gift=mug" in clarion.run("lists", "show", partner_id, "loyal").stdout
    result = clarion.run("lists", "import", partner_id, "loyal", str(file))
    assert "1 of 3" in result.stdout
    assert "rejected" in result.stderr
    assert "no device" in result.stderr


def test_files_that_cannot_be_used_are_named(clarion: Clarion, partner_id: str, tmp_path: Path) -> None:
    clarion.run("lists", "create", partner_id, "List", "--id", "5")
    file = tmp_path / "members.csv"
    assert "members.csv" in clarion.refused("lists", "import", partner_id, "5", str(file))["error"]
    file.write_text("colour\nred\n")
    assert "UDID" in clarion.refused("lists", "import", partner_id, "5", str(file))["error"]
    file.write_text("UDID;token\nA;x;y\n")
    nowhere = str(tmp_path / "no folder" / "rejects.csv")
    assert "no folder" in clarion.refused("lists", "import", partner_id, "5", str(file), "--rejects", nowhere)["error"]
    assert "no indexed column" in clarion.refused("lists", "import", partner_id, "5", str(file), "--by", "x")["error"]


def test_what_the_api_queues_the_running_server_applies(installation: Installation, partner_id: str) -> None:
    """v1 rule 72, with true processes and over HTTPS."""
    clarion = installation.clarion
    clarion.run("lists", "create", partner_id, "List", "--id", "5")
    email, api_key = clarion.new_person("--apps", partner_id)
    path = f"/v1/me/apps/{partner_id}/lists/5"

    async def calls() -> None:
        async with V1Client(installation.url, email, api_key, ca_file=installation.ca_file) as v1:
            users = [{"customer": "C-1"}, {"deviceId": "C"}]
            for method, given, expected in (("PUT", users, ["A", "B", "C"]), ("DELETE", users[:1], ["C"])):
                body = json.dumps({"users": given}).encode()
                assert (await v1.request(method, path, body)).status == 200
                await until(partial(holds, v1, expected), 30)

    async def holds(v1: V1Client, expected: list[str]) -> bool:
        shown = (await v1.request("GET", path)).json["data"]
        return sorted(member["deviceId"] for member in shown) == expected

    asyncio.run(calls())
