"""Schedules of messages and their exclusions on the v1 wire (v1 rules 58 to 61).

Dates are written in the local time of the schedule: that of its zone, or the offset it was given with.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.contract.instants import parse_with_offset
from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer, json_answer
from clarion.api.v1.errors import Label, V1Error, spelled
from clarion.base.errors import Conflict
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.sending.schedules import recurrence
from clarion.sending.schedules import service as schedules
from clarion.sending.schedules.model import Exclusion, Recurrence, Schedule, ScheduleDraft

_NAMES: Final = {
    "first_run": "nextSendingDate",
    "start_date": "startDate",
    "end_date": "endDate",
    "start": "startDate",
    "end": "endDate",
}
_DAY: Final = re.compile(r"[1-7]")


class _Body(Struct, rename="camel"):
    next_sending_date: str
    type: str = "ONCE"
    timezone: str = "UTC"
    start_date: str | None = None
    end_date: str | None = None
    status: str = "ACTIVE"


class _Schedule(Struct, rename="camel"):
    type: str
    next_sending_date: datetime
    timezone: str
    start_date: datetime | UnsetType
    end_date: datetime | UnsetType
    status: str


class _ExclusionBody(Struct, rename="camel"):
    type: str
    days: str = ""
    start_date: str | None = None
    end_date: str | None = None


class _Exclusion(Struct, rename="camel"):
    type: str
    days: str | UnsetType
    start_date: datetime | UnsetType
    end_date: datetime | UnsetType


async def get_schedule(call: Call) -> Response:
    """The schedule of a message, with its next occurrence."""
    async with call.services.db.connection() as conn:
        return json_answer(_write(await schedules.get(conn, call.app.id, call.path["messageId"])))


async def create_schedule(call: Call) -> Response:
    """Schedule a message: 403 when it is already, 400 for a date in the past (v1 rule 58)."""

    async def work(conn: Conn) -> None:
        await schedules.create(conn, call.app.id, call.path["messageId"], _read(call.body))

    with spelled(_NAMES), _forbidden({"has_schedule"}):
        await retry.transact(call.services.db, work)
    return empty_answer()


async def update_schedule(call: Call) -> Response:
    """Replace the schedule of a message: 403 for a date in the past (v1 rule 58)."""

    async def work(conn: Conn) -> None:
        await schedules.update(conn, call.app.id, call.path["messageId"], _read(call.body))

    with spelled(_NAMES), _forbidden({"past_date"}):
        await retry.transact(call.services.db, work)
    return empty_answer()


async def delete_schedule(call: Call) -> Response:
    """Take the schedule of a message away, its exclusions with it."""

    async def work(conn: Conn) -> None:
        await schedules.delete(conn, call.app.id, call.path["messageId"])

    await retry.transact(call.services.db, work)
    return empty_answer()


async def list_schedule_exclusions(call: Call) -> Response:
    """All exclusions in the order they were given; there are few enough for one page."""
    async with call.services.db.connection() as conn:
        schedule = await schedules.get(conn, call.app.id, call.path["messageId"])
    return json_answer({"data": [_write_exclusion(schedule, each) for each in schedule.exclusions]})


async def create_schedule_exclusion(call: Call) -> Response:
    """Exclude days of the week, or the dates of a range (v1 rule 60)."""

    async def work(conn: Conn) -> None:
        await schedules.exclude(conn, call.app.id, call.path["messageId"], _read_exclusion(call.body))

    with spelled(_NAMES):
        await retry.transact(call.services.db, work)
    return empty_answer()


async def delete_schedule_exclusions(call: Call) -> Response:
    """Take all exclusions away."""

    async def work(conn: Conn) -> None:
        await schedules.drop_exclusions(conn, call.app.id, call.path["messageId"])

    await retry.transact(call.services.db, work)
    return empty_answer()


@contextmanager
def _forbidden(codes: Collection[str]) -> Iterator[None]:
    """Conflicts with these codes are 403 here, which v1 keeps on purpose (v1 rules 25, 58, 103)."""
    try:
        yield
    except Conflict as error:
        if error.code in codes:
            raise V1Error(403, Label.DATA, str(error)) from None
        raise


def _read(body: Any) -> ScheduleDraft:
    wire = convert(body, _Body)
    return ScheduleDraft(
        first_run=_instant(wire.next_sending_date),
        recurrence=Recurrence(wire.type.lower()),
        timezone=wire.timezone,
        start_date=_instant_or_none(wire.start_date),
        end_date=_instant_or_none(wire.end_date),
        active=wire.status == "ACTIVE",
    )


def _read_exclusion(body: Any) -> Exclusion:
    wire = convert(body, _ExclusionBody)
    days = sorted({int(day) for day in _DAY.findall(wire.days)}) if wire.type == "DAYS" else ()
    return Exclusion(tuple(days), _instant_or_none(wire.start_date), _instant_or_none(wire.end_date))


def _instant(text: str) -> datetime:
    """A date that the contract's check took; the offset it is written with counts (v1 rule 59)."""
    read = parse_with_offset(text, lenient=True)
    assert read is not None
    return read


def _instant_or_none(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def _write(schedule: Schedule) -> _Schedule:
    return _Schedule(
        type=schedule.recurrence.value.upper(),
        next_sending_date=recurrence.in_local_time(schedule, schedule.shown_run),
        timezone=schedule.timezone,
        start_date=_local(schedule, schedule.start_date),
        end_date=_local(schedule, schedule.end_date),
        status="ACTIVE" if schedule.active else "INACTIVE",
    )


def _write_exclusion(schedule: Schedule, exclusion: Exclusion) -> _Exclusion:
    return _Exclusion(
        type="DAYS" if exclusion.days else "DATES",
        days=f"[{','.join(map(str, exclusion.days))}]" if exclusion.days else UNSET,
        start_date=_local(schedule, exclusion.start),
        end_date=_local(schedule, exclusion.end),
    )


def _local(schedule: Schedule, instant: datetime | None) -> datetime | UnsetType:
    return UNSET if instant is None else recurrence.in_local_time(schedule, instant)
