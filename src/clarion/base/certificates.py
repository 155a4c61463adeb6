"""TLS for listeners: the operator's own certificate, or one made for a first look.

The generated certificate is signed by an authority of its own, whose certificate (`ca.pem`) callers may trust:
`curl --cacert DATA_DIR/tls/ca.pem ...`. The authority's key is forgotten at once: nobody can sign with it later.
"""

import socket
from pathlib import Path

from cryptography import x509
from msgspec import Struct

from clarion.base.authority import CA_FILE, Authority, general_name
from clarion.base.errors import ConfigurationError
from clarion.base.files import write_private


class Certificate(Struct, frozen=True):
    """Files of a listener's certificate; `ca_file` is what callers have to trust, "" for one of the public kind."""

    certificate: Path
    key: Path
    ca_file: str = ""


def find(certificate: str, key: str, folder: Path, host: str) -> Certificate:
    """The operator's files when given, else those generated in `folder`. Raises ConfigurationError for absent files."""
    if not certificate:
        return generated(folder, host)
    for path, name in ((certificate, "certificate"), (key, "certificate key")):
        if not path or not Path(path).is_file():
            raise ConfigurationError(f"The {name} file {path or '(none)'} does not exist.", "Give both PEM files.")
    return Certificate(Path(certificate), Path(key))


def generated(folder: Path, host: str) -> Certificate:
    """The certificate of a folder, made when there is none for this host."""
    found = Certificate(folder / "server.pem", folder / "server.key", str(folder / CA_FILE))
    if found.certificate.exists() and found.key.exists() and _covers(found.certificate, host):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority.create("Clarion first-look authority")
    issued = authority.server_certificate("Clarion", (host, socket.gethostname()))
    Path(found.ca_file).write_bytes(authority.pem)
    write_private(found.key, issued.key)
    found.certificate.write_bytes(issued.certificate)
    return found


def _covers(path: Path, host: str) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return general_name(host) in list(names)
