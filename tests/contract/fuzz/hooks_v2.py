"""Loaded by schemathesis: authenticates every request to `/v2` and leads most of them to records that exist.

Parameters that a case makes wrong on purpose are left wrong in one case of four.
"""

import base64
import os
from typing import Any

import msgspec
import requests
import schemathesis
from requests.auth import AuthBase
from schemathesis.auths import GLOBAL_AUTH_STORAGE

from tests.contract.fuzz.stage_v2 import CALLER, Caller

_caller = msgspec.json.decode(os.environ[CALLER], type=Caller)
_basic = base64.b64encode(f"{_caller.client_id}:{_caller.secret}".encode()).decode()


class Authenticated(AuthBase):
    """Adds the client's token, and its Basic credentials for the OAuth endpoints."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        of_oauth = "/oauth2/" in (request.url or "")
        request.headers["Authorization"] = f"Basic {_basic}" if of_oauth else f"Bearer {_caller.token}"
        return request


GLOBAL_AUTH_STORAGE.set_from_requests(Authenticated())


def _records(value: Any) -> tuple[dict[str, str], int]:
    """The ids of one account, and a number that says whether to use them: both follow from a value of the case."""
    spread = sum(str(value).encode())
    return _caller.records[spread % len(_caller.records)], spread


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Ids of records of one account, three times in four."""
    if not path_parameters:
        return path_parameters
    known, spread = _records(sorted(path_parameters.items(), key=str))
    if spread % 4 == 0:
        return path_parameters
    return {name: known.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """References to records of one account, three times in four."""
    if not isinstance(body, dict):
        return body
    known, spread = _records(body)
    if spread % 4 == 0:
        return body
    return {name: known[name] if name in known and isinstance(value, str) else value for name, value in body.items()}
