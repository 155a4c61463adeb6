"""An independent sender: signing, encryption and an HTTP/2 client that share nothing with Clarion's own.

The stub is judged by this one, so that a mistake made in both the stub and Clarion's clients does not go unseen.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import ssl
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import ngh2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from msgspec import Struct, field

Fields = Mapping[str, str]
TOKEN = "c1" * 32
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jwt(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, header: Mapping[str, Any], claims: Mapping[str, Any]
) -> str:
    """A JWT signed with ES256 or RS256, as the key demands; `header` may override `alg`."""
    alg = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
    signed = f"{b64(json.dumps({'alg': alg, **header}).encode())}.{b64(json.dumps(claims).encode())}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{b64(signature)}"


def ec_key(text: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 private key of PEM, or of 32 bytes in base64url."""
    if not text.startswith("-----"):
        return ec.derive_private_key(int.from_bytes(unb64(text), "big"), ec.SECP256R1())
    key = load_pem_private_key(text.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def provider_token(credentials: Mapping[str, Any], **claims: Any) -> str:
    """An APNs provider token; `claims` override, None leaves one out."""
    whole = {"iss": credentials["team_id"], "iat": int(time.time()), **claims}
    present = {name: value for name, value in whole.items() if value is not None}
    return jwt(ec_key(credentials["private_key"]), {"kid": credentials["key_id"]}, present)


def apns_headers(credentials: Mapping[str, Any], token: str = TOKEN, **changed: str | None) -> dict[str, str]:
    """Headers of a sound alert; `changed` overrides by name with `_` for `-`, None leaves one out."""
    headers: dict[str, str | None] = {
        ":method": "POST",
        ":path": f"/3/device/{token}",
        "authorization": f"bearer {provider_token(credentials)}" if "key_id" in credentials else None,
        "apns-topic": credentials["topic"],
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": "0",
        "apns-id": str(uuid.uuid4()),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


def assertion(credentials: Mapping[str, Any], header: Mapping[str, Any] | None = None, **claims: Any) -> str:
    """A service account's assertion for the token endpoint."""
    key = load_pem_private_key(credentials["private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    now = int(time.time())
    whole = {"iss": credentials["client_email"], "scope": SCOPE, "aud": credentials["token_uri"], "iat": now}
    whole |= {"exp": now + 3600, **claims}
    present = {name: value for name, value in whole.items() if value is not None}
    return jwt(key, header if header is not None else {"kid": credentials["private_key_id"]}, present)


def token_form(text: str) -> bytes:
    """The form of a token request."""
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return urlencode({"grant_type": grant, "assertion": text}).encode()


def vapid(credentials: Mapping[str, Any], origin: str, **claims: Any) -> str:
    """A VAPID authorization value."""
    whole = {"aud": origin, "exp": int(time.time()) + 3600, "sub": credentials["subject"], **claims}
    present = {name: value for name, value in whole.items() if value is not None}
    text = jwt(ec_key(credentials["private_key"]), {"typ": "JWT"}, present)
    return f"vapid t={text}, k={credentials['public_key']}"


def encrypt(plaintext: bytes, p256dh: str, auth: str, *, delimiter: bytes = b"\x02", record_size: int = 4096) -> bytes:
    """RFC 8291: one `aes128gcm` record for a subscription."""
    receiver = unb64(p256dh)
    key = ec.generate_private_key(ec.SECP256R1())
    sender = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), receiver))
    material = _hkdf(unb64(auth), shared, b"WebPush: info\0" + receiver + sender, 32)
    salt = os.urandom(16)
    content_key = _hkdf(salt, material, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, material, b"Content-Encoding: nonce\0", 12)
    record = AESGCM(content_key).encrypt(nonce, plaintext + delimiter, None)
    return salt + record_size.to_bytes(4, "big") + b"\x41" + sender + record


def _hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    pseudo_random = hmac.new(salt, material, hashlib.sha256).digest()
    return hmac.new(pseudo_random, info + b"\x01", hashlib.sha256).digest()[:length]


def webpush_headers(credentials: Mapping[str, Any], endpoint: str, **changed: str | None) -> dict[str, str]:
    """Headers of a sound Web Push message; `changed` as in `apns_headers`."""
    parts = urlsplit(endpoint)
    headers: dict[str, str | None] = {
        ":method": "POST",
        ":path": parts.path,
        "authorization": vapid(credentials, f"https://{parts.netloc}"),
        "ttl": "60",
        "urgency": "high",
        "content-encoding": "aes128gcm",
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


class Outcome(Struct):
    """What became of a request: a status, or a reset stream (`reset` is its error code), or neither when the
    connection ended. `data` lists the sizes of the DATA events."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    data: list[int] = field(default_factory=list)
    reset: int | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One HTTP/2 connection. `goaway` is the last GOAWAY received, `streams` the peer's limit."""

    def __init__(self, authority: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._authority = authority
        self._reader = reader
        self._writer = writer
        self._http = ngh2.Connection(ngh2.Role.CLIENT)
        self._waiting: dict[int, tuple[Outcome, asyncio.Future[Outcome]]] = {}
        self._changed = asyncio.Condition()
        self.goaway: ngh2.GoAwayReceived | None = None
        self.streams: int | None = None
        self.closed = False
        self._http.initiate_connection({ngh2.Setting.INITIAL_WINDOW_SIZE: 1 << 20})
        self._http.set_local_window_size(1 << 24)
        self._flush()
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, url: str, context: ssl.SSLContext) -> "RawClient":
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        return cls(parts.netloc, reader, writer)

    def submit(self, headers: Fields, body: bytes = b"", extra: list[tuple[str, str]] | None = None) -> int:
        """Begin a request and return its stream id; `sent` writes what was begun."""
        whole = {":scheme": "https", ":authority": self._authority, **headers}
        ordered = sorted(whole.items(), key=lambda pair: not pair[0].startswith(":"))
        fields = [(name.encode(), value.encode()) for name, value in [*ordered, *(extra or [])]]
        stream_id = self._http.send_request(fields, end_stream=not body)
        if body:
            self._http.send_data(stream_id, body, end_stream=True)
        self._waiting[stream_id] = (Outcome(), asyncio.get_running_loop().create_future())
        return stream_id

    def sent(self) -> None:
        self._flush()

    async def outcome(self, stream_id: int) -> Outcome:
        """The end of a request; also when the connection ends first."""
        return await asyncio.wait_for(self._waiting[stream_id][1], 10)

    async def request(self, headers: Fields, body: bytes = b"", **more: Any) -> Outcome:
        stream_id = self.submit(headers, body, **more)
        self._flush()
        return await self.outcome(stream_id)

    def cancel(self, stream_id: int) -> None:
        self._http.reset_stream(stream_id, ngh2.ErrorCode.CANCEL)
        self._flush()

    def raw(self, data: bytes) -> None:
        """Send bytes past the HTTP/2 engine."""
        self._writer.write(data)

    async def until(self, condition: Any) -> None:
        """Wait until `condition()` holds; it is asked again after every read."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    async def aclose(self) -> None:
        self._writer.close()
        await self._task

    def _flush(self) -> None:
        data = self._http.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(65_536):
                self._http.receive_data(data)
                for event in self._http.events():
                    self._take(event)
                self._flush()
                async with self._changed:
                    self._changed.notify_all()
        except OSError:
            pass
        self.closed = True
        self._writer.close()
        for outcome, future in self._waiting.values():
            if not future.done():
                future.set_result(outcome)
        async with self._changed:
            self._changed.notify_all()

    def _take(self, event: ngh2.Event) -> None:
        match event:
            case ngh2.ResponseReceived():
                outcome = self._waiting[event.stream_id][0]
                fields = {name.decode(): value.decode() for name, value in event.headers}
                outcome.status = int(fields.pop(":status"))
                outcome.headers = fields
            case ngh2.DataReceived():
                outcome = self._waiting[event.stream_id][0]
                outcome.body += event.data
                outcome.data.append(len(event.data))
            case ngh2.StreamReset():
                self._waiting[event.stream_id][0].reset = event.error_code
            case ngh2.StreamClosed():
                outcome, future = self._waiting[event.stream_id]
                if outcome.status == 0 and outcome.reset is None:
                    outcome.reset = event.error_code
                if not future.done():
                    future.set_result(outcome)
            case ngh2.GoAwayReceived():
                self.goaway = event
            case ngh2.SettingsReceived():
                self.streams = event.settings.get(ngh2.Setting.MAX_CONCURRENT_STREAMS, self.streams)
