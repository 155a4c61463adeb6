"""`clarion columns` and `clarion segments`."""

import json
from pathlib import Path

from tests.cli.conftest import Clarion

FRENCH = '{"column": "language", "op": "eq", "value": "fr"}'


def app_with_devices(clarion: Clarion, tmp_path: Path) -> str:
    partner_id = clarion.new_app("android")
    (tmp_path / "devices.csv").write_text("UDID;language\nA;fr\nB;en\nC;fr\nD;\n")
    clarion.run("devices", "import", partner_id, str(tmp_path / "devices.csv"))
    return partner_id


def test_a_column_is_there_at_once(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    added = clarion.json("columns", "add", partner_id, "customer_id", "--type", "text", "--indexed")
    assert added == {"name": "customer_id", "type": "text", "indexed": True, "standard": False}
    listed = clarion.json("columns", "list", partner_id)
    assert listed[-1] == added
    assert listed[0] == {"name": "UDID", "type": "text", "indexed": True, "standard": True}


def test_a_column_exists_once_and_has_a_proper_name(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    clarion.run("columns", "add", partner_id, "points", "--type", "integer")
    assert "points" in clarion.refused("columns", "add", partner_id, "Points", "--type", "integer")["error"].lower()
    assert clarion.refused("columns", "add", partner_id, "not-a-name", "--type", "integer")["findings"]
    assert clarion.refused("columns", "add", partner_id, "token", "--type", "text")["findings"]
    clarion.run("columns", "add", partner_id, "x", "--type", "colour", code=2)


def test_an_unknown_application_has_no_columns(clarion: Clarion) -> None:
    assert "nobody" in clarion.refused("columns", "list", "nobody")["error"]
    assert "nobody" in clarion.refused("columns", "add", "nobody", "points", "--type", "integer")["error"]


def test_a_segment_is_created_with_its_id_and_present_count(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = app_with_devices(clarion, tmp_path)
    made = clarion.json("segments", "create", partner_id, "French", "--where", FRENCH)
    assert made["id"] > 0
    assert made["count"] == 2
    assert made["where"] == json.loads(FRENCH)
    assert clarion.json("segments", "list", partner_id) == [made]
    assert "French" in clarion.run("segments", "list", partner_id).stdout


def test_a_predicate_can_be_counted_without_keeping_it(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = app_with_devices(clarion, tmp_path)
    assert clarion.json("segments", "count", partner_id, "--where", f'{{"not": {FRENCH}}}') == {"count": 2}
    (tmp_path / "where.json").write_text(FRENCH)
    assert clarion.json("segments", "count", partner_id, "--where", f"@{tmp_path / 'where.json'}") == {"count": 2}
    assert clarion.json("segments", "list", partner_id) == []


def test_a_test_segment_is_marked(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    assert clarion.json("segments", "create", partner_id, "Us", "--where", FRENCH, "--test")["test"] is True


def test_every_fault_of_a_predicate_is_told_with_its_place(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    where = '{"all": [{"column": "colour", "op": "eq", "value": "red"}, {"column": "points"}]}'
    complaint = clarion.refused("segments", "create", partner_id, "Odd", "--where", where)
    assert {finding["pointer"] for finding in complaint["findings"]} >= {"/all/0/column", "/all/1/column"}
    shown = clarion.run("segments", "create", partner_id, "Odd", "--where", where, code=1).stderr
    assert "/all/0/column: " in shown


def test_a_predicate_that_is_no_json_is_told_what_it_looks_like(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("ios")
    assert '"column"' in clarion.refused("segments", "count", partner_id, "--where", "language = fr")["error"]
    missing = clarion.refused("segments", "count", partner_id, "--where", f"@{tmp_path / 'none.json'}")
    assert "none.json" in missing["error"]


def test_a_segment_name_is_used_once(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    clarion.run("segments", "create", partner_id, "French", "--where", FRENCH)
    assert "FRENCH" in clarion.refused("segments", "create", partner_id, "FRENCH", "--where", FRENCH)["error"]


def test_a_column_goes_unless_a_segment_looks_at_it(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    clarion.run("columns", "add", partner_id, "points", "--type", "integer")
    where = '{"column": "points", "op": "gt", "value": 3}'
    made = clarion.json("segments", "create", partner_id, "Rich", "--where", where)
    assert f"{made['id']} (Rich)" in clarion.refused("columns", "remove", partner_id, "points")["error"]
    clarion.run("segments", "delete", partner_id, str(made["id"]))
    assert clarion.json("columns", "remove", partner_id, "POINTS")["removed"] is True
    assert "points" not in [each["name"] for each in clarion.json("columns", "list", partner_id)]
    assert "points" in clarion.refused("columns", "remove", partner_id, "points")["error"]


def test_a_segment_is_shown_replaced_and_deleted(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = app_with_devices(clarion, tmp_path)
    made = clarion.json("segments", "create", partner_id, "French", "--where", FRENCH)
    number = str(made["id"])
    assert clarion.json("segments", "show", partner_id, number) == made
    assert "French (2 devices)" in clarion.run("segments", "show", partner_id, number).stdout
    changed = clarion.json(
        "segments", "replace", partner_id, number, "Others", "--where", f'{{"not": {FRENCH}}}', "--test"
    )
    assert (changed["id"], changed["name"], changed["count"], changed["test"]) == (made["id"], "Others", 2, True)
    assert clarion.json("segments", "delete", partner_id, number)["deleted"] is True
    for command in ("show", "delete"):
        assert "no segment" in clarion.refused("segments", command, partner_id, number)["error"]
    assert "no segment" in clarion.refused("segments", "replace", partner_id, number, "X", "--where", FRENCH)["error"]


def test_a_segment_that_a_message_names_stays(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    made = clarion.json("segments", "create", partner_id, "French", "--where", FRENCH)
    email, _ = clarion.new_person("--apps", partner_id)
    draft = {"name": "Spring", "segments": {"campaignSegments": [made["id"]]}, "messages": [{"text": "Hello"}]}
    path = f"/v1/me/apps/{partner_id}/messages"
    message = json.loads(clarion.run("curl", "POST", path, "--json", json.dumps(draft), "--email", email).stdout)["id"]
    complaint = clarion.refused("segments", "delete", partner_id, str(made["id"]))
    assert f"message {message}" in complaint["error"]
    assert clarion.json("segments", "list", partner_id) == [made]
