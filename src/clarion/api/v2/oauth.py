"""The OAuth endpoints: tokens, introspection, revocation, metadata (v2 section 3).

They speak RFC 6749, RFC 7662, RFC 7009 and RFC 8414: forms in, their own error bodies out, never problem details.
"""

import base64
import binascii
import re
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from clarion.api.contract.query import parse_pairs
from clarion.api.exchange import BodyTooLarge, Response
from clarion.api.v2.call import Call
from clarion.api.v2.conditions import matches
from clarion.api.v2.errors import Refused
from clarion.api.v2.wire import tag_of
from clarion.identity import clients
from clarion.identity.clients import OAuthError, Token
from clarion.identity.scopes import BY_STRING
from clarion.identity.store.clients import Secret

_FORM: Final = "application/x-www-form-urlencoded"
_LIMIT: Final = 16 * 1024
_NO_STORE: Final = ("Cache-Control", "no-store")
_GRANT: Final = "client_credentials"
_METHODS: Final = ["client_secret_basic", "client_secret_post"]
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")


class _Form(Struct, frozen=True):
    """The parameters of a form, and the client that authenticated with it."""

    fields: dict[str, str]
    client: Secret


async def issue_token(call: Call) -> Response:
    """The client-credentials grant (RFC 6749 section 4.4)."""
    return await _answering(call, _issue)


async def introspect_token(call: Call) -> Response:
    """What a token stands for (RFC 7662)."""
    return await _answering(call, _introspect)


async def revoke_token(call: Call) -> Response:
    """End a token (RFC 7009): 200 also for one that is not there."""
    return await _answering(call, _revoke)


async def metadata(call: Call) -> Response:
    """The authorization server's metadata (RFC 8414)."""
    body = msgspec.json.encode(
        {
            "issuer": call.base_url,
            "token_endpoint": call.url("/oauth2/token"),
            "introspection_endpoint": call.url("/oauth2/introspect"),
            "revocation_endpoint": call.url("/oauth2/revoke"),
            "grant_types_supported": [_GRANT],
            "response_types_supported": [],
            "scopes_supported": list(BY_STRING),
            "token_endpoint_auth_methods_supported": _METHODS,
            "introspection_endpoint_auth_methods_supported": _METHODS,
            "revocation_endpoint_auth_methods_supported": _METHODS,
        }
    )
    tag = tag_of(body)
    headers = [("ETag", tag), ("Cache-Control", "public, max-age=300")]
    if matches(call.request.headers.all("if-none-match"), tag):
        return Response(304, headers)
    return Response(200, [("Content-Type", "application/json"), *headers], body)


async def _issue(call: Call, form: _Form) -> Response:
    grant = form.fields.get("grant_type")
    if grant is None:
        raise OAuthError("invalid_request", "grant_type is missing.")
    if grant != _GRANT:
        raise OAuthError("unsupported_grant_type", f"The only grant type is {_GRANT}.")
    scope = form.fields.get("scope", "")
    if not _SCOPE.fullmatch(scope):
        raise OAuthError("invalid_scope", "scope is missing or malformed: name scopes, parted by single spaces.")
    guest_bound = "guest_id" in form.fields
    scopes = clients.read_scopes(scope, form.client, guest_bound=guest_bound)
    if guest_bound:
        raise OAuthError("invalid_request", "There is no such guest.")
    async with call.services.db.transaction() as conn:
        life = call.services.settings.token_life
        granted = await clients.issue(conn, form.client.client_id, scopes, life=life)
    return _json(
        {
            "access_token": granted.access_token,
            "token_type": "Bearer",
            "expires_in": granted.expires_in,
            "scope": " ".join(name.oauth for name in granted.scopes),
        }
    )


async def _introspect(call: Call, form: _Form) -> Response:
    async with call.services.db.connection() as conn:
        found = await clients.introspect(conn, form.client, _token(form))
    return _json({"active": False} if found is None else _described(found))


async def _revoke(call: Call, form: _Form) -> Response:
    async with call.services.db.transaction() as conn:
        await clients.revoke(conn, form.client.client_id, _token(form))
    return Response(200, [_NO_STORE])


def _described(token: Token) -> dict[str, Any]:
    described: dict[str, Any] = {
        "active": True,
        "scope": " ".join(name.oauth for name in token.scopes),
        "client_id": token.client_id,
        "token_type": "Bearer",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.issued_at.timestamp()),
    }
    return described | ({"sub": token.guest_id} if token.guest_id else {})


async def _answering(call: Call, act: Any) -> Response:
    """The endpoint's answer, or its refusal in RFC 6749's form. The client authenticates first."""
    try:
        await clients.count_call(call.services.db, call.request.client)
        response: Response = await act(call, await _read(call))
    except OAuthError as error:
        return _refusal(error)
    return response


async def _read(call: Call) -> _Form:
    """The form of a client that has authenticated. Raises Refused with 415 and 413, and OAuthError."""
    request = call.request
    media, _, _ = (request.headers.get("content-type") or "").partition(";")
    if media.strip().lower() != _FORM or request.headers.get("content-encoding") is not None:
        raise Refused("unsupported_media_type", f"The endpoint takes {_FORM} without content coding.")
    try:
        pairs, findings = parse_pairs(await request.read(_LIMIT))
    except BodyTooLarge:
        raise OAuthError("invalid_request", f"The form is over {_LIMIT} bytes.") from None
    if findings:
        raise OAuthError("invalid_request", findings[0].message)
    if request.query:
        raise OAuthError("invalid_request", "Parameters belong in the form, never in the address.")
    if len(dict(pairs)) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given twice.")
    fields = {name: text for name, text in pairs if text}  # empty counts as left out (RFC 6749 section 3.2)
    basic = _basic(request.headers.all("authorization"))
    if basic is not None and "client_secret" in fields:
        raise OAuthError("invalid_request", "Authenticate with HTTP Basic or in the form, not with both.")
    if basic is None and not {"client_id", "client_secret"} <= fields.keys():
        raise OAuthError("invalid_client", "The client does not authenticate: use HTTP Basic, or the form.")
    client_id, secret = basic or (fields["client_id"], fields["client_secret"])
    if fields.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "client_id names another client than the one that authenticates.")
    client = await clients.authenticate(call.services.db, client_id, secret, request.client)
    return _Form(fields, client)


def _basic(values: list[str]) -> tuple[str, str] | None:
    """Id and secret of HTTP Basic, each form-encoded before (RFC 6749 section 2.3.1); None without the header."""
    if not values:
        return None
    scheme, _, encoded = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "basic":
        raise OAuthError("invalid_client", "The endpoint takes HTTP Basic, or id and secret in the form.")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client", "The Basic credentials cannot be read.") from None
    name, _, secret = text.partition(":")
    decoded = unquote_plus(name), unquote_plus(secret)
    if "\x00" in "".join(decoded):
        raise OAuthError("invalid_client", "The Basic credentials cannot be read.")
    return decoded


def _token(form: _Form) -> str:
    token = form.fields.get("token")
    if not token:
        raise OAuthError("invalid_request", "token is missing.")
    return token


def _json(body: dict[str, Any], status: int = 200, *headers: tuple[str, str]) -> Response:
    content = [("Content-Type", "application/json"), _NO_STORE, *headers]
    return Response(status, content, msgspec.json.encode(body))


def _refusal(error: OAuthError) -> Response:
    body = {"error": error.error, "error_description": error.message}
    if error.wait > 0:
        return _json(body, 429, ("Retry-After", str(max(1, int(error.wait) + 1))))
    if error.error == "invalid_client":
        return _json(body, 401, ("WWW-Authenticate", 'Basic realm="oauth2"'))
    return _json(body, 400)
