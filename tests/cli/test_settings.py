"""What applications declare, what limits them, sends, the audit trail: `clarion apps|sends|audit`."""

import asyncio
import json
from typing import Any

import pytest

from clarion.apps import service as apps
from clarion.assembly.database import opened
from clarion.base.settings import Settings
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft
from clarion.sending import service as sending
from tests.cli.conftest import Clarion


def test_a_declaration_is_made_listed_and_withdrawn(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    made = clarion.json("apps", "declare", partner_id, "event", "1001", "--name", "Basket left behind")
    event = {"kind": "event", "value": "1001", "name": "Basket left behind", "details": {}, "builtIn": False}
    assert made == event
    details = {"buttons": [{"id": "1", "title": "Show"}]}
    clarion.run("apps", "declare", partner_id, "button_template", "offer", "--details", json.dumps(details))
    listed = clarion.json("apps", "declarations", partner_id)
    assert [(each["kind"], each["value"]) for each in listed] == [("button_template", "offer"), ("event", "1001")]
    assert listed[0]["details"] == details
    assert clarion.json("apps", "declarations", partner_id, "--kind", "event") == [event]
    assert "Basket left behind" in clarion.run("apps", "declarations", partner_id).stdout
    assert clarion.json("apps", "withdraw", partner_id, "event", "1001")["withdrawn"] is True
    assert clarion.json("apps", "declarations", partner_id, "--kind", "event") == []
    assert "1001" in clarion.refused("apps", "withdraw", partner_id, "event", "1001")["error"]


def test_what_every_application_has_is_shown_when_asked_for(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    assert clarion.json("apps", "declarations", partner_id, "--kind", "button_template") == []
    listed = clarion.json("apps", "declarations", partner_id, "--kind", "button_template", "--built-in")
    assert "yes_no_category" in [each["value"] for each in listed]
    complaint = clarion.refused("apps", "withdraw", partner_id, "button_template", "yes_no_category")
    assert "every application" in complaint["error"]


@pytest.mark.parametrize(
    ("kind", "value", "details", "pointer"),
    [
        ("event", "basket", "{}", "/value"),
        ("language", "1", "{}", "/value"),
        ("view", "home", "[]", "/details"),
        ("view", "home", "{", "/details"),
        ("button_template", "x", '{"buttons": [{}]}', "/details/buttons/0"),
        ("inapp_template", "x", '{"kind": "carpet"}', "/details"),
    ],
)
def test_what_cannot_be_declared_is_told_with_its_place(
    clarion: Clarion, kind: str, value: str, details: str, pointer: str
) -> None:
    complaint = clarion.refused("apps", "declare", clarion.new_app("ios"), kind, value, "--details", details)
    assert complaint["findings"][0]["pointer"] == pointer


def test_the_kinds_are_fixed(clarion: Clarion) -> None:
    clarion.run("apps", "declare", clarion.new_app("ios"), "colour", "red", code=2)


def test_pressure_is_shown_and_changed_by_what_is_given(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    none: dict[str, Any] = {"ceiling": None, "quietHours": [], "zone": "UTC"}
    assert clarion.json("apps", "pressure", partner_id) == none
    given = ("--ceiling", "3/24h", "--quiet", "22:00-07:00", "--quiet", "00:00-00:00@7", "--zone", "Europe/Paris")
    made = clarion.json("apps", "pressure", partner_id, *given)
    assert made["ceiling"] == {"most": 3, "seconds": 86_400}
    assert [hours["days"] for hours in made["quietHours"]] == [[1, 2, 3, 4, 5, 6, 7], [7]]
    assert clarion.json("apps", "pressure", partner_id) == made
    assert clarion.json("apps", "pressure", partner_id, "--ceiling", "1/2d")["quietHours"] == made["quietHours"]
    shown = clarion.run("apps", "pressure", partner_id).stdout
    assert "at most 1 in 2 d" in shown
    assert "22:00 to 07:00" in shown
    assert clarion.json("apps", "pressure", partner_id, "--ceiling", "none", "--quiet", "none", "--zone", "UTC") == none


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--ceiling", "3"),
        ("--ceiling", "3/1y"),
        ("--ceiling", "0/24h"),
        ("--quiet", "22-07"),
        ("--quiet", "25:00-07:00"),
        ("--quiet", "22:00-07:00@8"),
        ("--zone", "Mars"),
    ],
)
def test_a_limit_that_is_none_is_told(clarion: Clarion, option: str, value: str) -> None:
    assert clarion.refused("apps", "pressure", clarion.new_app("ios"), option, value)["findings"]


def test_v1_rule_102_capping_is_shown_and_changed_by_kind(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    assert clarion.json("apps", "capping", partner_id) == {"inapp": None, "alarm": None}
    inapp = {"frequency": 3, "duration": 86_400}
    assert clarion.json("apps", "capping", partner_id, "--inapp", "3/24h") == {"inapp": inapp, "alarm": None}
    made = clarion.json("apps", "capping", partner_id, "--alarm", "1/2h")
    assert made == {"inapp": inapp, "alarm": {"frequency": 1, "duration": 7200}}
    assert "3 in 1 d" in clarion.run("apps", "capping", partner_id).stdout
    assert clarion.json("apps", "capping", partner_id, "--inapp", "none")["inapp"] is None
    assert clarion.refused("apps", "capping", partner_id, "--inapp", "often")["findings"]


def test_an_application_is_renamed_and_given_a_click_address(clarion: Clarion) -> None:
    partner_id = clarion.new_app("web")
    made = clarion.json("apps", "update", partner_id, "--name", "Boutique", "--click-address", "https://b.example/")
    assert made == {"partnerId": partner_id, "name": "Boutique", "clickAddress": "https://b.example/"}
    assert clarion.json("apps", "update", partner_id, "--click-address", "none")["clickAddress"] is None
    complaint = clarion.refused("apps", "update", partner_id, "--click-address", "b.example")
    assert complaint["findings"][0]["code"] == "click_address"


def begun(clarion: Clarion, partner_id: str) -> int:
    """A send that was begun; nothing reaches anybody, for there are no devices."""

    async def begin() -> int:
        async with opened(Settings(data_dir=clarion.data_dir)) as db, db.transaction() as conn:
            app = await apps.get_app(conn, partner_id)
            message_id = await content.create_message(conn, app, MessageDraft("Spring", (Content(text="Hello"),)))
            return await sending.begin(conn, app, message_id, test=False)

    return asyncio.run(begin())


def test_sends_are_listed_and_shown(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    first, second = begun(clarion, partner_id), begun(clarion, partner_id)
    assert [each["send"] for each in clarion.json("sends", "list", partner_id)] == [second, first]
    assert [each["send"] for each in clarion.json("sends", "list", partner_id, "--limit", "1")] == [second]
    shown = clarion.json("sends", "show", partner_id, str(first))
    assert (shown["send"], shown["kind"], shown["counts"]["delivered"]) == (first, "real", 0)
    assert f"send {first}" in clarion.run("sends", "show", partner_id, str(first)).stdout
    assert "real" in clarion.run("sends", "list", partner_id).stdout
    assert "no send" in clarion.refused("sends", "show", partner_id, "999999")["error"]
    assert "no send" in clarion.refused("sends", "show", clarion.new_app("ios"), str(first))["error"]


def test_a_send_is_paused_throttled_resumed_and_stopped_unless_it_has_ended(elsewhere: Clarion) -> None:
    """On a folder where nothing sends, so that nothing ends the send meanwhile."""
    elsewhere.run("apps", "create", "shop", "--platform", "ios", "--name", "Shop")
    send = str(begun(elsewhere, "shop"))
    assert elsewhere.json("sends", "pause", "shop", send)["state"] == "paused"
    assert "paused already" in elsewhere.refused("sends", "pause", "shop", send)["error"]
    assert elsewhere.json("sends", "throttle", "shop", send, "600")["throttle"] == 600
    assert elsewhere.json("sends", "throttle", "shop", send, "0")["throttle"] is None
    assert elsewhere.json("sends", "resume", "shop", send)["state"] == "planning"
    stopped = elsewhere.json("sends", "cancel", "shop", send)
    assert (stopped["state"], stopped["reason"]) == ("cancelled", "cancelled")
    assert "ended" in elsewhere.refused("sends", "cancel", "shop", send)["error"]
    lines = elsewhere.json("audit", "--operation", "sends.cancel")
    assert [(line["surface"], line["target"], line["status"]) for line in lines] == [("cli", f"shop {send}", 0)]


def test_the_audit_trail_is_narrowed_by_what_is_given(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    email, _ = clarion.new_person("--apps", partner_id)
    clarion.run("curl", "POST", f"/v1/me/apps/{partner_id}/campaigns", "--json", '{"name": "S"}', "--email", email)
    (line,) = clarion.json("audit", "--app", partner_id)
    assert (line["operation"], line["email"], line["partnerId"], line["status"]) == (
        "createCampaign",
        email,
        partner_id,
        200,
    )
    operations = [each["operation"] for each in clarion.json("audit", "--email", email, "--surface", "v1")]
    assert operations == ["createCampaign", "createAccessToken"]
    assert clarion.json("audit", "--email", email, "--surface", "v1", "--limit", "1") == [line]
    assert "createCampaign" in clarion.run("audit", "--app", partner_id).stdout
    assert clarion.refused("audit", "--app", "nobody")["error"]
    assert clarion.refused("audit", "--email", "nobody@shop.example")["error"]
