"""`clarion users`: people, keys, grants."""

import asyncio

import pytest

from clarion.assembly.database import opened
from clarion.base.settings import Settings
from clarion.identity import service as identity
from tests.cli.conftest import Clarion, Installation


def call(installation: Installation, email: str, key: str, path: str = "/v1/me", code: int = 0) -> str:
    """The answer to a GET signed with a key as it was printed."""
    where = ("--base-url", installation.url, "--ca", installation.ca_file)
    return installation.clarion.run(
        "curl", "GET", path, "--email", email, "--api-key", key, *where, code=code, where=False
    ).stdout


def test_a_new_person_can_call_with_the_key_that_was_printed(installation: Installation) -> None:
    email, key = installation.clarion.new_person()
    assert call(installation, email, key) == "Welcome\n"


def test_people_manage_the_applications_they_were_created_with(installation: Installation) -> None:
    clarion = installation.clarion
    own, other = clarion.new_app("ios"), clarion.new_app("ios")
    email, key = clarion.new_person("--apps", own)
    assert '"data":[]' in call(installation, email, key, f"/v1/me/apps/{own}/campaigns")
    assert "API_ERR_FORBIDDEN" in call(installation, email, key, f"/v1/me/apps/{other}/campaigns", code=1)
    clarion.run("users", "grant", email, "--apps", other)
    assert '"data":[]' in call(installation, email, key, f"/v1/me/apps/{other}/campaigns")


def test_somebody_without_applications_is_pointed_out(clarion: Clarion) -> None:
    result = clarion.run("users", "create", "alone@shop.example")
    assert "manages no application" in result.stderr
    assert (
        "manages no application"
        not in clarion.run("users", "create", "chief@shop.example", "--role", "administrator").stderr
    )


def test_an_address_is_taken_once_in_any_case(clarion: Clarion) -> None:
    email, _ = clarion.new_person()
    assert email in clarion.refused("users", "create", email.upper())["error"].lower()


def test_an_unknown_application_makes_nobody(clarion: Clarion) -> None:
    complaint = clarion.refused("users", "create", "nobody@shop.example", "--apps", "no-such-app")
    assert "no-such-app" in complaint["error"]
    assert "nobody@shop.example" not in [person["email"] for person in clarion.json("users", "list")]


def test_what_is_no_address_is_refused_with_its_place(clarion: Clarion) -> None:
    complaint = clarion.refused("users", "create", "not an address")
    assert complaint["findings"][0]["pointer"] == "/email"


def test_the_role_is_one_of_three(clarion: Clarion) -> None:
    clarion.run("users", "create", "x@shop.example", "--role", "king", code=2)


@pytest.mark.parametrize("role", ["administrator", "operator", "viewer"])
def test_the_list_shows_everybody_with_their_role(clarion: Clarion, role: str) -> None:
    partner_id = clarion.new_app("ios")
    email, _ = clarion.new_person("--role", role, "--apps", partner_id)
    listed = {"email": email, "role": role, "apps": [partner_id], "disabled": False}
    assert listed in clarion.json("users", "list")
    assert email in clarion.run("users", "list").stdout


def test_a_new_key_ends_the_old_one(installation: Installation) -> None:
    email, old = installation.clarion.new_person()
    made = installation.clarion.json("users", "new-key", email)
    assert call(installation, email, made["apiKey"]) == "Welcome\n"
    installation.clarion.run(
        *("curl", "GET", "/v1/me", "--email", email, "--api-key", old),
        *("--base-url", installation.url, "--ca", installation.ca_file),
        code=1,
        where=False,
    )


def test_who_is_disabled_is_shut_out(clarion: Clarion) -> None:
    email, _ = clarion.new_person()
    assert clarion.json("users", "disable", email) == {"email": email, "disabled": True}
    assert "No user" in clarion.refused("users", "new-key", email)["error"]


def test_who_was_shut_out_can_be_let_in_again(installation: Installation) -> None:
    clarion = installation.clarion
    email, key = clarion.new_person()
    clarion.run("users", "disable", email)
    assert {"email": email, "role": "operator", "apps": [], "disabled": True} in clarion.json("users", "list")
    assert "shut out" in clarion.run("users", "list").stdout
    assert clarion.json("users", "enable", email) == {"email": email, "disabled": False}
    assert call(installation, email, key) == "Welcome\n"
    assert "No user" in clarion.refused("users", "enable", "nobody@shop.example")["error"]


def test_applications_are_taken_away(installation: Installation) -> None:
    clarion = installation.clarion
    partner_id = clarion.new_app("ios")
    email, key = clarion.new_person("--apps", partner_id)
    assert '"data":[]' in call(installation, email, key, f"/v1/me/apps/{partner_id}/campaigns")
    assert clarion.json("users", "revoke", email, "--apps", partner_id) == {"email": email, "apps": [partner_id]}
    assert "API_ERR_FORBIDDEN" in call(installation, email, key, f"/v1/me/apps/{partner_id}/campaigns", code=1)
    assert "nobody" in clarion.refused("users", "revoke", email, "--apps", "nobody")["error"]


def test_a_role_is_changed_and_the_last_administrator_kept(elsewhere: Clarion) -> None:
    elsewhere.run("users", "create", "chief@shop.example", "--role", "administrator")
    elsewhere.run("users", "create", "ana@shop.example")
    for arguments in (("role", "chief@shop.example", "viewer"), ("disable", "chief@shop.example")):
        assert "last administrator" in elsewhere.refused("users", *arguments)["error"]
    assert elsewhere.json("users", "role", "ana@shop.example", "administrator")["role"] == "administrator"
    elsewhere.run("users", "role", "chief@shop.example", "viewer")
    roles = {person["email"]: person["role"] for person in elsewhere.json("users", "list")}
    assert roles == {"ana@shop.example": "administrator", "chief@shop.example": "viewer"}


def test_what_a_command_changes_leaves_a_line_in_the_audit_trail(clarion: Clarion) -> None:
    email, _ = clarion.new_person()
    app = clarion.new_app("ios")
    clarion.run("columns", "add", app, "tier", "--type", "text")

    async def lines() -> list[tuple[str, str]]:
        async with opened(Settings(data_dir=clarion.data_dir)) as db, db.connection() as conn:
            entries = await identity.last_audit_entries(conn)
        return [(entry.operation, entry.target) for entry in entries if entry.surface == "cli"]

    found = asyncio.run(lines())
    assert ("users.create", email) in found
    assert ("apps.create", app) in found
    assert ("columns.add", f"{app} tier") in found
