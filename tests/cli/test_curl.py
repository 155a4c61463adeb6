"""`clarion curl`: signed v1 calls (v1 rules 3 to 16)."""

import json
from pathlib import Path

from tests.cli.conftest import Clarion, Installation


def test_a_call_is_signed_and_brings_its_own_token(installation: Installation) -> None:
    clarion = installation.clarion
    partner_id = clarion.new_app("ios")
    email, _ = clarion.new_person("--apps", partner_id)
    path = f"/v1/me/apps/{partner_id}/campaigns"
    made = json.loads(clarion.run("curl", "post", path, "--json", '{"name": "Spring"}', "--email", email).stdout)
    listed = json.loads(clarion.run("curl", "GET", path, "--email", email).stdout)
    assert [(each["id"], each["name"]) for each in listed["data"]] == [(made["id"], "Spring")]
    clarion.run("curl", "DELETE", f"{path}/{made['id']}", "--email", email)
    gone = clarion.run("curl", "GET", f"{path}/{made['id']}", "--email", email, code=1)
    assert json.loads(gone.stdout)["errors"][0]["label"] == "API_ERR_DATA"
    assert "404" in gone.stderr


def test_the_first_administrator_calls_unless_somebody_is_named(clarion: Clarion) -> None:
    clarion.new_person("--role", "administrator")
    assert clarion.run("curl", "GET", "/v1/me").stdout == "Welcome\n"


def test_status_and_headers_are_shown_when_asked_for(clarion: Clarion) -> None:
    clarion.new_person("--role", "administrator")
    shown = clarion.run("curl", "GET", "/v1/me", "--include").stdout
    assert shown.startswith("HTTP 200\n")
    assert "content-type: text/plain" in shown


def test_the_body_can_come_from_a_file(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("ios")
    email, _ = clarion.new_person("--apps", partner_id)
    (tmp_path / "body.json").write_text('{"name": "From a file"}')
    path = f"/v1/me/apps/{partner_id}/campaigns"
    clarion.run("curl", "POST", path, "--email", email, "--json", f"@{tmp_path / 'body.json'}")
    clarion.run("curl", "POST", path, "--email", email, "--json", f"@{tmp_path / 'none.json'}", code=1)


def test_an_unknown_caller_is_refused(clarion: Clarion) -> None:
    result = clarion.run("curl", "GET", "/v1/me", "--email", "nobody@shop.example", code=1)
    assert "No user" in result.stderr


def test_a_key_needs_a_name(clarion: Clarion) -> None:
    assert "--email" in clarion.run("curl", "GET", "/v1/me", "--api-key", "k", code=1).stderr


def test_a_server_that_is_not_there_is_named(clarion: Clarion) -> None:
    _, key = clarion.new_person()
    arguments = ("curl", "GET", "/v1/me", "--email", "a@b.example", "--api-key", key, "--base-url")
    assert "https://127.0.0.1:9" in clarion.run(*arguments, "https://127.0.0.1:9", code=1).stderr
    assert "no address" in clarion.run(*arguments, "shop.example", code=1).stderr


def test_a_certificate_of_nobody_known_is_not_trusted(installation: Installation, elsewhere: Clarion) -> None:
    email, key = installation.clarion.new_person()
    result = elsewhere.run(
        "curl", "GET", "/v1/me", "--email", email, "--api-key", key, "--base-url", installation.url, code=1
    )
    assert "not trusted" in result.stderr
    assert "--ca" in result.stderr


def test_without_a_server_on_the_data_folder_one_has_to_be_named(elsewhere: Clarion) -> None:
    assert "clarion serve" in elsewhere.run("curl", "GET", "/v1/me", code=1).stderr


def test_a_call_to_administration_is_made_in_a_session_that_ends_with_it(clarion: Clarion) -> None:
    partner_id = clarion.new_app("web")
    email, _ = clarion.new_person("--role", "administrator")
    path = f"/admin/apps/{partner_id}"
    body = '{"name": "Boutique"}'
    made = json.loads(clarion.run("curl", "PUT", path, "--json", body, "--email", email).stdout)
    assert made["name"] == "Boutique"
    assert json.loads(clarion.run("curl", "GET", path, "--email", email).stdout) == made
    assert "forbidden" in clarion.run("curl", "GET", "/admin/apps/nowhere", "--email", email, code=1).stdout
    lines = clarion.json("audit", "--email", email, "--surface", "admin")
    assert [line["operation"] for line in lines[::-1]] == [
        *("createSession", "updateApp", "endSession"),
        *("createSession", "endSession") * 2,
    ]


def test_a_wrong_key_is_no_session(installation: Installation) -> None:
    email, _ = installation.clarion.new_person()
    where = ("--base-url", installation.url, "--ca", installation.ca_file)
    result = installation.clarion.run(
        "curl", "GET", "/admin/me", "--email", email, "--api-key", "k", *where, code=1, where=False
    )
    assert "401" in result.stderr
