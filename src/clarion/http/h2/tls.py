"""TLS contexts for HTTP/2 clients."""

import ssl

from clarion.base.errors import ConfigurationError


def client_tls(*, ca_file: str | None = None, certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A context that verifies the peer's certificate and host name and offers ALPN `h2`, TLS 1.2 or newer.

    `ca_file` (PEM) replaces the machine's certificate authorities, as for a stub gateway; `certificate` is
    (certificate file, key file), PEM, for peers that know their clients by certificate. Raises ConfigurationError for
    files that cannot be read.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificate authority file {ca_file} cannot be used: {error}.", "Give a readable PEM file."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    if certificate is not None:
        try:
            # An encrypted key must fail here and not ask for its password on the terminal.
            context.load_cert_chain(*certificate, password="")
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"The client certificate {certificate[0]} with key {certificate[1]} cannot be used: {error}.",
                "Give a PEM certificate and the unencrypted PEM key that belongs to it.",
            ) from error
    return context
