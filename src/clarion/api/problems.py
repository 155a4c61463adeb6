"""Problem details (RFC 9457) of v2, the device surface and administration: one table of codes, one function that makes
the response.

The status of a code, its title and the words of its page under `/problems/{code}` stand here and nowhere else
(v2 rules 6.1, 6.2).
"""

import re
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from clarion.api.exchange import Request, Response
from clarion.base.errors import Finding

MEDIA_TYPE: Final = "application/problem+json"
MOST_ITEMS: Final = 100
_LONGEST: Final = 2000


class ProblemType(Struct, frozen=True):
    """One code: its status, its title, and what a person should know about it."""

    status: int
    title: str
    advice: str


PROBLEMS: Final[dict[str, ProblemType]] = {
    "malformed_request": ProblemType(400, "Malformed request", "Send the body as strict JSON in UTF-8."),
    "invalid_parameter": ProblemType(400, "Invalid parameter", "Correct the parameter or header named in errors."),
    "unknown_parameter": ProblemType(400, "Unknown parameter", "Leave out parameters the operation does not document."),
    "missing_parameter": ProblemType(400, "Missing parameter", "Add the parameter named in errors."),
    "unknown_sort_field": ProblemType(400, "Unknown sort field", "Sort by one of the fields the detail lists."),
    "unknown_filter_field": ProblemType(400, "Unknown filter field", "Filter by one of the fields the detail lists."),
    "unsupported_filter_operator": ProblemType(
        400, "Unsupported filter operator", "Use an operator that fits the type of the field."
    ),
    "invalid_idempotency_key": ProblemType(
        400, "Invalid idempotency key", "Use 1 to 255 visible ASCII characters as Idempotency-Key."
    ),
    "unauthenticated": ProblemType(401, "Not authenticated", "Get a token at /oauth2/token and send it as Bearer."),
    "invalid_token": ProblemType(401, "Invalid token", "The token is unknown, expired or revoked: get a new one."),
    "insufficient_scope": ProblemType(403, "Insufficient scope", "Ask for a token with the scope the challenge names."),
    "forbidden": ProblemType(403, "Forbidden", "Ask an administrator for the role or the application you need."),
    "https_required": ProblemType(403, "HTTPS required", "Send the request again over HTTPS."),
    "account_suspended": ProblemType(403, "Account suspended", "Reading still works; ask the operator about the rest."),
    "route_not_found": ProblemType(404, "No such route", "Check the path: case and trailing slash count."),
    "not_found": ProblemType(404, "Not found", "The resource does not exist, or not for this client."),
    "method_not_allowed": ProblemType(405, "Method not allowed", "Use one of the methods in the Allow header."),
    "not_acceptable": ProblemType(406, "Not acceptable", "Accept one of the media types the operation produces."),
    "duplicate_external_reference": ProblemType(
        409, "Duplicate external reference", "Another record of this kind carries the same externalReference."
    ),
    "duplicate_value": ProblemType(409, "Duplicate value", "Another record holds a value that must be unique."),
    "identity_already_linked": ProblemType(409, "Identity already linked", "The identity belongs to another guest."),
    "device_already_linked": ProblemType(409, "Device already linked", "Unlink the device from its guest first."),
    "conflict": ProblemType(409, "Conflict", "The detail says what stands in the way."),
    "invalid_state_transition": ProblemType(
        409, "Invalid state transition", "Read the record again: its status does not allow this move."
    ),
    "resource_in_use": ProblemType(409, "Resource in use", "Remove what still refers to the resource first."),
    "case_closed": ProblemType(409, "Case closed", "A closed or cancelled case takes no changes; open a new one."),
    "invoice_not_draft": ProblemType(409, "Invoice not a draft", "Lines change only while the invoice is a draft."),
    "idempotency_request_in_progress": ProblemType(
        409, "Request in progress", "The first request with this key still runs: repeat after Retry-After."
    ),
    "precondition_failed": ProblemType(412, "Precondition failed", "Read the resource again and use its new ETag."),
    "payload_too_large": ProblemType(413, "Payload too large", "Send a smaller body."),
    "unsupported_media_type": ProblemType(415, "Unsupported media type", "Send a media type the operation takes."),
    "validation_failed": ProblemType(422, "Validation failed", "Correct every finding listed in errors."),
    "idempotency_key_reused": ProblemType(
        422, "Idempotency key reused", "The key was used with another request: choose a new one."
    ),
    "rate_limited": ProblemType(429, "Too many requests", "Wait for the seconds in Retry-After, then repeat."),
    "too_many_streams": ProblemType(429, "Too many streams", "Close another stream first."),
    "internal_error": ProblemType(500, "Internal error", "Repeat later; tell the operator the requestId."),
    "not_implemented": ProblemType(501, "Not implemented", "This installation's release does not have the operation."),
    "service_unavailable": ProblemType(503, "Service unavailable", "Repeat after the seconds in Retry-After."),
}

ITEM_CODES: Final[dict[str, str]] = {
    "missing": "required",
    "unknown_field": "unknown_field",
    "not_allowed": "inconsistent",
    "name": "invalid_format",
    "wrong_type": "invalid_type",
    "enum": "invalid_value",
    "pattern": "invalid_format",
    "format": "invalid_format",
    "encoding": "invalid_format",
    "nul": "invalid_format",
    "too_short": "too_short",
    "too_long": "too_long",
    "too_few": "too_short",
    "too_many": "too_long",
    "minimum": "out_of_range",
    "maximum": "out_of_range",
    **{
        code: code
        for code in (
            "required",
            "invalid_format",
            "out_of_range",
            "immutable_field",
            "reference_not_found",
            "scope_not_grantable",
            "tag_type_mismatch",
            "unresolved_token",
            "inconsistent",
        )
    },
}
"""Codes of findings to codes of problem items; any other is `invalid_value`."""


def item(finding: Finding, place: str) -> dict[str, str]:
    """A problem item; `place` is `pointer`, `parameter` or `header` (v2 rule 6.3)."""
    where = f"#{finding.pointer}" if place == "pointer" else finding.pointer
    code = ITEM_CODES.get(finding.code, "invalid_value")
    return {"code": code, "detail": finding.message[:_LONGEST], place: where[:_LONGEST]}


def problem(
    request: Request,
    base_url: str,
    code: str,
    detail: str,
    *headers: tuple[str, str],
    errors: list[dict[str, str]] | None = None,
    members: dict[str, Any] | None = None,
) -> Response:
    """The response for a code. `detail` tells what happened this time and must not quote secrets; `members` are others
    that the code has."""
    kind = PROBLEMS[code]
    body: dict[str, Any] = {
        "type": f"{base_url}/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail[:_LONGEST],
        "instance": _target(request),
        "code": code,
        "requestId": request.reference,
    }
    if errors:
        body["errors"] = errors[:MOST_ITEMS]
    body.update(members or {})
    return Response(
        kind.status,
        [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store"), *headers],
        msgspec.json.encode(body),
    )


def _target(request: Request) -> str:
    """The request target as a valid URI reference of bounded length."""
    query = request.query.decode("latin-1")
    raw = f"{request.path}?{query}" if query else request.path
    sound = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", quote(raw, safe="/?%:@!$&'()*+,;=~-._", encoding="latin-1"))
    return re.sub(r"%[0-9A-Fa-f]?$", "", sound[:_LONGEST])
