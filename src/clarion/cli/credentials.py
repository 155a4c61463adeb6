"""From the files a gateway's operator hands out to the one JSON document that `clarion.gateways` reads.

A JSON file (FCM's service account, or a document with all members) is taken as it is; PEM files become the members
`certificate` and `private_key`; the small facts beside them come as options.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clarion.base.errors import ConfigurationError

_KEY_FILE = re.compile(r"AuthKey_([A-Za-z0-9]{10})\.p8")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_LARGEST = 1 << 20


def gather(files: Sequence[Path], facts: Mapping[str, str | None]) -> bytes:
    """The credentials as JSON. `facts` are members given as options; None is left out. Raises ConfigurationError."""
    document: dict[str, Any] = {}
    for path in files:
        document |= _read(path)
    document |= {name: value for name, value in facts.items() if value is not None}
    return json.dumps(document).encode()


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        text = raw.decode()
    except OSError as error:
        raise ConfigurationError(
            f"The credentials file {path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"The credentials file {path} is neither JSON nor PEM text.",
            "A .p12 file has to be converted first: openssl pkcs12 -in cert.p12 -out cert.pem -nodes",
        ) from None
    if len(raw) > _LARGEST:
        raise ConfigurationError(f"The credentials file {path} is larger than 1 MB.", "Give the right file.")
    return _json(path, text) if text.lstrip().startswith(("{", "[")) else _pem(path, text)


def _json(path: Path, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(
            f"The credentials file {path} is not JSON: {error}.", "Download it again, and do not edit it."
        ) from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"The credentials file {path} holds no JSON object.", "Give the right file.")
    return document


def _pem(path: Path, text: str) -> dict[str, Any]:
    certificate, key = _CERTIFICATE.search(text), _PRIVATE_KEY.search(text)
    found: dict[str, Any] = {}
    if certificate:
        found["certificate"] = certificate.group()
    if key:
        found["private_key"] = key.group()
    if not found:
        raise ConfigurationError(
            f"The credentials file {path} is neither JSON nor PEM text.",
            "FCM: the service account's JSON file. APNs: the .p8 key, or certificate and key as PEM. "
            "Web Push: the VAPID private key as PEM, or JSON.",
        )
    named = _KEY_FILE.fullmatch(path.name)
    if named and not certificate:
        found["key_id"] = named.group(1)
    return found
