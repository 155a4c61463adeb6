"""A push service: RFC 8030 (delivery), RFC 8292 (VAPID), RFC 8188 and 8291 (encryption, really decrypted)."""

import re
from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from clarion.gateways.stub import tokens
from clarion.gateways.stub.decryption import Undecryptable, decrypt
from clarion.gateways.stub.exchange import Delivery, Headers, Refused, Reply, Request, named_id
from clarion.gateways.stub.keys import Keys
from clarion.gateways.stub.subscriptions import SubscriptionKeys

PREFIX = b"/wp/"

_TTL = re.compile(rb"[0-9]{1,10}")
_TOPIC = re.compile(rb"[A-Za-z0-9_-]{1,32}")
_URGENCIES = (b"very-low", b"low", b"normal", b"high")
_PARAMETER = re.compile(rb'\s*([tk])\s*=\s*"?([A-Za-z0-9._=-]+)"?\s*')
_LARGEST = 4096
_DAY = 86_400
_CACHED = 10_000


class _Named(Struct):
    clarion_delivery: str | None = None


class _Sender(Struct, frozen=True):
    """A VAPID token whose signature holds."""

    audience: str
    expires: int


_decode_named = msgspec.json.Decoder(_Named).decode


class WebPush:
    """`POST /wp/<subscription>`."""

    kind = "webpush"
    dead = "gone"
    too_many = "too_many_requests"
    reasons: Mapping[str, int] = {
        "bad_request": 400,
        "missing_ttl": 400,
        "bad_urgency": 400,
        "bad_topic": 400,
        "bad_encoding": 400,
        "undecryptable": 400,
        "missing_vapid": 401,
        "bad_vapid": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "gone": 410,
        "payload_too_large": 413,
        "too_many_requests": 429,
        "internal_error": 500,
        "unavailable": 503,
    }

    def __init__(self, keys: Keys, subscriptions: SubscriptionKeys) -> None:
        self._keys = keys
        self._subscriptions = subscriptions
        self._senders: dict[bytes, _Sender] = {}
        self._answered = 0

    def check(self, request: Request) -> Delivery:
        """See `StrictGateway.check`. The delivery's token is the last segment of the endpoint."""
        token = request.path[len(PREFIX) :]
        if request.method != b"POST":
            raise Refused("method_not_allowed", "The method must be POST.", token)
        known = self._subscriptions.auth_of(token)
        if known is None:
            raise Refused("not_found", "There is no such subscription.", token)
        try:
            self._check_sender(request)
            _check_headers(request.fields)
            payload = self._payload(request, *known)
        except Refused as refused:
            refused.token = token
            raise
        return Delivery(token, named_id(_named(payload)), payload, request)

    def accepted(self, delivery: Delivery) -> Reply:
        """201 with the location of the message."""
        self._answered += 1
        origin = b"https://" + delivery.request.authority
        location = b"%b/wp/m/%d" % (origin, self._answered)
        return Reply([(b":status", b"201"), (b"location", location), (b"ttl", delivery.request.fields[b"ttl"])])

    def refused(self, request: Request, refusal: Refused, dead_since: float) -> Reply:  # noqa: ARG002 - the protocol
        """The status of the reason; the body is JSON for people."""
        status = self.reasons[refusal.reason]
        body = {"code": status, "error": refusal.reason, "message": refusal.explanation}
        headers: Headers = [(b":status", b"%d" % status), (b"content-type", b"application/json")]
        if status == 401:
            headers.append((b"www-authenticate", b"vapid"))
        return Reply(headers, msgspec.json.encode(body))

    def scope(self, delivery: Delivery) -> bytes:
        """429 holds back one subscription."""
        return delivery.token

    def _payload(self, request: Request, number: int, auth: bytes) -> bytes:
        if len(request.body) > _LARGEST:
            raise Refused("payload_too_large", f"The body has more than {_LARGEST} bytes.")
        if not request.body:
            return b""
        encoding = request.fields.get(b"content-encoding", b"")
        if encoding != b"aes128gcm":
            raise Refused("bad_encoding", f"content-encoding is {encoding.decode('latin-1')!r}, must be aes128gcm.")
        private, public = self._subscriptions.private(number)
        try:
            return decrypt(request.body, private, public, auth)
        except Undecryptable as error:
            raise Refused("undecryptable", str(error)) from None

    def _check_sender(self, request: Request) -> None:
        authorization = request.fields.get(b"authorization")
        if authorization is None:
            raise Refused("missing_vapid", "The authorization header is missing.")
        sender = self._senders.get(authorization)
        if sender is None:
            sender = self._verify(authorization)
        origin = f"https://{request.authority.decode('latin-1')}"
        if sender.audience != origin:
            raise Refused("bad_vapid", f"aud is {sender.audience!r}, must be {origin!r}.")
        left = sender.expires - request.at
        if not 0 < left <= _DAY:
            raise Refused("bad_vapid", f"exp is {left:.0f} s from now, must be within the next 24 hours.")

    def _verify(self, authorization: bytes) -> _Sender:
        scheme, _, rest = authorization.partition(b" ")
        if scheme.lower() != b"vapid":
            raise Refused("missing_vapid", "authorization must be: vapid t=<token>, k=<public key>.")
        parameters = {}
        for part in rest.split(b","):
            match = _PARAMETER.fullmatch(part)
            if match is None or match.group(1) in parameters:
                raise Refused("bad_vapid", "authorization must be: vapid t=<token>, k=<public key>.")
            parameters[match.group(1)] = match.group(2)
        if len(parameters) != 2:
            raise Refused("bad_vapid", "The parameters t and k are both needed.")
        if parameters[b"k"].decode() not in self._keys.webpush:
            raise Refused("bad_vapid", "k is no application server key that these subscriptions belong to.")
        claims = _verified(parameters[b"t"], parameters[b"k"])
        if not claims.sub or not claims.sub.startswith(("mailto:", "https:")):
            raise Refused("bad_vapid", "sub must be a mailto: or https: contact.")
        if claims.aud is None or claims.exp is None:
            raise Refused("bad_vapid", "The claims aud and exp are needed.")
        if len(self._senders) >= _CACHED:
            self._senders.clear()
        self._senders[authorization] = _Sender(claims.aud, claims.exp)
        return self._senders[authorization]


def _verified(text: bytes, key: bytes) -> tokens.Claims:
    try:
        token = tokens.parse(text)
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), tokens.unbase64url(key))
        tokens.verify_es256(token, public)
    except tokens.BadToken as error:
        raise Refused("bad_vapid", str(error)) from None
    return token.claims


def _check_headers(fields: dict[bytes, bytes]) -> None:
    ttl = fields.get(b"ttl")
    if ttl is None or not _TTL.fullmatch(ttl):
        raise Refused("missing_ttl", "The ttl header is mandatory: whole seconds (RFC 8030 section 5.2).")
    urgency = fields.get(b"urgency", b"normal")
    if urgency not in _URGENCIES:
        raise Refused("bad_urgency", f"urgency is {urgency.decode('latin-1')!r}.")
    topic = fields.get(b"topic")
    if topic is not None and not _TOPIC.fullmatch(topic):
        raise Refused("bad_topic", "topic must be 1 to 32 characters of base64url (RFC 8030 section 5.4).")


def _named(payload: bytes) -> str | None:
    if b"clarion_delivery" not in payload:
        return None
    try:
        return _decode_named(payload).clarion_delivery
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
