"""APNs as strict as Apple's: path, provider token or client certificate, every header, the payload.

Reasons and statuses are those of Apple's table "Handling error responses from Apple Push Notification service".
"""

import re
import uuid
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from clarion.gateways.stub import tokens
from clarion.gateways.stub.exchange import Delivery, Headers, Refused, Reply, Request
from clarion.gateways.stub.keys import ApnsKey, Keys

_TOKEN = re.compile(rb"[0-9A-Fa-f]{64,200}")
_UUID = re.compile(rb"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_EXPIRATION = re.compile(rb"0|[1-9][0-9]{0,11}")
_PREFIX = b"/3/device/"
_HOUR = 3600
_SKEW = 5
_CACHED = 10_000
_SUFFIX_OF_TYPE = {
    b"alert": b"",
    b"background": b"",
    b"location": b".location-query",
    b"voip": b".voip",
    b"complication": b".complication",
    b"fileprovider": b".pushkit.fileprovider",
    b"mdm": b"",
    b"liveactivity": b".push-type.liveactivity",
    b"pushtotalk": b".voip-ptt",
}


class _Payload(Struct):
    aps: dict[str, msgspec.Raw] | None = None


class _Provider(Struct, frozen=True):
    """A provider token whose signature holds."""

    key: ApnsKey
    issued_at: int


_decode_payload = msgspec.json.Decoder(_Payload).decode


class Apns:
    """`POST /3/device/<token>`."""

    kind = "apns"
    dead = "Unregistered"
    too_many = "TooManyRequests"
    reasons: Mapping[str, int] = {
        "BadCollapseId": 400,
        "BadDeviceToken": 400,
        "BadExpirationDate": 400,
        "BadMessageId": 400,
        "BadPriority": 400,
        "BadTopic": 400,
        "DeviceTokenNotForTopic": 400,
        "DuplicateHeaders": 400,
        "IdleTimeout": 400,
        "InvalidPushType": 400,
        "MissingDeviceToken": 400,
        "MissingTopic": 400,
        "PayloadEmpty": 400,
        "TopicDisallowed": 400,
        "BadCertificate": 403,
        "BadCertificateEnvironment": 403,
        "ExpiredProviderToken": 403,
        "Forbidden": 403,
        "InvalidProviderToken": 403,
        "MissingProviderToken": 403,
        "UnrelatedKeyIdInToken": 403,
        "BadEnvironmentKeyIdInToken": 403,
        "BadPath": 404,
        "MethodNotAllowed": 405,
        "ExpiredToken": 410,
        "Unregistered": 410,
        "PayloadTooLarge": 413,
        "TooManyProviderTokenUpdates": 429,
        "TooManyRequests": 429,
        "InternalServerError": 500,
        "ServiceUnavailable": 503,
        "Shutdown": 503,
    }

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._providers: dict[bytes, _Provider] = {}
        self.token_spacing = 0
        """Seconds a connection must wait before it shows another token of the same key; 0 is no rule."""

    def check(self, request: Request) -> Delivery:
        """See `StrictGateway.check`."""
        if request.method != b"POST":
            raise Refused("MethodNotAllowed", f"The method must be POST, is {request.method.decode('latin-1')}.")
        if not request.path.startswith(_PREFIX):
            raise Refused("BadPath", "The path must be /3/device/<token>.")
        fields = request.fields
        if len(fields) != len(request.headers):
            raise Refused("DuplicateHeaders", "A header is repeated.")
        topic = self._topic(request)
        token = request.path[len(_PREFIX) :]
        if not token:
            raise Refused("MissingDeviceToken", "The path has no device token.")
        if not _TOKEN.fullmatch(token) or len(token) % 2:
            raise Refused("BadDeviceToken", "A device token is an even number of 64 to 200 hex digits.", token)
        try:
            apns_id = _check_headers(fields, topic)
            _check_payload(fields[b"apns-push-type"], request.body)
        except Refused as refused:
            refused.token = token
            raise
        delivery_id = bytes.fromhex(apns_id.replace(b"-", b"").decode()) if apns_id else None
        return Delivery(token, delivery_id, request.body, request)

    def accepted(self, delivery: Delivery) -> Reply:
        """200 with the `apns-id` of the request, or a new one."""
        return Reply([(b":status", b"200"), (b"apns-id", _apns_id(delivery.request))])

    def refused(self, request: Request, refusal: Refused, dead_since: float) -> Reply:
        """The status of the reason and `{"reason": ...}`; 410 with the `timestamp` in milliseconds."""
        status = self.reasons[refusal.reason]
        body: dict[str, str | int] = {"reason": refusal.reason}
        if status == 410:
            body["timestamp"] = int(dead_since * 1000)
        headers: Headers = [
            (b":status", b"%d" % status),
            (b"apns-id", _apns_id(request)),
            (b"content-type", b"application/json"),
        ]
        return Reply(headers, msgspec.json.encode(body))

    def scope(self, delivery: Delivery) -> bytes:
        """429 holds back one device."""
        return delivery.token

    def _topic(self, request: Request) -> bytes:
        """The topic the credentials stand for."""
        authorization = request.fields.get(b"authorization")
        if authorization is None:
            if request.peer.topic is None:
                raise Refused("MissingProviderToken", "No provider token and no client certificate was shown.")
            return request.peer.topic.encode()
        provider = self._providers.get(authorization)
        if provider is None:
            provider = self._verify(authorization)
        age = request.at - provider.issued_at
        if age > _HOUR:
            raise Refused("ExpiredProviderToken", f"The provider token is {int(age)} s old, an hour is the limit.")
        if age < -_SKEW:
            raise Refused("InvalidProviderToken", f"The provider token's iat is {int(-age)} s in the future.")
        if self.token_spacing:
            self._check_spacing(request, authorization, provider.key.key_id)
        return provider.key.topic.encode()

    def _verify(self, authorization: bytes) -> _Provider:
        scheme, _, bearer = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not bearer:
            raise Refused("MissingProviderToken", "authorization must be: bearer <provider token>.")
        try:
            token = tokens.parse(bearer)
            if token.header.kid not in self._keys.apns:
                raise Refused("InvalidProviderToken", f"No signing key has the kid {token.header.kid!r}.")
            key, public = self._keys.apns[token.header.kid]
            tokens.verify_es256(token, public)
        except tokens.BadToken as error:
            raise Refused("InvalidProviderToken", str(error)) from None
        if token.claims.iss != key.team_id:
            raise Refused("InvalidProviderToken", f"iss is {token.claims.iss!r}, must be the team {key.team_id!r}.")
        if token.claims.iat is None:
            raise Refused("InvalidProviderToken", "The claim iat is missing.")
        if len(self._providers) >= _CACHED:
            self._providers.clear()
        self._providers[authorization] = _Provider(key, token.claims.iat)
        return self._providers[authorization]

    def _check_spacing(self, request: Request, authorization: bytes, key_id: str) -> None:
        shown, since = request.peer.providers.get(key_id, (authorization, request.at))
        if shown != authorization and request.at - since < self.token_spacing:
            raise Refused(
                "TooManyProviderTokenUpdates",
                f"Another provider token after {request.at - since:.0f} s, {self.token_spacing} s is the rule.",
            )
        if shown != authorization:
            since = request.at
        request.peer.providers[key_id] = (authorization, since)


def _check_headers(fields: dict[bytes, bytes], allowed: bytes) -> bytes | None:
    """Check the `apns-*` headers; the `apns-id` when there is one."""
    push_type = fields.get(b"apns-push-type", b"")
    suffix = _SUFFIX_OF_TYPE.get(push_type)
    if suffix is None:
        raise Refused("InvalidPushType", f"apns-push-type is {push_type.decode('latin-1')!r}.")
    topic = fields.get(b"apns-topic")
    if topic is None and b"authorization" in fields:
        raise Refused("MissingTopic", "apns-topic is missing, a provider token needs it.")
    if topic is not None and topic != allowed + suffix:
        known = topic.startswith(allowed + b".") or topic == allowed
        expected = (allowed + suffix).decode()
        raise Refused(
            "BadTopic" if known else "TopicDisallowed",
            f"apns-topic is {topic.decode('latin-1')!r}; these credentials and push type allow {expected!r}.",
        )
    priority = fields.get(b"apns-priority", b"10")
    if priority not in (b"10", b"5", b"1"):
        raise Refused("BadPriority", f"apns-priority is {priority.decode('latin-1')!r}, must be 10, 5 or 1.")
    if push_type == b"background" and priority == b"10":
        raise Refused("BadPriority", "A background push must have apns-priority 5.")
    expiration = fields.get(b"apns-expiration")
    if expiration is not None and not _EXPIRATION.fullmatch(expiration):
        raise Refused("BadExpirationDate", "apns-expiration must be 0 or whole epoch seconds.")
    if len(fields.get(b"apns-collapse-id", b"")) > 64:
        raise Refused("BadCollapseId", "apns-collapse-id is longer than 64 bytes.")
    apns_id = fields.get(b"apns-id")
    if apns_id is not None and not _UUID.fullmatch(apns_id):
        raise Refused("BadMessageId", f"apns-id is {apns_id.decode('latin-1')!r}, must be a UUID.")
    return apns_id


def _check_payload(push_type: bytes, payload: bytes) -> None:
    if len(payload) > (5120 if push_type == b"voip" else 4096):
        raise Refused("PayloadTooLarge", "The payload is larger than its push type allows.")
    if not payload:
        raise Refused("PayloadEmpty", "The payload is empty.")
    try:
        aps = _decode_payload(payload).aps
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused("PayloadEmpty", f"The payload is not a JSON object with an object aps: {error}.") from None
    if aps is None and push_type in (b"alert", b"background"):
        raise Refused("PayloadEmpty", "The payload has no member aps.")


def _apns_id(request: Request) -> bytes:
    given = request.fields.get(b"apns-id")
    return given if given is not None and _UUID.fullmatch(given) else str(uuid.uuid4()).upper().encode()
