"""The token endpoint of Google's OAuth 2.0 for service accounts: `POST /oauth2/token` (RFC 7523).

Access tokens carry their own content under an HMAC of the stub's seed, so they outlive a restart and cost no memory.
"""

import hmac
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from clarion.gateways.stub import tokens
from clarion.gateways.stub.exchange import Reply, Request
from clarion.gateways.stub.keys import Keys

PATH = b"/oauth2/token"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_HOUR = 3600
_SKEW = 5
_CACHED = 10_000


class AccessToken(Struct, frozen=True, array_like=True):
    """What an access token stands for; `expires` in epoch seconds."""

    project: str
    expires: int


class _Denied(Exception):
    """`error` is the OAuth code, the text its description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


class TokenEndpoint:
    """Gives access tokens for signed assertions, and reads them again."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._secret = hmac.digest(keys.seed, b"access tokens", "sha256")
        self._cache: dict[bytes, AccessToken] = {}
        self.lifetime = _HOUR
        self.clock_ahead = 0
        self.issued = 0

    def answer(self, request: Request) -> Reply:
        """200 with the token, or an OAuth error."""
        at = request.at + self.clock_ahead
        try:
            project = self._project(request, at)
        except _Denied as denied:
            return _json(at, denied.status, {"error": denied.error, "error_description": str(denied)})
        self.issued += 1
        body = {
            "access_token": self._seal(AccessToken(project, int(request.at) + self.lifetime)),
            "expires_in": self.lifetime,
            "token_type": "Bearer",
        }
        return _json(at, 200, body)

    def open(self, text: bytes) -> AccessToken | None:
        """What a token stands for (perhaps expired), or None when this stub never issued it."""
        known = self._cache.get(text)
        if known is not None:
            return known
        prefix, _, rest = text.partition(b".stub.")
        content, _, seal = rest.partition(b".")
        try:
            packed = tokens.unbase64url(content)
            if prefix != b"ya29" or not hmac.compare_digest(tokens.unbase64url(seal), self._mac(packed)):
                return None
            known = msgspec.json.decode(packed, type=AccessToken)
        except ValueError:
            return None
        if len(self._cache) >= _CACHED:
            self._cache.clear()
        self._cache[text] = known
        return known

    def _project(self, request: Request, at: float) -> str:
        if request.method != b"POST":
            raise _Denied("invalid_request", "The method must be POST.", 405)
        content_type = request.fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type != b"application/x-www-form-urlencoded":
            raise _Denied("invalid_request", "content-type must be application/x-www-form-urlencoded.")
        try:
            form = parse_qs(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        except ValueError:
            raise _Denied("invalid_request", "The body is not a form.") from None
        if form.get("grant_type") != [_GRANT]:
            raise _Denied("unsupported_grant_type", f"grant_type must be {_GRANT}.")
        assertion = form.get("assertion", [])
        if len(assertion) != 1:
            raise _Denied("invalid_request", "Exactly one assertion is needed.")
        return self._verified(assertion[0].encode(), request, at)

    def _verified(self, assertion: bytes, request: Request, at: float) -> str:
        try:
            token = tokens.parse(assertion)
            claims = token.claims
            if claims.iss not in self._keys.accounts:
                raise _Denied("invalid_grant", f"Invalid grant: account {claims.iss!r} not found.")
            account, public = self._keys.accounts[claims.iss]
            tokens.verify_rs256(token, public)
        except tokens.BadToken as error:
            raise _Denied("invalid_grant", f"Invalid JWT: {error}") from None
        if token.header.kid not in (None, account.key_id):
            raise _Denied("invalid_grant", f"Invalid JWT: no key {token.header.kid!r} in this account.")
        audience = f"https://{request.authority.decode('latin-1')}{PATH.decode()}"
        if claims.aud != audience:
            raise _Denied("invalid_grant", f"Invalid JWT: aud must be {audience!r}, is {claims.aud!r}.")
        if claims.iat is None or claims.exp is None:
            raise _Denied("invalid_grant", "Invalid JWT: iat and exp are needed.")
        if claims.exp > claims.iat + _HOUR or claims.exp <= at or claims.iat > at + _SKEW:
            raise _Denied("invalid_grant", "Invalid JWT: it must be valid now, and for an hour at most.")
        if SCOPE not in (claims.scope or "").split(" "):
            raise _Denied("invalid_scope", f"The scope must contain {SCOPE}.")
        return account.project

    def _seal(self, content: AccessToken) -> str:
        packed = msgspec.json.encode(content)
        return f"ya29.stub.{tokens.base64url(packed)}.{tokens.base64url(self._mac(packed))}"

    def _mac(self, packed: bytes) -> bytes:
        return hmac.digest(self._secret, packed, "sha256")


def _json(at: float, status: int, body: Mapping[str, object]) -> Reply:
    headers = [
        (b":status", b"%d" % status),
        (b"content-type", b"application/json; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"date", formatdate(at, usegmt=True).encode()),
    ]
    return Reply(headers, msgspec.json.encode(body))
