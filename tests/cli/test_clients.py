"""`clarion clients`: API clients made on the server, their secrets and limits."""

import pytest

from clarion.identity.scopes import ScopeName
from tests.cli.conftest import Clarion, Installation
from tests.cli.v2 import as_client, call_v2


def test_v2_rule_4_6_the_first_operator_client_is_made_by_a_command_and_can_call(installation: Installation) -> None:
    made = installation.clarion.json("clients", "create", "Operator", "--scopes", "all")
    assert set(made) == {"clientId", "clientSecret"}
    assert isinstance(call_v2(installation, made, "accounts", "list"), list)
    human = installation.clarion.run("clients", "create", "Operator", "--scopes", "all").stdout
    assert "Client id: " in human
    assert "Client secret: " in human


def test_a_client_shows_all_but_its_secret(clarion: Clarion) -> None:
    made = clarion.json("clients", "create", "Reader", "--scopes", "basicread, SupportReadWrite")
    shown = clarion.json("clients", "show", made["clientId"])
    assert (shown["name"], shown["scopes"]) == ("Reader", ["BasicRead", "SupportReadWrite"])
    assert (shown["accountId"], shown["lastUsedDate"]) == (None, None)
    assert made["clientSecret"] not in str(shown)
    assert shown in clarion.json("clients", "list")
    assert made["clientId"] in clarion.run("clients", "list").stdout
    assert "never" in clarion.run("clients", "show", made["clientId"]).stdout


def test_all_scopes_are_all_of_them(clarion: Clarion) -> None:
    made = clarion.json("clients", "create", "All", "--scopes", "ALL")
    assert clarion.json("clients", "show", made["clientId"])["scopes"] == list(ScopeName)


def test_v2_rule_4_7_a_client_can_be_confined_to_an_account(installation: Installation) -> None:
    operator = as_client(installation, "all")
    own = call_v2(installation, operator, "accounts", "create", "name=Own", "legalName=Own B.V.")
    call_v2(installation, operator, "accounts", "create", "name=Other", "legalName=Other B.V.")
    confined = as_client(installation, "BasicRead", "--account", own["accountId"])
    assert [each["name"] for each in call_v2(installation, confined, "accounts", "list")] == ["Own"]
    complaint = installation.clarion.refused("clients", "create", "X", "--scopes", "all", "--account", "ACC-999999999")
    assert "ACC-999999999" in complaint["error"]


@pytest.mark.parametrize(("scopes", "place"), [("BasicRead,Everything", "/scopes/1"), (",", "/scopes")])
def test_scopes_that_are_none_are_told_with_those_there_are(clarion: Clarion, scopes: str, place: str) -> None:
    [finding] = clarion.refused("clients", "create", "X", "--scopes", scopes)["findings"]
    assert finding["pointer"] == place
    assert "BillingReadWrite" in finding["message"]


@pytest.mark.parametrize("name", ["", " x", "two\nlines", "x" * 101])
def test_a_name_is_one_line_of_text(clarion: Clarion, name: str) -> None:
    assert clarion.refused("clients", "create", name, "--scopes", "all")["findings"][0]["pointer"] == "/name"


def test_v2_rule_3_12_a_deleted_client_is_nobody_at_once(installation: Installation) -> None:
    made = as_client(installation, "BasicRead")
    assert isinstance(call_v2(installation, made, "accounts", "list"), list)
    deleted = installation.clarion.json("clients", "delete", made["clientId"])
    assert deleted == {"clientId": made["clientId"], "deleted": True}
    assert "invalid_client" in call_v2(installation, made, "accounts", "list", code=1)["error"]
    for command in ("show", "delete", "limits"):
        assert made["clientId"] in installation.clarion.refused("clients", command, made["clientId"])["error"]


def test_v2_rule_9_7_limits_are_set_one_by_one_and_taken_away_together(clarion: Clarion) -> None:
    client_id = clarion.json("clients", "create", "Loader", "--scopes", "all")["clientId"]
    common = {"clientId": client_id, "reads": 50, "readsASecond": 3.0, "writesAMinute": 30, "own": []}
    assert clarion.json("clients", "limits", client_id) == common
    clarion.run("clients", "limits", client_id, "--writes-a-minute", "6000")
    found = clarion.json("clients", "limits", client_id, "--reads", "1000", "--reads-a-second", "0.5")
    assert found == {
        **common,
        "reads": 1000,
        "readsASecond": 0.5,
        "writesAMinute": 6000,
        "own": ["reads", "readsASecond", "writesAMinute"],
    }
    assert "its own" in clarion.run("clients", "limits", client_id).stdout
    assert clarion.json("clients", "limits", client_id, "--common") == common
    assert "as everybody" in clarion.run("clients", "limits", client_id).stdout


@pytest.mark.parametrize("options", [("--reads", "0"), ("--reads-a-second", "nan"), ("--writes-a-minute", "-1")])
def test_limits_are_above_zero(clarion: Clarion, options: tuple[str, str]) -> None:
    client_id = clarion.json("clients", "create", "Loader", "--scopes", "all")["clientId"]
    assert clarion.refused("clients", "limits", client_id, *options)["findings"][0]["code"] == "out_of_range"
    clarion.run("clients", "limits", client_id, "--common", "--reads", "5", code=2)


def test_v2_rule_9_7_limits_hold_for_the_next_call_of_a_running_server(installation: Installation) -> None:
    made = installation.clarion.json("clients", "create", "Slow", "--scopes", "BasicRead")
    installation.clarion.run("clients", "limits", made["clientId"], "--reads", "1", "--reads-a-second", "0.001")
    assert isinstance(call_v2(installation, made, "accounts", "list"), list)
    assert "429" in call_v2(installation, made, "accounts", "list", code=1)["error"]
    installation.clarion.run("clients", "limits", made["clientId"], "--reads", "1000", "--reads-a-second", "1000")
    assert isinstance(call_v2(installation, made, "accounts", "list"), list)


def test_what_is_done_to_clients_leaves_lines_in_the_trail(clarion: Clarion) -> None:
    client_id = clarion.json("clients", "create", "Trail", "--scopes", "all")["clientId"]
    clarion.run("clients", "delete", client_id)
    lines = {(each["operation"], each["target"]) for each in clarion.json("audit", "--surface", "cli")}
    assert {("clients.create", "Trail"), ("clients.delete", client_id)} <= lines
