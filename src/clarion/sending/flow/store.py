"""The SQL of `allowance`, `gateway_pause` and `message_throttle`, and what is watched of sends.

Allowances and pauses run on the plain database clock, so that a moved test clock opens no tap; neither trusts that
clock to move forward only.
"""

from collections.abc import Sequence
from typing import Final, LiteralString

from msgspec import Struct

from clarion.db.sql import Conn, execute, rows, tuples, value
from clarion.sending.model import SendState

CHANNEL: Final[LiteralString] = "clarion_flow"


class Pause(Struct, frozen=True):
    """A pause in force: `no` tells one from the next of the same name, `seconds` are left of it."""

    name: str
    no: int
    seconds: float


class Watched(Struct, frozen=True):
    """What may change of a send while its chunks are delivered."""

    app_id: int
    id: int
    state: SendState
    throttle: int | None


async def draw(conn: Conn, name: str, wanted: int, rate: float, burst: float) -> tuple[int, float]:
    """Permits granted of an allowance that fills by `rate` a second up to `burst`, and is full at first; when there are
    none, seconds until one is there."""
    query = "SELECT granted, wait FROM clarion.draw_allowance(%s, %s, %s, %s)"
    [(granted, wait)] = await tuples(conn, query, (name, wanted, rate, burst))
    return int(granted), float(wait)


async def forget_allowance(conn: Conn, name: str) -> None:
    """Nobody draws from this one any more."""
    await execute(conn, "DELETE FROM clarion.allowance WHERE name = %s", (name,))


async def pause(conn: Conn, name: str, seconds: float) -> None:
    """Everybody who goes by this name waits so long, unless a longer pause is in force; they are told at once.

    A pause that would take longer than it was asked for was left behind by a clock that has been set back. Numbers
    begin with the instant, so that a name that was forgotten in between does not get an earlier one again.
    """
    await execute(
        conn,
        """
        WITH put AS (
            INSERT INTO clarion.gateway_pause AS p (name, no, until, seconds)
            VALUES (
                %(name)s,
                extract(epoch FROM clock_timestamp()) * 1000,
                clock_timestamp() + make_interval(secs => %(seconds)s),
                %(seconds)s
            )
            ON CONFLICT (name) DO UPDATE SET no = p.no + 1, until = excluded.until, seconds = excluded.seconds
            WHERE excluded.until > p.until + interval '0.1 s'
               OR p.until > clock_timestamp() + make_interval(secs => p.seconds + 1)
            RETURNING p.name
        )
        SELECT pg_notify(%(channel)s, name) FROM put
        """,
        {"name": name, "seconds": seconds, "channel": CHANNEL},
    )


async def forget_pauses(conn: Conn) -> None:
    """Forget pauses that ended a day ago: push services of the Web are named by strangers, and any number may ask for
    one. What another process is about to change is passed over, so that nobody waits for this."""
    await execute(
        conn,
        """
        DELETE FROM clarion.gateway_pause WHERE name IN (
            SELECT name FROM clarion.gateway_pause WHERE until < clock_timestamp() - interval '1 day'
            FOR UPDATE SKIP LOCKED
        )
        """,
    )


async def pauses(conn: Conn, names: Sequence[str]) -> list[Pause]:
    """The pauses in force."""
    return await rows(
        conn,
        """
        SELECT name, no, least(seconds, extract(epoch FROM until - clock_timestamp()))::float8 AS seconds
        FROM clarion.gateway_pause WHERE name = ANY(%s) AND until > clock_timestamp()
        """,
        (list(names),),
        of=Pause,
    )


async def watched(conn: Conn, app_ids: Sequence[int], send_ids: Sequence[int]) -> list[Watched]:
    """These sends as they are now."""
    return await rows(
        conn,
        """
        SELECT s.app_id, s.id, s.state, s.throttle
        FROM clarion.send AS s JOIN unnest(%s::integer[], %s::bigint[]) AS x (app_id, id)
            ON s.app_id = x.app_id AND s.id = x.id
        """,
        (list(app_ids), list(send_ids)),
        of=Watched,
    )


async def tell(conn: Conn) -> None:
    """When the transaction commits, every process looks at what it watches."""
    await execute(conn, "SELECT pg_notify(%s, '')", (CHANNEL,))


async def message_throttle(conn: Conn, app_id: int, message_id: int) -> int | None:
    """Most notifications a minute of a message's sends."""
    query = "SELECT per_minute FROM clarion.message_throttle WHERE app_id = %s AND message_id = %s"
    found = await value(conn, query, (app_id, message_id))
    return None if found is None else int(found)


async def set_message_throttle(conn: Conn, app_id: int, message_id: int, per_minute: int | None) -> None:
    """Set or remove it."""
    if per_minute is None:
        await execute(
            conn,
            "DELETE FROM clarion.message_throttle WHERE app_id = %s AND message_id = %s",
            (app_id, message_id),
        )
        return
    await execute(
        conn,
        """
        INSERT INTO clarion.message_throttle (app_id, message_id, per_minute) VALUES (%s, %s, %s)
        ON CONFLICT (app_id, message_id) DO UPDATE SET per_minute = excluded.per_minute
        """,
        (app_id, message_id, per_minute),
    )


async def throttle_send(conn: Conn, app_id: int, send_id: int, per_minute: int | None) -> None:
    """The throttle of one send."""
    await execute(
        conn, "UPDATE clarion.send SET throttle = %s WHERE app_id = %s AND id = %s", (per_minute, app_id, send_id)
    )
