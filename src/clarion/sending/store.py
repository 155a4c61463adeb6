"""The SQL of `send`, and of the steps of its chunks: ledger (`results.store`), sums and counters in one statement."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.content.model import Content
from clarion.db.sql import Conn, app_table, execute, row, rows, tuples, value, values
from clarion.queue.store import ACKNOWLEDGING, HOLDING
from clarion.results.model import Counts
from clarion.results.store.chunks import RECORDING
from clarion.sending.model import BULK, NewSend, PastSend, Send, SendState, Whole
from clarion.tracking.store import COUNTING

_DEVICE_BYTES = 300
"""Bytes of a device's row, at the least: the estimate is rather too high."""

NEXT_ID: Final = sql.SQL("nextval('clarion.send_id')")
"""A fresh id, as a piece of another's statement."""

_SENDS: Final = """
    SELECT id, message_id, campaign_id, kind, state, reason, revision, predicate, guarantee, priority,
           time_to_live, use_pressure, throttle, lists, target_values IS NOT NULL AS numbered, expires_at, plan_cursor,
           audience, chunks, chunks_open, created_at, frozen_at, closed_at
    FROM clarion.send WHERE app_id = %s
"""


_INSERT: Final = """
    INSERT INTO clarion.send
        (app_id, id, message_id, campaign_id, kind, revision, contents, predicate, guarantee, priority,
         time_to_live, use_pressure, throttle, lists, shared_values, target_values, expires_at,
         state, chunks, chunks_open, audience, plan_cursor, frozen_at)
    VALUES (%(app_id)s, coalesce(%(id)s, nextval('clarion.send_id')), %(message_id)s, %(campaign_id)s,
            %(kind)s, %(revision)s, %(contents)s, %(predicate)s, %(guarantee)s, %(priority)s,
            %(time_to_live)s, %(use_pressure)s, %(throttle)s, %(lists)s::bigint[], %(shared)s, %(by_target)s,
            clarion.now() + make_interval(secs => %(window)s),
            %(state)s, %(chunks)s, %(chunks)s, %(audience)s::bigint, %(cursor)s,
            CASE WHEN %(audience)s::bigint IS NOT NULL THEN clarion.now() END)
"""


async def insert(conn: Conn, app_id: int, new: NewSend, window: int) -> int:
    """The id of a new send in state planning; it may be handed over for `window` seconds from now."""
    return int(await value(conn, _INSERT + " RETURNING id", _inserted(app_id, new, window)))


async def insert_frozen(conn: Conn, app_id: int, new: NewSend, window: int, whole: Whole) -> None:
    """As `insert`, of a send whose audience is frozen already as `whole`."""
    await execute(conn, _INSERT, _inserted(app_id, new, window, whole))


def _inserted(app_id: int, new: NewSend, window: int, whole: Whole | None = None) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "id": whole and whole.send_id,
        "state": (SendState.SENDING if whole else SendState.PLANNING).value,
        "chunks": whole.chunks if whole else 0,
        "audience": whole and whole.audience,
        "cursor": 2**63 - 1 if whole else None,
        "message_id": new.message_id,
        "campaign_id": new.campaign_id,
        "kind": new.kind.value,
        "revision": new.revision,
        "contents": Jsonb(new.contents),
        "predicate": Jsonb(new.predicate),
        "guarantee": new.guarantee.value,
        "priority": new.priority,
        "time_to_live": new.time_to_live,
        "use_pressure": new.use_pressure,
        "throttle": new.throttle,
        "lists": list(new.lists),
        "shared": Jsonb(new.shared) if new.shared else None,
        "by_target": None if new.by_target is None else Jsonb(new.by_target),
        "window": window,
    }


async def insert_past(conn: Conn, app_id: int, send_id: int, past: PastSend, chunks: int, counts: Counts) -> None:
    """A send that another system made: closed at its instant, with all of its outcomes, to whom nobody can tell."""
    draft = past.message.draft
    await execute(
        conn,
        """
        INSERT INTO clarion.send
            (app_id, id, message_id, campaign_id, kind, state, reason, revision, contents, predicate, guarantee,
             priority, time_to_live, expires_at, audience, chunks, delivered, refused, created_at, frozen_at, closed_at)
        VALUES (%(app_id)s, %(id)s, %(message_id)s, %(campaign_id)s, 'real', 'closed', %(reason)s, %(revision)s,
                %(contents)s, '{"any": []}', %(guarantee)s, %(priority)s, %(time_to_live)s, %(at)s, %(audience)s,
                %(chunks)s, %(delivered)s, %(refused)s, %(at)s, %(at)s, %(at)s)
        """,
        {
            "app_id": app_id,
            "id": send_id,
            "message_id": past.message.id,
            "campaign_id": draft.campaign_id,
            "reason": past.reason,
            "revision": past.message.revision,
            "contents": Jsonb(draft.contents),
            "guarantee": draft.guarantee.value,
            "priority": BULK,
            "time_to_live": draft.time_to_live,
            "at": past.at,
            "audience": past.audience,
            "chunks": chunks,
            "delivered": counts.delivered,
            "refused": counts.refused,
        },
    )


async def next_id(conn: Conn) -> int:
    """An id for a send that is written last of all that belongs to it."""
    return int(await value(conn, sql.SQL("SELECT {}").format(NEXT_ID)))


async def has_closed_at(conn: Conn, app_id: int, message_id: int, at: datetime) -> bool:
    """Whether a send of this message closed at exactly this instant."""
    query = "SELECT EXISTS (SELECT FROM clarion.send WHERE app_id = %s AND message_id = %s AND closed_at = %s)"
    return bool(await value(conn, query, (app_id, message_id, at)))


async def find(conn: Conn, app_id: int, send_id: int) -> Send | None:
    """One send."""
    return await row(conn, _SENDS + " AND id = %s", (app_id, send_id), of=Send)


async def latest(conn: Conn, app_id: int, limit: int) -> list[Send]:
    """The sends of an application, newest first; those that have not ended stand before all others."""
    found = await rows(conn, _SENDS + " AND closed_at IS NULL ORDER BY id DESC LIMIT %s", (app_id, limit), of=Send)
    ended = _SENDS + " AND closed_at IS NOT NULL ORDER BY id DESC LIMIT %s"
    return [*found, *await rows(conn, ended, (app_id, limit - len(found)), of=Send)]


async def page(conn: Conn, app_id: int, before: int | None, limit: int) -> list[Send]:
    """The sends of an application with an id below `before`, newest first."""
    query = _SENDS + " AND (%s::bigint IS NULL OR id < %s) ORDER BY id DESC LIMIT %s"
    return await rows(conn, query, (app_id, before, before, limit), of=Send)


async def lock(conn: Conn, app_id: int, send_id: int) -> Send | None:
    """As `find`, and nobody else changes it before this transaction ends."""
    return await row(conn, _SENDS + " AND id = %s FOR UPDATE", (app_id, send_id), of=Send)


async def state(conn: Conn, app_id: int, send_id: int) -> SendState:
    """The state alone, for those who look often."""
    return SendState(
        await value(conn, "SELECT state FROM clarion.send WHERE app_id = %s AND id = %s", (app_id, send_id))
    )


async def take_turn(conn: Conn, app_id: int) -> None:
    """Until this transaction ends no other one decides what marketing pressure lets through in this application."""
    await execute(conn, "SELECT pg_advisory_xact_lock(hashtextextended('clarion.pressure:' || %s, 0))", (app_id,))


async def pressing(conn: Conn, app_id: int, besides: int, seconds: int) -> list[int]:
    """The real sends, `besides` one, that may have handed something over within the last `seconds`."""
    return await values(
        conn,
        """
        SELECT id FROM clarion.send
        WHERE app_id = %s AND kind = 'real' AND id <> %s
          AND (closed_at IS NULL OR closed_at > clarion.now() - make_interval(secs => %s))
        """,
        (app_id, besides, seconds),
    )


class Frozen(Struct, frozen=True):
    """What a send says, as it was when it was begun: language versions, and the texts for their marks."""

    contents: tuple[Content, ...]
    shared_values: dict[str, str] | None
    target_values: tuple[dict[str, str], ...] | None


async def frozen(conn: Conn, app_id: int, send_id: int) -> Frozen:
    """What a send says."""
    found = await row(
        conn,
        "SELECT contents, shared_values, target_values FROM clarion.send WHERE app_id = %s AND id = %s",
        (app_id, send_id),
        of=Frozen,
    )
    assert found is not None, "sends are kept"
    return found


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


async def advance_delivered(conn: Conn, app_id: int, send_id: int, *, cursor: int, chunks: int, delivered: int) -> None:
    """As `advance`, with chunks that are closed already and whose devices were all delivered to."""
    await execute(
        conn,
        """
        UPDATE clarion.send SET plan_cursor = %s, chunks = chunks + %s, delivered = delivered + %s
        WHERE app_id = %s AND id = %s
        """,
        (cursor, chunks, delivered, app_id, send_id),
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


_STEP = sql.SQL(
    """
    WITH {held}, {written}
    SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM written),
           (SELECT state FROM clarion.send WHERE app_id = %(app_id)s AND id = %(send_id)s)
    """
).format(held=HOLDING, written=RECORDING)
_CLOSE = sql.SQL(
    """
    WITH {held}, {written}, summed AS (
        UPDATE clarion.send
        SET chunks_open = chunks_open - 1, delivered = delivered + %(delivered)s, refused = refused + %(refused)s,
            suppressed = suppressed + %(suppressed)s, expired = expired + %(expired)s,
            cancelled = cancelled + %(cancelled)s, unknown = unknown + %(unknown)s
        WHERE app_id = %(app_id)s AND id = %(send_id)s AND EXISTS (SELECT FROM written)
        RETURNING chunks_open = 0 AND frozen_at IS NOT NULL AS last
    ), {counted}
    SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM written), (SELECT last FROM summed)
    """
).format(held=ACKNOWLEDGING, written=RECORDING, counted=COUNTING)


class Step(Struct, frozen=True):
    """What a step of a chunk found: whether its job was held, and whether the chunk was open, so that this counted."""

    held: bool
    written: bool


class Recorded(Step, frozen=True):
    """A step that left the chunk open; `state` is that of its send."""

    state: SendState


class LastStep(Step, frozen=True):
    """A step that closed the chunk; `last` when that leaves no open chunk of a frozen audience."""

    last: bool


async def record_step(conn: Conn, app_id: int, send_id: int, bound: dict[str, Any]) -> Recorded:
    """Confirm the lease of a chunk, write its outcomes, read the state of its send: in one round trip, all or nothing.

    `bound` are the parameters of the lease (`Lease.bound`) and of the chunk (`chunks.recorded`).
    """
    [(held, written, state)] = await tuples(conn, _STEP, {**bound, "app_id": app_id, "send_id": send_id})
    return Recorded(held, written, SendState(state))


async def record_last_step(conn: Conn, app_id: int, send_id: int, bound: dict[str, Any]) -> LastStep:
    """Acknowledge the job of a chunk, write its last outcomes, add them to its send and to the counters of its day: in
    one round trip, all or nothing. `bound` as in `record_step`, with `day`, `push_sent` and `bounces`; a `day` of None
    counts nothing."""
    [(held, written, last)] = await tuples(conn, _CLOSE, {**bound, "app_id": app_id, "send_id": send_id})
    return LastStep(held, written, bool(last))


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
    """The end of a send. What it was told of single devices is not kept any longer."""
    await execute(
        conn,
        """
        UPDATE clarion.send SET state = %s, reason = coalesce(%s, reason), closed_at = clarion.now(),
                                shared_values = NULL, target_values = NULL
        WHERE app_id = %s AND id = %s
        """,
        (state.value, reason, app_id, send_id),
    )


async def explain(conn: Conn, app_id: int, send_id: int, reason: str) -> None:
    """Something worth knowing of a send that is under way."""
    await execute(conn, "UPDATE clarion.send SET reason = %s WHERE app_id = %s AND id = %s", (reason, app_id, send_id))


async def cancel(conn: Conn, app_id: int, send_id: int, reason: str) -> None:
    """Nothing more is handed over."""
    await execute(
        conn,
        "UPDATE clarion.send SET state = 'cancelled', reason = %s WHERE app_id = %s AND id = %s",
        (reason, app_id, send_id),
    )


async def pause(conn: Conn, app_id: int, send_id: int) -> None:
    """Nothing is handed over until it is resumed."""
    await execute(conn, "UPDATE clarion.send SET state = 'paused' WHERE app_id = %s AND id = %s", (app_id, send_id))


async def resume(conn: Conn, app_id: int, send_id: int) -> None:
    """Go on where it was paused."""
    await execute(
        conn,
        """
        UPDATE clarion.send SET state = CASE WHEN frozen_at IS NULL THEN 'planning' ELSE 'sending' END
        WHERE app_id = %s AND id = %s AND state = 'paused'
        """,
        (app_id, send_id),
    )


async def under_way(conn: Conn, app_id: int, message_id: int) -> list[int]:
    """The sends of a message that have not ended."""
    query = """
        SELECT id FROM clarion.send
        WHERE app_id = %s AND message_id = %s AND closed_at IS NULL ORDER BY id FOR UPDATE
    """
    return await values(conn, query, (app_id, message_id))
