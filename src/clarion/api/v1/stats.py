"""Daily statistics on the v1 wire (v1 rules 83 and 84)."""

from collections.abc import Sequence
from datetime import date

from msgspec import UNSET, Struct, UnsetType

from clarion.api.contract.instants import parse_day
from clarion.api.exchange import Response
from clarion.api.v1.call import Call
from clarion.api.v1.pages import answer_page
from clarion.base import clock
from clarion.results import service as results
from clarion.tracking.model import DayStats


class _Stat(Struct, rename="camel"):
    date: date
    installs: int
    opens: int
    push_sent: int
    push_clicks: int
    bounces: int
    inapp_displays: int
    inapp_clicks: int
    registered: int | UnsetType
    optin: int | UnsetType
    optout: int | UnsetType
    active: int | UnsetType
    active_optin: int | UnsetType


async def list_stats(call: Call) -> Response:
    """The days that have data, by ascending date. The snapshot figures are left out on days without a snapshot."""
    start, end = period_of(call.query.get("date"), call.query.get("startDate"), call.query.get("endDate"))
    async with call.services.db.connection() as conn:

        async def read(limit: int, offset: int) -> Sequence[DayStats]:
            return await results.stats(conn, call.app.id, start, end, limit=limit, offset=offset)

        return await answer_page(call, read, _write)


def period_of(day: str | None, start: str | None, end: str | None) -> tuple[date | None, date | None]:
    """First and last day: `startDate` to `endDate` or today, else `date` alone, else all; `endDate` needs a start."""
    if start is not None:
        return parse_day(start), clock.now().date() if end is None else parse_day(end)
    only = None if day is None else parse_day(day)
    return only, only


def _write(stats: DayStats) -> _Stat:
    return _Stat(
        date=stats.day,
        installs=stats.installs,
        opens=stats.opens,
        push_sent=stats.push_sent,
        push_clicks=stats.push_clicks,
        bounces=stats.bounces,
        inapp_displays=stats.inapp_displays,
        inapp_clicks=stats.inapp_clicks,
        registered=_given(stats.registered),
        optin=_given(stats.optin),
        optout=_given(stats.optout),
        active=_given(stats.active),
        active_optin=_given(stats.active_optin),
    )


def _given(figure: int | None) -> int | UnsetType:
    return UNSET if figure is None else figure
