"""The small authority: what it signs is trusted by those who trust it, for the hosts it names and nobody else."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from clarion.base.authority import CA_FILE, Authority, Issued
from clarion.base.certificates import find, generated
from clarion.base.errors import ConfigurationError
from tests.support import pem


def handshake(authority: Authority, server: Issued, host: str, folder: Path) -> None:
    """A TLS handshake in memory. Raises ssl.SSLError when the client does not accept the server."""
    file = folder / "server.pem"
    file.write_bytes(server.key + server.certificate)
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(file)
    asking = ssl.create_default_context(cadata=authority.pem.decode())
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        asking.wrap_bio(down, up, server_hostname=host),
        accepting.wrap_bio(up, down, server_side=True),
    )
    waiting = list(ends)
    while waiting:
        end = waiting.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(end)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "push.example", "192.0.2.7"])
def test_a_server_is_trusted_under_its_names_and_those_of_loopback(tmp_path: Path, host: str) -> None:
    authority = Authority.create("Tests")
    handshake(authority, authority.server_certificate("Server", ("push.example", "192.0.2.7")), host, tmp_path)


def test_a_server_is_not_trusted_under_another_name_or_by_others(tmp_path: Path) -> None:
    authority = Authority.create("Tests")
    server = authority.server_certificate("Server", ())
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(authority, server, "push.example", tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate"):
        handshake(Authority.create("Others"), server, "localhost", tmp_path)


def test_the_authority_of_a_folder_is_made_once(tmp_path: Path) -> None:
    first, second = Authority.kept(tmp_path, "Tests"), Authority.kept(tmp_path, "Another name")
    assert first.pem == second.pem == (tmp_path / CA_FILE).read_bytes()
    handshake(first, second.server_certificate("Server", ()), "localhost", tmp_path)


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    Authority.kept(tmp_path, "Tests")
    (tmp_path / "ca.key").write_text(pem(rsa.generate_private_key(65537, 2048)))
    with pytest.raises(ConfigurationError, match=r"ca\.key is not an elliptic curve key"):
        Authority.kept(tmp_path, "Tests")


def test_the_user_id_of_a_client_stands_in_its_subject() -> None:
    issued = Authority.create("Tests").client_certificate("A client", user_id="com.example.app")
    subject = x509.load_pem_x509_certificate(issued.certificate).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.USER_ID)] == ["com.example.app"]


def test_a_listeners_certificate_is_made_once_for_a_host(tmp_path: Path) -> None:
    first = generated(tmp_path, "push.example")
    made = first.certificate.read_bytes()
    assert first.key.stat().st_mode & 0o777 == 0o600
    assert find("", "", tmp_path, "push.example") == first
    assert first.certificate.read_bytes() == made
    generated(tmp_path, "other.example")
    assert first.certificate.read_bytes() != made
    assert {path.name for path in tmp_path.iterdir()} == {"ca.pem", "server.pem", "server.key"}


def test_the_operators_own_files_are_taken_and_missed(tmp_path: Path) -> None:
    made = generated(tmp_path, "push.example")
    own = find(str(made.certificate), str(made.key), tmp_path / "tls", "push.example")
    assert (own.certificate, own.key, own.ca_file) == (made.certificate, made.key, "")
    with pytest.raises(ConfigurationError, match=r"none\.pem does not exist"):
        find(str(tmp_path / "none.pem"), str(made.key), tmp_path, "push.example")
