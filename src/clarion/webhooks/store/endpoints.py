"""The SQL of `webhook` and `webhook_secret`."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from clarion.db.records import Records
from clarion.db.sql import Conn, execute, value
from clarion.identity.scopes import ScopeName
from clarion.webhooks.model import DisabledReason, Webhook
from clarion.webhooks.store import deliveries

WEBHOOKS = Records(
    "clarion.webhook",
    Webhook,
    key="webhook_id",
    casts={"status": "clarion.webhook_status", "disabled_reason": "clarion.webhook_disabled_reason"},
)


async def insert_secret(conn: Conn, webhook_id: str, sealed: bytes) -> None:
    """A further secret of an endpoint, the newest one."""
    await execute(conn, "INSERT INTO clarion.webhook_secret (webhook_id, sealed) VALUES (%s, %s)", (webhook_id, sealed))


async def end_secrets(conn: Conn, webhook_id: str, life: timedelta) -> None:
    """Those in force end after `life`, unless they end before; forget those that have ended."""
    await execute(
        conn,
        """
        WITH ended AS (
            DELETE FROM clarion.webhook_secret WHERE webhook_id = %(webhook)s AND ends_at <= clarion.now()
        )
        UPDATE clarion.webhook_secret SET ends_at = clarion.now() + %(life)s
        WHERE webhook_id = %(webhook)s AND ends_at IS NULL
        """,
        {"webhook": webhook_id, "life": life},
    )


async def scopes_of(conn: Conn, webhook_id: str) -> frozenset[ScopeName]:
    """What an endpoint's events are held against."""
    found = await value(conn, "SELECT scopes FROM clarion.webhook WHERE webhook_id = %s", (webhook_id,))
    return frozenset(ScopeName(name) for name in found)


async def set_scopes(conn: Conn, webhook_id: str, scopes: Iterable[ScopeName]) -> None:
    """Replace them."""
    await execute(
        conn, "UPDATE clarion.webhook SET scopes = %s WHERE webhook_id = %s", (Jsonb(sorted(scopes)), webhook_id)
    )


async def begin_anew(conn: Conn, webhook_id: str) -> None:
    """What an endpoint has failed so far does not count any more."""
    await execute(conn, "UPDATE clarion.webhook SET failing_since = NULL WHERE webhook_id = %s", (webhook_id,))


async def note_success(conn: Conn, webhook_id: str) -> None:
    """An endpoint has taken a delivery: kept to the second, so that a busy one is not written each time."""
    await execute(
        conn,
        """
        UPDATE clarion.webhook SET last_success_date = clarion.now(), failing_since = NULL
        WHERE webhook_id = %s AND (last_success_date IS NULL OR failing_since IS NOT NULL
                                   OR last_success_date < clarion.now() - interval '1 second')
        """,
        (webhook_id,),
    )


async def note_failure(conn: Conn, webhook_id: str, at: datetime) -> None:
    """An endpoint has failed; only the first failure after a success is kept."""
    await execute(
        conn,
        "UPDATE clarion.webhook SET failing_since = %s WHERE webhook_id = %s AND failing_since IS NULL",
        (at, webhook_id),
    )


async def disable(conn: Conn, webhook_id: str, url: str, reason: DisabledReason) -> None:
    """Disable an endpoint, unless it leads elsewhere by now, with what is pending."""
    disabled = await value(
        conn,
        """
        UPDATE clarion.webhook
        SET status = 'Disabled', disabled_reason = %s::clarion.webhook_disabled_reason,
            last_modified_date = clarion.now()
        WHERE webhook_id = %s AND url = %s AND status = 'Enabled' RETURNING true
        """,
        (reason.value, webhook_id, url),
    )
    if disabled:
        await deliveries.fail_pending(conn, webhook_id)
