"""What the stub has of certificates: TLS for its listener, and those of applications that use APNs with a certificate.

Both come from the stub's own authority, which is kept in its state directory (`base.authority`).
"""

import ssl
from pathlib import Path

from clarion.base.authority import Authority, Issued
from clarion.base.files import write_private


def server_context(authority: Authority, state_dir: Path, host: str) -> ssl.SSLContext:
    """TLS for the listener: ALPN `h2` only, TLS 1.2 or newer; a client certificate is optional, and of this CA.

    The server's certificate is a new one at every start; Python reads it from a file only.
    """
    issued = authority.server_certificate("Clarion stub gateways", (host,))
    file = state_dir / "server.pem"
    write_private(file, issued.key + issued.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(file)
    context.load_verify_locations(cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def provider_certificate(authority: Authority, topic: str) -> Issued:
    """An APNs provider certificate: its UID is the topic, as with Apple's."""
    return authority.client_certificate(f"Apple Push Services: {topic}"[:64], user_id=topic)
