"""FCM HTTP v1: OAuth access token, project, and a message of exactly the documented shape.

Error bodies have Google's form, with `FcmError` or `BadRequest` details as the real service has them: only an error
about the token itself says so, and only an error about the request lists field violations.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from clarion.gateways.stub import fcm_message
from clarion.gateways.stub.exchange import Delivery, Refused, Reply, Request, named_id
from clarion.gateways.stub.oauth import TokenEndpoint

PREFIX = b"/v1/projects/"

_PATH = re.compile(rb"/v1/projects/([A-Za-z0-9.:_-]+)/messages:send")
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

# Reason: HTTP status, canonical status, FcmError errorCode ("" for errors that are not FCM's own).
_TABLE = {
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT", ""),
    "INVALID_TOKEN": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    "UNAUTHENTICATED": (401, "UNAUTHENTICATED", ""),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
    "PERMISSION_DENIED": (403, "PERMISSION_DENIED", ""),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    "NOT_FOUND": (404, "NOT_FOUND", ""),
    "UNREGISTERED": (404, "NOT_FOUND", "UNREGISTERED"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    "INTERNAL": (500, "INTERNAL", "INTERNAL"),
    "UNAVAILABLE": (503, "UNAVAILABLE", "UNAVAILABLE"),
}


class Fcm:
    """`POST /v1/projects/<project>/messages:send`."""

    kind = "fcm"
    dead = "UNREGISTERED"
    too_many = "QUOTA_EXCEEDED"
    reasons: Mapping[str, int] = {reason: row[0] for reason, row in _TABLE.items()}

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._tokens = endpoint
        self._answered = 0

    def check(self, request: Request) -> Delivery:
        """See `StrictGateway.check`."""
        match = _PATH.fullmatch(request.path)
        if match is None or request.method != b"POST":
            raise Refused("NOT_FOUND", "Only POST /v1/projects/<project>/messages:send is here.")
        self._check_access(request, match.group(1).decode())
        content_type = request.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type != b"application/json":
            raise Refused("INVALID_ARGUMENT", "content-type must be application/json.", field="content-type")
        sent = fcm_message.parse(request.body)
        token = sent.message.token or ""
        named = (sent.message.data or {}).get("clarion_delivery")
        return Delivery(token.encode(), named_id(named), request.body, request, dry=sent.validate_only)

    def accepted(self, delivery: Delivery) -> Reply:
        """200 with the name of the message."""
        self._answered += 1
        project = delivery.request.path.split(b"/")[3].decode()
        name = "fake_message_id" if delivery.dry else f"0:{self._answered:016d}%c1a4109000000000"
        body = b'{"name":"projects/%b/messages/%b"}' % (project.encode(), name.encode())
        return Reply([(b":status", b"200"), (b"content-type", b"application/json; charset=UTF-8")], body)

    def refused(self, request: Request, refusal: Refused, dead_since: float) -> Reply:  # noqa: ARG002 - the protocol
        """Google's error form."""
        status, canonical, code = _TABLE[refusal.reason]
        details: list[dict[str, Any]] = []
        if code:
            details.append({"@type": _FCM_ERROR, "errorCode": code})
        elif refusal.reason == "INVALID_ARGUMENT":
            violation = {"field": refusal.field, "description": refusal.explanation}
            details.append({"@type": _BAD_REQUEST, "fieldViolations": [violation]})
        error = {"code": status, "message": refusal.explanation, "status": canonical, "details": details}
        headers = [(b":status", b"%d" % status), (b"content-type", b"application/json; charset=UTF-8")]
        if status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="https://accounts.google.com/"'))
        return Reply(headers, msgspec.json.encode({"error": error}))

    def scope(self, delivery: Delivery) -> bytes:
        """429 holds back the whole project."""
        return delivery.request.path

    def _check_access(self, request: Request, project: str) -> None:
        scheme, _, text = request.fields.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not text:
            raise Refused("UNAUTHENTICATED", "Request is missing an OAuth 2 access token.")
        token = self._tokens.open(text)
        if token is None:
            raise Refused("UNAUTHENTICATED", "The OAuth 2 access token was not issued here.")
        if token.expires <= request.at:
            raise Refused("UNAUTHENTICATED", "The OAuth 2 access token has expired.")
        if token.project != project:
            raise Refused("PERMISSION_DENIED", f"The access token is for project {token.project!r}, not {project!r}.")
