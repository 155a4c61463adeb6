"""The SQL of `api_client`, `api_token`, `saved_reply` and of how often somebody may call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.types.json import Jsonb

from clarion.db.records import Record, Records
from clarion.db.sql import Conn, execute, row, rows, value
from clarion.identity.scopes import ScopeName


class ApiClient(Record, frozen=True, kw_only=True):
    """An OAuth 2.0 client of the API. One without account is the operator's and sees every account."""

    client_id: str
    api_client_name: str
    scopes: tuple[ScopeName, ...]
    account_id: str | None
    created_date: datetime
    last_used_date: datetime | None


CLIENTS = Records("clarion.api_client", ApiClient, key="client_id")


class Secret(Struct, frozen=True):
    """What authenticating a client needs."""

    client_id: str
    secret_digest: bytes
    scopes: tuple[ScopeName, ...]
    account_id: str | None
    owner_state: str


class Token(Struct, frozen=True):
    """A token that has not ended, with the account of its client."""

    client_id: str
    account_id: str | None
    owner_state: str
    scopes: tuple[ScopeName, ...]
    guest_id: str | None
    issued_at: datetime
    expires_at: datetime


class Admission(Struct, frozen=True):
    """Whose token was shown, and whether they may call once more: of `quota` in `seconds`, `remaining` are left and the
    next one comes back in `wait` seconds."""

    client_id: str
    account_id: str | None
    owner_state: str
    scopes: tuple[ScopeName, ...]
    guest_id: str | None
    granted: bool
    quota: int
    seconds: int
    remaining: int
    wait: float


class Limits(Struct, frozen=True):
    """How often a client may call, None as everybody: `reads` at once, `reads_a_second` after that, `writes_a_minute`
    within any 60 seconds."""

    reads: int | None
    reads_a_second: float | None
    writes_a_minute: int | None


class Taken(Struct, frozen=True):
    """Whether something may happen once more; the next one comes back in `wait` seconds."""

    granted: bool
    remaining: int
    wait: float


async def secret_of(conn: Conn, client_id: str) -> Secret | None:
    """What a client is authenticated by."""
    query = """
        SELECT client_id, secret_digest, scopes, account_id, owner_state FROM clarion.api_client WHERE client_id = %s
    """
    return await row(conn, query, (client_id,), of=Secret)


async def set_owner_state(conn: Conn, account_id: str, state: str) -> None:
    """The state of an account, for all of its clients."""
    query = "UPDATE clarion.api_client SET owner_state = %s WHERE account_id = %s AND owner_state <> %s"
    await execute(conn, query, (state, account_id, state))


async def limits_of(conn: Conn, client_id: str) -> Limits | None:
    """A client's own limits; None when there is no such client."""
    query = "SELECT reads, reads_a_second, writes_a_minute FROM clarion.api_client WHERE client_id = %s"
    return await row(conn, query, (client_id,), of=Limits)


async def set_limits(conn: Conn, client_id: str, limits: Limits) -> bool:
    """Set them, from the next request on; False when there is no such client."""
    query = """
        UPDATE clarion.api_client SET reads = %s, reads_a_second = %s, writes_a_minute = %s WHERE client_id = %s
    """
    values = (limits.reads, limits.reads_a_second, limits.writes_a_minute, client_id)
    return await execute(conn, query, values) == 1


async def insert_token(
    conn: Conn,
    digest: bytes,
    client_id: str,
    scopes: Sequence[ScopeName],
    guest_id: str | None,
    issued_at: datetime,
    expires_at: datetime,
) -> bool:
    """Keep the digest of a token; False when the client has gone, or its account is closed."""
    query = """
        INSERT INTO clarion.api_token (digest, client_id, scopes, guest_id, issued_at, expires_at)
        SELECT %s, client_id, %s, %s, %s, %s FROM clarion.api_client
        WHERE client_id = %s AND owner_state <> 'Closed' FOR KEY SHARE
    """
    granted = [scope.value for scope in scopes]
    return await execute(conn, query, (digest, granted, guest_id, issued_at, expires_at, client_id)) == 1


async def token(conn: Conn, digest: bytes) -> Token | None:
    """A token that has not ended."""
    return await row(
        conn,
        """
        SELECT t.client_id, c.account_id, c.owner_state, t.scopes, t.guest_id, t.issued_at, t.expires_at
        FROM clarion.api_token AS t JOIN clarion.api_client AS c USING (client_id)
        WHERE t.digest = %s AND t.expires_at > clarion.now()
        """,
        (digest,),
        of=Token,
    )


async def delete_token(conn: Conn, digest: bytes, client_id: str) -> None:
    """End a token of this client."""
    await execute(conn, "DELETE FROM clarion.api_token WHERE digest = %s AND client_id = %s", (digest, client_id))


async def admit(conn: Conn, digest: bytes, *, writing: bool, common: Limits) -> Admission | None:
    """Who shows a token, one call counted; None for a token that is unknown or has ended."""
    return await row(
        conn,
        "SELECT * FROM clarion.admit_client(%s, %s, %s, %s, %s)",
        (digest, writing, common.reads, common.reads_a_second, common.writes_a_minute),
        of=Admission,
    )


async def take(conn: Conn, name: str, quota: int, seconds: int) -> Taken:
    """One more of what may happen so often within any `seconds`."""
    query = "SELECT granted, remaining, wait FROM clarion.take_in_window(%s, %s, %s)"
    [found] = await rows(conn, query, (name, quota, seconds), of=Taken)
    return found


async def shut_for(conn: Conn, names: Sequence[str]) -> float:
    """Seconds for which one of these is still shut out, 0 when none is."""
    query = """
        SELECT coalesce(max(extract(epoch FROM shut_to - clock_timestamp())), 0)::float8
        FROM clarion.rate_window WHERE name = ANY(%s) AND shut_to > clock_timestamp()
    """
    return float(await value(conn, query, (list(names),)))


async def shut_out(conn: Conn, name: str, seconds: int) -> None:
    """Let nobody by this name in for so long, and count anew after that."""
    await execute(
        conn,
        """
        UPDATE clarion.rate_window
        SET shut_to = clock_timestamp() + make_interval(secs => %s), ticks = '{}', counts = '{}' WHERE name = %s
        """,
        (seconds, name),
    )


async def delete_ended(conn: Conn) -> int:
    """Forget tokens that have ended and windows nobody looks at any more; how many."""
    ended = await execute(conn, "DELETE FROM clarion.api_token WHERE expires_at <= clarion.now()")
    ended += await execute(conn, "DELETE FROM clarion.rate_window WHERE at < clock_timestamp() - interval '1 hour'")
    ended += await execute(conn, "DELETE FROM clarion.read_bucket WHERE at < clock_timestamp() - interval '1 hour'")
    return ended


class SavedReply(Struct, frozen=True):
    """What a client was answered under an idempotency key, the body sealed; `fingerprint` is that of its request."""

    fingerprint: bytes
    status: int
    headers: list[tuple[str, str]]
    body: bytes


async def reply(conn: Conn, key: bytes, life: int) -> SavedReply | None:
    """The answer that was saved under a key within the last `life` seconds."""
    return await row(
        conn,
        """
        SELECT fingerprint, status::integer AS status, headers, body FROM clarion.saved_reply
        WHERE key = %s AND saved_at > clarion.now() - make_interval(secs => %s)
        """,
        (key, life),
        of=SavedReply,
    )


async def claim_key(conn: Conn, key: bytes) -> bool:
    """Whether this transaction is the one that works under a key: until it ends nobody else does."""
    number = int.from_bytes(key[:8], "big", signed=True)
    return bool(await value(conn, "SELECT pg_try_advisory_xact_lock(%s)", (number,)))


async def save_reply(conn: Conn, key: bytes, client_id: str, reply: SavedReply) -> None:
    """Save an answer; one that is too old to hold gives way."""
    bound: dict[str, Any] = {
        "key": key,
        "client_id": client_id,
        "fingerprint": reply.fingerprint,
        "status": reply.status,
        "headers": Jsonb(reply.headers),
        "body": reply.body,
    }
    await execute(
        conn,
        """
        INSERT INTO clarion.saved_reply AS r (key, client_id, fingerprint, status, headers, body)
        VALUES (%(key)s, %(client_id)s, %(fingerprint)s, %(status)s, %(headers)s, %(body)s)
        ON CONFLICT (key) DO UPDATE
        SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
            body = excluded.body, saved_at = excluded.saved_at
        """,
        bound,
    )


async def delete_old_replies(conn: Conn, life: int, limit: int) -> int:
    """Forget up to `limit` answers that are older; how many."""
    return await execute(
        conn,
        """
        DELETE FROM clarion.saved_reply WHERE key IN (
            SELECT key FROM clarion.saved_reply WHERE saved_at <= clarion.now() - make_interval(secs => %s)
            ORDER BY saved_at LIMIT %s
        )
        """,
        (life, limit),
    )
