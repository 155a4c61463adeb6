"""`clarion apps`: applications, gateways, declared names."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cli.conftest import Clarion, Installation


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def service_account(**changed: str) -> str:
    document = {
        "type": "service_account",
        "project_id": "the-shop",
        "private_key": pem(rsa.generate_private_key(65537, 2048)),
        "client_email": "push@the-shop.iam.gserviceaccount.com",
    }
    return json.dumps({**document, **changed})


def gateway(clarion: Clarion, partner_id: str) -> str | None:
    found: str | None = next(
        each["gateway"] for each in clarion.json("apps", "list") if each["partnerId"] == partner_id
    )
    return found


def test_a_new_application_comes_with_the_key_of_its_sdk(clarion: Clarion) -> None:
    made = clarion.json("apps", "create", "the-shop", "--platform", "android", "--name", "The Shop")
    assert made["partnerId"] == "the-shop"
    assert len(made["privateKey"]) > 20
    listed = next(each for each in clarion.json("apps", "list") if each["partnerId"] == "the-shop")
    assert listed == {"partnerId": "the-shop", "platform": "android", "name": "The Shop", "gateway": None}


def test_a_partner_id_is_given_once(clarion: Clarion) -> None:
    partner_id = clarion.new_app("web")
    complaint = clarion.refused("apps", "create", partner_id, "--platform", "ios", "--name", "Another")
    assert partner_id in complaint["error"]


def test_a_malformed_partner_id_is_refused(clarion: Clarion) -> None:
    complaint = clarion.refused("apps", "create", "no spaces", "--platform", "ios", "--name", "Another")
    assert complaint["findings"][0]["pointer"] == "/partnerId"


def test_the_platform_is_one_of_three(clarion: Clarion) -> None:
    clarion.run("apps", "create", "phone", "--platform", "symbian", "--name", "Another", code=2)


def test_an_fcm_service_account_is_taken_as_downloaded(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("android")
    (tmp_path / "account.json").write_text(service_account())
    shown = clarion.json("apps", "set-gateway", partner_id, "--credentials", str(tmp_path / "account.json"))
    assert shown == {"partnerId": partner_id, "kind": "fcm", "endpoint": None}
    assert gateway(clarion, partner_id) == "default"


def test_an_apns_key_file_tells_its_own_id(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("ios")
    file = tmp_path / "AuthKey_ABC1234567.p8"
    file.write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    given = ("--credentials", str(file), "--team-id", "DEF1234567", "--topic", "com.example.shop")
    assert clarion.json("apps", "set-gateway", partner_id, *given)["kind"] == "apns"


def test_an_apns_key_without_its_team_is_refused(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("ios")
    file = tmp_path / "AuthKey_ABC1234567.p8"
    file.write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    complaint = clarion.refused(
        "apps", "set-gateway", partner_id, "--credentials", str(file), "--topic", "com.example.shop"
    )
    assert "team_id is missing" in complaint["error"]
    assert gateway(clarion, partner_id) is None


def test_a_vapid_key_as_pem_makes_a_web_gateway(clarion: Clarion, tmp_path: Path) -> None:
    partner_id = clarion.new_app("web")
    file = tmp_path / "vapid.pem"
    file.write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    given = ("--credentials", str(file), "--subject", "mailto:push@shop.example")
    assert clarion.json("apps", "set-gateway", partner_id, *given)["kind"] == "webpush"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{broken", "is not JSON"),
        ("[]", "no JSON object"),
        ("just text", "neither JSON nor PEM"),
        ("{}", "is missing"),
        (service_account(private_key="not a key"), "is not a private key"),
    ],
)
def test_broken_credentials_are_refused_before_they_are_stored(
    clarion: Clarion, tmp_path: Path, content: str, said: str
) -> None:
    partner_id = clarion.new_app("android")
    (tmp_path / "broken.json").write_text(content)
    complaint = clarion.refused("apps", "set-gateway", partner_id, "--credentials", str(tmp_path / "broken.json"))
    assert said in complaint["error"]
    assert "not a key" not in complaint["error"]
    assert complaint["hint"]
    assert gateway(clarion, partner_id) is None


def test_a_binary_file_is_told_how_to_become_text(clarion: Clarion, tmp_path: Path) -> None:
    (tmp_path / "cert.p12").write_bytes(b"\x30\x82\xff\xfe\x00")
    complaint = clarion.refused(
        "apps", "set-gateway", clarion.new_app("ios"), "--credentials", str(tmp_path / "cert.p12")
    )
    assert "openssl" in complaint["hint"]


def test_credentials_that_are_not_there_are_named(clarion: Clarion, tmp_path: Path) -> None:
    complaint = clarion.refused(
        "apps", "set-gateway", clarion.new_app("ios"), "--credentials", str(tmp_path / "none.json")
    )
    assert "none.json" in complaint["error"]


def test_an_unknown_application_has_no_gateway(clarion: Clarion, tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text(service_account())
    complaint = clarion.refused("apps", "set-gateway", "nobody", "--credentials", str(tmp_path / "account.json"))
    assert "nobody" in complaint["error"]


@pytest.mark.parametrize("platform", ["android", "ios", "web"])
def test_the_stub_of_the_same_data_folder_needs_its_address_only(installation: Installation, platform: str) -> None:
    clarion = installation.clarion
    partner_id = clarion.new_app(platform)
    shown = clarion.json("apps", "set-gateway", partner_id, "--stub", installation.stub)
    assert shown["endpoint"] == installation.stub
    assert gateway(clarion, partner_id) == installation.stub


def test_a_stub_elsewhere_needs_its_ca_file(installation: Installation, tmp_path: Path) -> None:
    clarion = installation.clarion
    partner_id = clarion.new_app("ios")
    complaint = clarion.refused(
        "apps", "set-gateway", partner_id, "--stub", installation.stub, "--stub-ca", str(tmp_path / "ca.pem")
    )
    assert "ca.pem" in complaint["error"]
    (tmp_path / "ca.pem").write_bytes(Path(installation.stub_ca).read_bytes())
    clarion.run("apps", "set-gateway", partner_id, "--stub", installation.stub, "--stub-ca", str(tmp_path / "ca.pem"))


def test_a_stub_that_does_not_run_is_named(installation: Installation) -> None:
    clarion = installation.clarion
    complaint = clarion.refused("apps", "set-gateway", clarion.new_app("ios"), "--stub", "https://127.0.0.1:9")
    assert "https://127.0.0.1:9" in complaint["error"]
    assert "clarion stub" in complaint["hint"]


def test_credentials_or_stub_but_one_of_them(clarion: Clarion) -> None:
    complaint = clarion.refused("apps", "set-gateway", clarion.new_app("ios"))
    assert "--credentials or --stub" in complaint["error"]


def test_declared_names_may_be_declared_again(clarion: Clarion) -> None:
    partner_id = clarion.new_app("ios")
    for _ in range(2):
        assert clarion.json("apps", "add-collapse-key", partner_id, "basket")["collapseKey"] == "basket"
        assert clarion.json("apps", "add-button-template", partner_id, "offer")["buttonTemplate"] == "offer"
    assert clarion.refused("apps", "add-collapse-key", "nobody", "basket")["error"]
