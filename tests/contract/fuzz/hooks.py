"""Loaded by schemathesis: signs every request and leads most of them to objects that exist.

What is signed is the body as it goes over the wire (v1 rules 5 to 7), so the signature is made by an `AuthBase` of
`requests`, which sees the prepared request. Parameters that a case makes wrong on purpose are left wrong.
"""

import os
import time
from typing import Any

import msgspec
import requests
import schemathesis
from requests.auth import AuthBase
from schemathesis.auths import GLOBAL_AUTH_STORAGE

from clarion.identity.signature import sign
from tests.contract.fuzz.stage import CALLER, EMAIL, OBJECTS, Caller

_FAR = 50_000
"""Numbers above were not handed out by the installation; most are folded onto objects that exist."""

_caller = msgspec.json.decode(os.environ[CALLER], type=Caller)


class Signed(AuthBase):
    """Adds token, time and signature."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        assert isinstance(raw, bytes), "a body that is streamed cannot be signed"
        now = str(int(time.time()))
        request.headers["Accengage-Time"] = now
        request.headers["Accengage-Signature"] = sign(b"" if request.method == "GET" else raw, _caller.api_key, now)
        if "/access_token" not in (request.url or ""):
            request.headers["Authorization"] = f"Bearer {_caller.token}"
        return request


GLOBAL_AUTH_STORAGE.set_from_requests(Signed())


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """An application of ours, and numbers in the range of what exists."""
    if not path_parameters:
        return path_parameters
    mapped = dict(path_parameters)
    for name, value in path_parameters.items():
        spread = sum(str(value).encode())
        if name == "partnerId":
            mapped[name] = _caller.partner_ids[spread % len(_caller.partner_ids)]
        elif isinstance(value, int) and value > _FAR and spread % 8:
            mapped[name] = value % (3 * OBJECTS) + 1
        elif name == "udid" and spread % 4:
            mapped[name] = f"device-{spread % OBJECTS}"
    return mapped


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """The one e-mail address there is, three times in four."""
    if isinstance(body, dict) and isinstance(body.get("email"), str) and len(body["email"]) % 4:
        return {**body, "email": EMAIL}
    return body


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Keep every failure but the one 500 the contract documents: unknown fields of `updateDevice` (v1 rule 67)."""
    if response.status_code != 500 or case.operation.definition.raw.get("operationId") != "updateDevice":
        return True
    errors = response.json()["errors"]
    return not all(error["label"] == "API_ERR_DB" and "Unknown fields" in error["message"] for error in errors)
