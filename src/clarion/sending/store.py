"""The SQL of `send`. Counts of outcomes live in its chunks (`results.store`) and are summed here as chunks close."""

from typing import Final

import msgspec
from psycopg.types.json import Jsonb

from clarion.content.model import Content
from clarion.db.sql import Conn, app_table, execute, row, rows, tuples, value
from clarion.results.model import Counts
from clarion.sending.model import NewSend, Send, SendState

_DEVICE_BYTES = 300
"""Bytes of a device's row, at the least: the estimate is rather too high."""

_SENDS: Final = """
    SELECT id, message_id, campaign_id, kind, state, reason, revision, predicate, guarantee, priority,
           time_to_live, expires_at, plan_cursor, audience, chunks, chunks_open, created_at, frozen_at, closed_at
    FROM clarion.send WHERE app_id = %s
"""


async def insert(conn: Conn, app_id: int, new: NewSend, window: int) -> int:
    """The id of a new send in state planning; it may be handed over for `window` seconds from now."""
    return int(
        await value(
            conn,
            """
            INSERT INTO clarion.send
                (app_id, message_id, campaign_id, kind, revision, contents, predicate, guarantee, priority,
                 time_to_live, expires_at)
            VALUES (%(app_id)s, %(message_id)s, %(campaign_id)s, %(kind)s, %(revision)s, %(contents)s, %(predicate)s,
                    %(guarantee)s, %(priority)s, %(time_to_live)s,
                    clarion.now() + make_interval(secs => %(window)s))
            RETURNING id
            """,
            {
                "app_id": app_id,
                "message_id": new.message_id,
                "campaign_id": new.campaign_id,
                "kind": new.kind.value,
                "revision": new.revision,
                "contents": Jsonb(new.contents),
                "predicate": Jsonb(new.predicate),
                "guarantee": new.guarantee.value,
                "priority": new.priority,
                "time_to_live": new.time_to_live,
                "window": window,
            },
        )
    )


async def find(conn: Conn, app_id: int, send_id: int) -> Send | None:
    """One send."""
    return await row(conn, _SENDS + " AND id = %s", (app_id, send_id), of=Send)


async def latest(conn: Conn, app_id: int, limit: int) -> list[Send]:
    """The sends of an application, newest first; those that have not ended stand before all others."""
    return await rows(conn, _SENDS + " ORDER BY closed_at IS NULL DESC, id DESC LIMIT %s", (app_id, limit), of=Send)


async def lock(conn: Conn, app_id: int, send_id: int) -> Send | None:
    """As `find`, and nobody else changes it before this transaction ends."""
    return await row(conn, _SENDS + " AND id = %s FOR UPDATE", (app_id, send_id), of=Send)


async def state(conn: Conn, app_id: int, send_id: int) -> SendState:
    """The state alone, for those who look often."""
    return SendState(
        await value(conn, "SELECT state FROM clarion.send WHERE app_id = %s AND id = %s", (app_id, send_id))
    )


async def contents(conn: Conn, app_id: int, send_id: int) -> tuple[Content, ...]:
    """The language versions as they were when the send was begun."""
    found = await value(conn, "SELECT contents FROM clarion.send WHERE app_id = %s AND id = %s", (app_id, send_id))
    return msgspec.convert(found, tuple[Content, ...])


async def devices_about(conn: Conn, app_id: int) -> int:
    """About how many devices an application has, by the size of its table: right at any time, without counting."""
    size = await value(conn, "SELECT pg_relation_size(%s::regclass)", (app_table(app_id, "device").as_string(conn),))
    return int(size) // _DEVICE_BYTES


async def advance(conn: Conn, app_id: int, send_id: int, *, cursor: int, chunks: int) -> None:
    """Planning has covered the ids up to `cursor` and made `chunks` more chunks."""
    await execute(
        conn,
        """
        UPDATE clarion.send SET plan_cursor = %s, chunks = chunks + %s, chunks_open = chunks_open + %s
        WHERE app_id = %s AND id = %s
        """,
        (cursor, chunks, chunks, app_id, send_id),
    )


async def freeze(conn: Conn, app_id: int, send_id: int, audience: int) -> None:
    """The audience is complete. A cancelled send stays cancelled."""
    await execute(
        conn,
        """
        UPDATE clarion.send
        SET audience = %s, frozen_at = clarion.now(), state = CASE state WHEN 'planning' THEN 'sending' ELSE state END
        WHERE app_id = %s AND id = %s
        """,
        (audience, app_id, send_id),
    )


async def add_closed_chunk(conn: Conn, app_id: int, send_id: int, counts: Counts) -> bool:
    """Add the outcomes of a closed chunk; True when it was the last one of a frozen audience."""
    last = await value(
        conn,
        """
        UPDATE clarion.send
        SET chunks_open = chunks_open - 1, delivered = delivered + %s, refused = refused + %s,
            suppressed = suppressed + %s, expired = expired + %s, cancelled = cancelled + %s, unknown = unknown + %s
        WHERE app_id = %s AND id = %s
        RETURNING chunks_open = 0 AND frozen_at IS NOT NULL
        """,
        (
            counts.delivered,
            counts.refused,
            counts.suppressed,
            counts.expired,
            counts.cancelled,
            counts.unknown,
            app_id,
            send_id,
        ),
    )
    return bool(last)


async def totals(conn: Conn, app_id: int, send_id: int) -> Counts:
    """The outcomes of all closed chunks."""
    found = await tuples(
        conn,
        """
        SELECT delivered, refused, suppressed, expired, cancelled, unknown
        FROM clarion.send WHERE app_id = %s AND id = %s
        """,
        (app_id, send_id),
    )
    return Counts(*found[0])


async def close(conn: Conn, app_id: int, send_id: int, state: SendState, reason: str | None) -> None:
    """The end of a send."""
    await execute(
        conn,
        """
        UPDATE clarion.send SET state = %s, reason = coalesce(%s, reason), closed_at = clarion.now()
        WHERE app_id = %s AND id = %s
        """,
        (state.value, reason, app_id, send_id),
    )


async def cancel(conn: Conn, app_id: int, send_id: int, reason: str) -> None:
    """Nothing more is handed over."""
    await execute(
        conn,
        "UPDATE clarion.send SET state = 'cancelled', reason = %s WHERE app_id = %s AND id = %s",
        (reason, app_id, send_id),
    )
