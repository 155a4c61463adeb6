"""Runs what is due: any process may, no process leads.

A run is one transaction: the lock of the message, the send, the next occurrence. A process killed in it leaves the
occurrence as it was, two processes that look at the same one are told apart by the lock: each occurrence is sent once.

1. List what is due, without locks. Pass over a message that somebody holds: it is being run, or will be next time.
2. Under the lock, look whether it is due still.
3. Occurrences missed while nobody looked are not made up for: the first is sent, late, the others are skipped, and the
   send says so. What is late falls on the time of its sending: an exclusion then skips it (v1 rule 61).
4. While the message is being sent, by an earlier occurrence or by hand, the occurrence is skipped: never two at once.
5. A message that cannot be sent loses this occurrence; it has failed when there is no other. What fails without being
   foreseen is put off for longer and longer. Neither keeps the others waiting.
"""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import psycopg
from msgspec import Struct

from clarion.apps import service as apps
from clarion.base.errors import Conflict, Invalid, NotFound, Unavailable
from clarion.base.telemetry import get_logger
from clarion.content import service as content
from clarion.content.model import MessageState
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.sending import service as sending
from clarion.sending import store as sends
from clarion.sending.schedules import recurrence, store
from clarion.sending.schedules.model import Recurrence, Schedule

log = get_logger(__name__)

LATE = timedelta(seconds=60)
"""A send that begins so long after its time says so."""

_BATCH = 100
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 1.0
_MOST_COUNTED = 1000
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3600.0


class Runner:
    """Runs schedules in one process until told to stop, each within moments of its time."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. A lost database is waited for."""
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            try:
                while not stop.is_set() and await run_due(self._db):
                    pass
                pause = await self._until_due()
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("schedules_wait_for_database", error=str(error).strip())
                pause = _LONGEST_WAIT
            except Exception:
                log.error("schedules_failed", exc_info=True)
                pause = _LONGEST_WAIT
            await asyncio.wait({stopped}, timeout=pause)
        stopped.cancel()

    async def _until_due(self) -> float:
        """How long to wait: to the next time due, but look again soon, since schedules are written meanwhile."""
        async with self._db.connection() as conn:
            due = await store.due_in(conn)
        return _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, max(_SHORTEST_WAIT, due))


async def run_due(db: Database) -> int:
    """Deal with up to a hundred occurrences that are due; how many this process dealt with."""
    async with db.connection() as conn:
        found = await store.due(conn, _BATCH)
    done = 0
    for app_id, message_id in found:
        done += await retry.transact(db, partial(_run, app_id=app_id, message_id=message_id))
    return done


class _Turn(Struct, frozen=True):
    """One occurrence whose time has come: how late it is, how many later ones were missed with it, what comes next."""

    app_id: int
    message_id: int
    occurrence: datetime
    late: timedelta
    missed: int
    next_run: datetime | None

    @property
    def reason(self) -> str | None:
        """What the send says of itself."""
        if self.late < LATE:
            return None
        skipped = f", {self.missed} further occurrences skipped" if self.missed else ""
        return f"late by {timedelta(seconds=int(self.late.total_seconds()))}{skipped}"


async def _run(conn: Conn, app_id: int, message_id: int) -> bool:
    """One occurrence in one transaction. False when there is none, or somebody else is at it."""
    message = await content.try_lock_message(conn, app_id, message_id)
    schedule = None if message is None else await store.find_due(conn, app_id, message_id)
    if message is None or schedule is None or schedule.next_run is None:
        return False
    now = await store.now(conn)
    turn = _turn(app_id, schedule, schedule.next_run, now)
    if message.state is MessageState.SENDING:
        await _skip(conn, turn, "still_sending", fails=False)
    elif turn.late >= LATE and recurrence.is_excluded(schedule, now):
        await _skip(conn, turn, "late_and_excluded", fails=turn.next_run is None)
    else:
        await _send(conn, turn, schedule.failures)
    return True


def _turn(app_id: int, schedule: Schedule, occurrence: datetime, now: datetime) -> _Turn:
    late = now - occurrence
    following = recurrence.next_occurrence(schedule, now)
    missed = 0
    if schedule.recurrence is Recurrence.ONCE:
        # Late on an excluded day, it moves to an allowed one as if it had been excluded before.
        moves = late >= LATE and recurrence.is_excluded(schedule, now)
        following = following if moves else None
    else:
        each = recurrence.next_occurrence(schedule, occurrence)
        while each is not None and each <= now and missed < _MOST_COUNTED:
            missed += 1
            each = recurrence.next_occurrence(schedule, each)
    return _Turn(app_id, schedule.message_id, occurrence, late, missed, following)


async def _send(conn: Conn, turn: _Turn, failures: int) -> None:
    try:
        async with conn.transaction():
            app = await apps.get_app_by_id(conn, turn.app_id)
            send_id = await sending.begin(conn, app, turn.message_id, test=False)
            if turn.reason is not None:
                await sends.explain(conn, turn.app_id, send_id, turn.reason)
    except (Conflict, Invalid, NotFound) as error:
        await _skip(conn, turn, f"{type(error).__name__}: {error}", fails=turn.next_run is None)
    except retry.VICTIM:
        raise
    except Exception:
        if conn.closed:
            raise
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures, 10))
        log.error("scheduled_send_put_off", **_logged(turn), seconds=pause, exc_info=True)
        await store.put_off(conn, turn.app_id, turn.message_id, pause)
    else:
        log.info("scheduled_send", **_logged(turn), send=send_id)
        await store.move_on(conn, turn.app_id, turn.message_id, turn.occurrence, turn.next_run)


async def _skip(conn: Conn, turn: _Turn, reason: str, *, fails: bool) -> None:
    """This occurrence is not sent; `fails` when the message thereby never is."""
    log.warning("occurrence_skipped", **_logged(turn), reason=reason)
    await store.move_on(conn, turn.app_id, turn.message_id, turn.occurrence, turn.next_run)
    if fails:
        await content.set_state(conn, turn.app_id, turn.message_id, MessageState.FAILED)


def _logged(turn: _Turn) -> dict[str, object]:
    return {
        "app": turn.app_id,
        "message": turn.message_id,
        "occurrence": turn.occurrence.isoformat(),
        "late_by": int(turn.late.total_seconds()),
        "missed": turn.missed,
        "next_run": turn.next_run and turn.next_run.isoformat(),
    }
