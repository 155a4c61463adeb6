"""Clicks and targets of a campaign or a message on the v1 wire (v1 rules 27, 33, 79 to 82)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from msgspec import UNSET, Struct, UnsetType

from clarion.api.contract.instants import parse_day, parse_instant
from clarion.api.exchange import Response
from clarion.api.v1.call import Call
from clarion.api.v1.device_wire import shown
from clarion.api.v1.errors import Label, Problem, V1Error, format_problems
from clarion.api.v1.pages import answer_page
from clarion.apps import service as apps
from clarion.apps.model import Column
from clarion.base.errors import Finding, Forbidden, NotFound
from clarion.content import kinds
from clarion.content import service as content
from clarion.db.sql import Conn
from clarion.results import service as results
from clarion.results.model import Click, Period, Scalar, Subject, Target

_SECOND = timedelta(seconds=1) - timedelta(microseconds=1)
_PLAIN_LENGTH = len("2031-03-02 09:01:12")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)
Find = Callable[[Conn, Call], Awaitable[Subject]]


class Report(Protocol[T_co]):
    """A report of `results`, read page by page."""

    async def __call__(
        self,
        conn: Conn,
        app_id: int,
        subject: Subject,
        period: Period,
        columns: Sequence[Column],
        *,
        limit: int,
        offset: int,
    ) -> Sequence[T_co]: ...


class Write(Protocol[T_contra]):
    """One line of a report in wire form, with the device columns asked for or without."""

    def __call__(self, line: T_contra, /, *, with_data: bool) -> object: ...


class _Click(Struct, rename="camel"):
    device_id: str
    date: datetime
    message_id: int | None
    campaign_id: int | None
    action_id: int | UnsetType
    data: Mapping[str, Scalar] | UnsetType


class _Target(Struct, rename="camel"):
    device_id: str
    date: datetime
    message_id: int
    campaign_id: int | None
    bounce: bool
    data: Mapping[str, Scalar] | UnsetType


async def list_campaign_clicks(call: Call) -> Response:
    """Clicks on the messages of a campaign."""
    return await _page(call, _campaign, results.clicks, _write_click)


async def list_message_clicks(call: Call) -> Response:
    """Clicks on a message."""
    return await _page(call, _message, results.clicks, _write_click)


async def list_campaign_targets(call: Call) -> Response:
    """Devices that got a message of a campaign in the last 3 months."""
    return await _page(call, _campaign, results.targets, _write_target)


async def list_message_targets(call: Call) -> Response:
    """Devices that got a message in the last 3 months."""
    return await _page(call, _message, results.targets, _write_target)


async def _page(call: Call, subject_of: Find, report: Report[T], write: Write[T]) -> Response:
    """One page of a report about the campaign or message addressed, once it is clear what is asked (v1 rule 107)."""
    async with call.services.db.connection() as conn:
        period, columns = await _wanted(conn, call)
        subject = await subject_of(conn, call)

        async def read(limit: int, offset: int) -> Sequence[T]:
            return await report(conn, call.app.id, subject, period, columns, limit=limit, offset=offset)

        return await answer_page(call, read, partial(write, with_data=bool(columns)))


async def _campaign(conn: Conn, call: Call) -> Subject:
    """The campaign addressed. Raises Forbidden when it is another application's (v1 rule 27), else NotFound."""
    campaign_id: int = call.path["campaignId"]
    try:
        await content.get_campaign(conn, call.app.id, campaign_id)
    except NotFound:
        if await content.campaign_is_elsewhere(conn, call.app.id, campaign_id):
            raise Forbidden(f"Campaign {campaign_id} belongs to another application.") from None
        raise
    return Subject(campaign_id=campaign_id)


async def _message(conn: Conn, call: Call) -> Subject:
    """The message addressed, of any kind. Raises Forbidden when it is another application's (v1 rule 27), else
    NotFound."""
    message_id: int = call.path["messageId"]
    try:
        await kinds.subject_of(conn, call.app.id, message_id)
    except NotFound:
        if await kinds.is_elsewhere(conn, call.app.id, message_id):
            raise Forbidden(f"Message {message_id} belongs to another application.") from None
        raise
    return Subject(message_id=message_id)


def malformed(query: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the ends of a period in themselves."""
    expected = "expected YYYY-MM-DD or YYYY-MM-DD hh:mm:ss"
    return [
        Finding(name, "format", f"Malformed parameter `{name}`: {expected}")
        for name in ("startDate", "endDate")
        if name in query and instant_of(query[name], last=False) is None
    ]


async def _wanted(conn: Conn, call: Call) -> tuple[Period, list[Column]]:
    """The period and the device columns asked for. Raises V1Error with everything that is malformed."""
    problems = format_problems(malformed(call.query))
    columns: dict[str, Column] = {}
    names: list[str] = call.query.get("data[]", [])
    scheme = await apps.load_scheme(conn, call.app.id) if names else None
    for name in names:
        column = scheme.find(name) if scheme else None
        if column is None:
            problems.append(Problem(400, Label.FORMAT, f"Unknown column `{name[:100]}` in parameter `data[]`"))
        else:
            columns[column.name] = column
    if problems:
        raise V1Error.several(problems)
    start, end = call.query.get("startDate"), call.query.get("endDate")
    period = Period(
        None if start is None else instant_of(start, last=False),
        None if end is None else instant_of(end, last=True),
    )
    return period, list(columns.values())


def instant_of(text: str, *, last: bool) -> datetime | None:
    """An instant of `YYYY-MM-DD[ hh:mm:ss]`, UTC; `last` takes the end of the day or second named. None: malformed."""
    day = parse_day(text)
    if day is not None:
        return datetime.combine(day, time.max if last else time.min, tzinfo=UTC)
    if len(text) != _PLAIN_LENGTH or text[10] != " ":
        return None
    instant = parse_instant(text, lenient=True)
    return instant + _SECOND if instant is not None and last else instant


def _write_click(click: Click, *, with_data: bool) -> _Click:
    return _Click(
        device_id=click.udid,
        date=click.at.replace(microsecond=0),
        message_id=click.message_id,
        campaign_id=click.campaign_id,
        action_id=UNSET if click.action_id is None else click.action_id,
        data=shown(click.data) if with_data else UNSET,
    )


def _write_target(target: Target, *, with_data: bool) -> _Target:
    return _Target(
        device_id=target.udid,
        date=target.at.replace(microsecond=0),
        message_id=target.message_id,
        campaign_id=target.campaign_id,
        bounce=target.bounced,
        data=shown(target.data) if with_data else UNSET,
    )
