"""The credentials the stub has issued, and its seed, both kept in the state directory (mode 0600).

The private halves are handed out once and forgotten; what stays is what a real gateway knows: public keys and whom
they stand for. The documents issued are those that `gateways/<kind>/credentials.parse` accepts.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from msgspec import Struct, field

from clarion.base.authority import Authority, private_pem
from clarion.base.errors import ConfigurationError
from clarion.base.files import create_private, write_private
from clarion.gateways.stub.certificate import provider_certificate
from clarion.gateways.stub.parsing import wrong
from clarion.gateways.stub.tokens import base64url

Document = dict[str, str | bool]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """What credentials to issue. `topic` (APNs) and `project` (FCM) are made from `name` when left out."""

    kind: Literal["apns", "fcm", "webpush"]
    name: str = "app"
    authentication: Literal["token", "certificate"] = "token"
    topic: str | None = None
    project: str | None = None


class ApnsKey(Struct, frozen=True):
    """The public half of a provider token signing key."""

    key_id: str
    team_id: str
    topic: str
    public_pem: str


class ServiceAccount(Struct, frozen=True):
    """The public half of a Google service account."""

    client_email: str
    project: str
    key_id: str
    public_pem: str


class _State(Struct):
    apns: list[ApnsKey] = field(default_factory=list)
    fcm: list[ServiceAccount] = field(default_factory=list)
    webpush: list[str] = field(default_factory=list)


class Keys:
    """Everything issued so far, looked up by what a request shows."""

    def __init__(self, state_dir: Path, authority: Authority) -> None:
        self._file = state_dir / "credentials.json"
        self._authority = authority
        self.seed = _seed(state_dir / "seed")
        self._state = _State()
        self.apns: dict[str, tuple[ApnsKey, ec.EllipticCurvePublicKey]] = {}
        self.accounts: dict[str, tuple[ServiceAccount, rsa.RSAPublicKey]] = {}
        self.webpush: set[str] = set()
        if self._file.exists():
            self._state = self._load()
            self._index()

    def issue(self, wanted: Wanted, origin: str) -> Document:
        """New credentials, valid from now on together with all issued before. Raises Invalid.

        `origin` is the stub's URL (`https://host:port`): a service account names its token endpoint there.
        """
        if not _NAME.fullmatch(wanted.name):
            raise wrong("/name", "name must be 1 to 64 letters, digits, dots or hyphens, the first no dot or hyphen.")
        if wanted.kind != "apns" and (wanted.topic is not None or wanted.authentication != "token"):
            raise wrong("/kind", "topic and authentication belong to credentials of kind apns.")
        if wanted.kind != "fcm" and wanted.project is not None:
            raise wrong("/project", "project belongs to credentials of kind fcm.")
        if wanted.kind == "apns":
            topic = wanted.topic or f"stub.{wanted.name}"
            if not _NAME.fullmatch(topic):
                raise wrong("/topic", "topic must be 1 to 64 letters, digits, dots or hyphens.")
            return self._certificate(topic) if wanted.authentication == "certificate" else self._signing_key(topic)
        if wanted.kind == "fcm":
            project = wanted.project or f"stub-{wanted.name}"
            if not _NAME.fullmatch(project):
                raise wrong("/project", "project must be 1 to 64 letters, digits, dots or hyphens.")
            return self._service_account(wanted.name, project, origin)
        return self._vapid(wanted.name)

    def _certificate(self, topic: str) -> Document:
        issued = provider_certificate(self._authority, topic)
        return {"certificate": issued.certificate.decode(), "private_key": issued.key.decode(), "topic": topic}

    def _signing_key(self, topic: str) -> Document:
        key = ec.generate_private_key(ec.SECP256R1())
        known = ApnsKey(_identifier(), _identifier(), topic, _public_pem(key.public_key()))
        self._state.apns.append(known)
        self._save()
        return {
            "private_key": private_pem(key).decode(),
            "key_id": known.key_id,
            "team_id": known.team_id,
            "topic": topic,
        }

    def _service_account(self, name: str, project: str, origin: str) -> Document:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key_id = secrets.token_hex(20)
        email = f"{name}-{key_id[:6]}@{project}.iam.gserviceaccount.com"
        self._state.fcm.append(ServiceAccount(email, project, key_id, _public_pem(key.public_key())))
        self._save()
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": key_id,
            "private_key": private_pem(key).decode(),
            "client_email": email,
            "client_id": str(secrets.randbelow(10**21)),
            "token_uri": f"{origin}/oauth2/token",
        }

    def _vapid(self, name: str) -> Document:
        key = ec.generate_private_key(ec.SECP256R1())
        public = base64url(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        self._state.webpush.append(public)
        self._save()
        return {
            "private_key": base64url(key.private_numbers().private_value.to_bytes(32, "big")),
            "public_key": public,
            "subject": f"mailto:{name}@stub.invalid",
            "allow_private": True,
        }

    def _load(self) -> _State:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_State)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(
                f"The stub's credentials file {self._file} is damaged: {error}.",
                "Delete it and issue new credentials.",
            ) from None

    def _save(self) -> None:
        write_private(self._file, msgspec.json.encode(self._state))
        self._index()

    def _index(self) -> None:
        for known in self._state.apns[len(self.apns) :]:
            key = load_pem_public_key(known.public_pem.encode())
            assert isinstance(key, ec.EllipticCurvePublicKey)
            self.apns[known.key_id] = (known, key)
        for account in self._state.fcm[len(self.accounts) :]:
            public = load_pem_public_key(account.public_pem.encode())
            assert isinstance(public, rsa.RSAPublicKey)
            self.accounts[account.client_email] = (account, public)
        self.webpush = set(self._state.webpush)


def fraction(seed: int, text: bytes) -> float:
    """A number in [0, 1) that depends on the two arguments only: how rates over tokens are decided alike every time."""
    digest = hashlib.blake2b(text, digest_size=7, key=b"%d" % seed).digest()
    return int.from_bytes(digest, "big") / (1 << 56)


def _seed(path: Path) -> bytes:
    if not path.exists():
        create_private(path, os.urandom(32).hex().encode() + b"\n")
    return bytes.fromhex(path.read_text().strip())


def _identifier() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def _public_pem(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
