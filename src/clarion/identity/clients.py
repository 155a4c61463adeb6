"""API clients: who may have which scopes, their tokens, and how often they may call (v2 sections 3, 4 and 9).

A client's id and secret are made here; the secret and every token are kept as digests alone. Scopes and account never
change. A token is looked up with every call, in the round trip that counts it: what ends a token, a client or an
account holds for the next call on every process.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from secrets import choice
from typing import Final

from msgspec import Struct

from clarion.base import clock, secrets
from clarion.base.errors import ClarionError, Finding, Invalid, NotFound
from clarion.base.network import subscriber
from clarion.db.pool import Database
from clarion.db.records import EVERYBODY, PageRequest, Scope
from clarion.db.sql import Conn
from clarion.identity.scopes import BY_STRING, GUEST_BOUND, ScopeName, covered
from clarion.identity.store import clients as store
from clarion.identity.store.clients import CLIENTS, Admission, ApiClient, Limits, Secret, Token

__all__ = [
    "CLIENTS",
    "COMMON",
    "Admission",
    "ApiClient",
    "Limits",
    "Token",
]

TOKEN_LIFE: Final = timedelta(hours=1)
COMMON: Final = Limits(reads=50, reads_a_second=3.0, writes_a_minute=30)
"""How often a client may call that has no limits of its own (v2 rules 9.1, 9.2)."""
FAILURES: Final = 10
BRAKE: Final = 60
"""So many failures to authenticate within a minute shut an address, or a client id, out for a minute (rule 3.5)."""
CALLS_A_MINUTE: Final = 60
"""Calls of the OAuth endpoints from one address (rule 9.6)."""

_MOST: Final = 1_000_000_000
_ID: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_NOBODYS_DIGEST: Final = secrets.digest(secrets.new_token())


class OAuthError(ClarionError):
    """A refusal of the OAuth endpoints: `error` is the word of RFC 6749 section 5.2, `wait` seconds to stay away."""

    def __init__(self, error: str, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.error = error
        self.wait = wait


class Caller(Struct, frozen=True):
    """An API client as its token shows it; `scopes` are those of the token, with those they include.

    `account_id` confines it to an account; None is an operator client. `guest_id` is set for a guest-bound token.
    """

    client_id: str
    account_id: str | None
    scopes: frozenset[ScopeName]
    guest_id: str | None = None
    suspended: bool = False

    @property
    def is_operator(self) -> bool:
        """Whether every account is open to it."""
        return self.account_id is None

    @property
    def scope(self) -> Scope:
        """Whose records it may see."""
        return Scope(self.account_id)

    @property
    def partition(self) -> str:
        """Whose idempotency keys and quota these are (v2 rules 8.3, 9.3)."""
        return f"{self.client_id}:{self.guest_id or ''}"


class Granted(Struct, frozen=True):
    """A token that was given out: it is shown this once."""

    access_token: str
    expires_in: int
    scopes: tuple[ScopeName, ...]


# Clients


async def create(
    conn: Conn, name: str, scopes: Sequence[ScopeName], account_id: str | None, *, state: str = "Active"
) -> tuple[ApiClient, str]:
    """A new client and its secret, which cannot be read again. `state` is that of its account."""
    secret = secrets.new_token()
    values = {
        "client_id": "".join(choice(_ID) for _ in range(24)),
        "account_id": account_id,
        "api_client_name": name,
        "scopes": tuple(dict.fromkeys(scopes)),
        "secret_digest": secrets.digest(secret),
        "owner_state": state,
    }
    return await CLIENTS.insert(conn, values), secret


def grantable(caller: Caller, scopes: Sequence[ScopeName]) -> list[Finding]:
    """What a client may not give another one: scopes it does not hold itself (v2 rule 4.5)."""
    return [
        Finding(f"/scopes/{at}", "scope_not_grantable", f"Your token lacks {scope.value}, so you cannot grant it.")
        for at, scope in enumerate(scopes)
        if scope not in caller.scopes
    ]


async def get(conn: Conn, client_id: str) -> ApiClient:
    """A client. Raises NotFound."""
    found = await CLIENTS.find(conn, client_id, EVERYBODY)
    if found is None:
        raise NotFound(f"There is no API client {client_id}.", "clarion clients list shows them.")
    return found


async def everyone(conn: Conn) -> list[ApiClient]:
    """All clients, by id."""
    found: list[ApiClient] = []
    while True:
        page = await CLIENTS.page(conn, PageRequest(offset=len(found), limit=200))
        found += page.rows
        if not page.more:
            return found


async def delete(conn: Conn, client_id: str) -> None:
    """Delete a client with its tokens. Raises NotFound."""
    await CLIENTS.delete(conn, await get(conn, client_id))


async def set_owner_state(conn: Conn, account_id: str, state: str) -> None:
    """What an account's state means for its clients from the next call on: Suspended ones read and do not write,
    Closed ones are nobody (v2 rule 4.8)."""
    await store.set_owner_state(conn, account_id, state)


async def limits(conn: Conn, client_id: str) -> Limits:
    """A client's own limits; None in them is what everybody has. Raises NotFound."""
    found = await store.limits_of(conn, client_id)
    if found is None:
        raise NotFound(f"There is no API client {client_id}.", "clarion clients list shows them.")
    return found


async def set_limits(conn: Conn, client_id: str, wanted: Limits) -> None:
    """Let a client call more or less often than others, from the next call on (v2 rule 9.7).

    Raises NotFound, and Invalid for a limit that is not above zero, or above a thousand million.
    """
    wrong = [
        Finding(f"/{name}", "out_of_range", f"{name.replace('_', ' ')} must be above zero, at most {_MOST:,}.")
        for name in Limits.__struct_fields__
        if (value := getattr(wanted, name)) is not None and not 0 < value <= _MOST
    ]
    if wrong:
        raise Invalid(wrong)
    if not await store.set_limits(conn, client_id, wanted):
        raise NotFound(f"There is no API client {client_id}.", "clarion clients list shows them.")


# Tokens


async def authenticate(db: Database, client_id: str, secret: str, address: str) -> Secret:
    """The client with this id and secret, calling from a network address.

    Raises OAuthError: `invalid_client`, the same for an unknown client, a wrong secret and a client of a closed
    account, and in the same time (rule 3.4); with `wait` while an address or a client is shut out (rule 3.5).
    """
    names = [f"fail:address:{subscriber(address)}", f"fail:client:{_short(client_id)}"]
    async with db.connection() as conn:
        wait = await store.shut_for(conn, names)
        if wait > 0:
            raise OAuthError("temporarily_unavailable", "Too many attempts to authenticate have failed.", wait=wait)
        found = await store.secret_of(conn, client_id)
        known = _NOBODYS_DIGEST if found is None else found.secret_digest
        same = secrets.same(known, secrets.digest(secret))
        if same and found is not None and found.owner_state != "Closed":
            return found
        for name in names:
            if (await store.take(conn, name, FAILURES, BRAKE)).remaining == 0:
                await store.shut_out(conn, name, BRAKE)
    raise _unknown()


async def count_call(db: Database, address: str) -> None:
    """One call of an OAuth endpoint. Raises OAuthError with `wait` above 60 a minute from one address (rule 9.6)."""
    async with db.connection() as conn:
        taken = await store.take(conn, f"oauth:{subscriber(address)}", CALLS_A_MINUTE, 60)
    if not taken.granted:
        raise OAuthError("temporarily_unavailable", "Too many requests from this address.", wait=taken.wait)


def read_scopes(text: str, client: Secret, *, guest_bound: bool = False) -> tuple[ScopeName, ...]:
    """The scopes a token is asked for. Raises OAuthError `invalid_scope`: nothing is silently narrowed (rule 3.3)."""
    names = list(dict.fromkeys(part for part in text.split(" ") if part))
    unknown = [name for name in names if name not in BY_STRING]
    if not names or unknown:
        raise OAuthError("invalid_scope", "Ask for scopes of this API, parted by spaces.")
    scopes = tuple(BY_STRING[name] for name in names)
    if not set(scopes) <= covered(set(client.scopes)):
        raise OAuthError("invalid_scope", "The client does not have all of these scopes.")
    if guest_bound and not set(scopes) <= GUEST_BOUND:
        raise OAuthError("invalid_scope", "A token of a guest cannot have all of these scopes.")
    return scopes


async def issue(
    conn: Conn, client_id: str, scopes: tuple[ScopeName, ...], *, guest_id: str | None = None, life: timedelta
) -> Granted:
    """A new token; older ones stay valid (rule 3.6). Raises OAuthError for a client that is no more."""
    token, now = secrets.new_token(), clock.now()
    if not await store.insert_token(conn, secrets.digest(token), client_id, scopes, guest_id, now, now + life):
        raise _unknown()
    return Granted(token, int(life.total_seconds()), scopes)


async def introspect(conn: Conn, asking: Secret, token: str) -> Token | None:
    """What a token stands for, where this client may know: its own, or with ClientRead one of its account's clients
    (rule 3.11)."""
    found = await store.token(conn, secrets.digest(token))
    if found is None or found.owner_state == "Closed":
        return None
    may_read = ScopeName.CLIENT_READ in covered(set(asking.scopes)) and asking.account_id in (None, found.account_id)
    return found if found.client_id == asking.client_id or may_read else None


async def revoke(conn: Conn, client_id: str, token: str) -> None:
    """End a token of this client; anything else is passed over (rule 3.11)."""
    await store.delete_token(conn, secrets.digest(token), client_id)


async def admit(conn: Conn, token: str, *, writing: bool, common: Limits = COMMON) -> tuple[Caller, Admission] | None:
    """Who calls with a token, and what is left of their quota once this call is counted; None for no valid token."""
    found = await store.admit(conn, secrets.digest(token), writing=writing, common=common)
    if found is None:
        return None
    scopes = covered(set(found.scopes))
    return Caller(found.client_id, found.account_id, scopes, found.guest_id, found.owner_state == "Suspended"), found


async def purge(conn: Conn) -> int:
    """Forget tokens that have ended. For a timer."""
    return await store.delete_ended(conn)


def _unknown() -> OAuthError:
    return OAuthError("invalid_client", "The client is unknown, or its secret is another one.")


def _short(client_id: str) -> str:
    return hashlib.sha256(client_id.encode()).hexdigest()[:32]
