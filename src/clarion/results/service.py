"""Reports: who was reached, who reacted, the daily figures of an application.

Reports name messages of every kind. Pushes, instant messages and inbox messages are sent: their targets are read from
the ledger. In-apps and alarms are shown by devices themselves: their targets are the displays that devices report.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from msgspec.structs import astuple

from clarion.apps import service as apps
from clarion.apps.model import Column
from clarion.content import kinds
from clarion.content.model import SHOWN, Action, ActionKind, MessageKind
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.results import targets as pages
from clarion.results.model import Click, Period, Scalar, Subject, Target
from clarion.results.store import chunks
from clarion.results.targets import Hit
from clarion.tracking import store as tracking
from clarion.tracking.intake import Intake
from clarion.tracking.model import Channel, DayStats, EventKind

_CHANNELS = {MessageKind.PUSH: Channel.PUSH, MessageKind.INAPP: Channel.INAPP}


def intake(db: Database) -> Intake:
    """Records what devices report, displays and clicks under the kind of their message.

    Pushes and in-apps have counters of the day, alarms and inbox messages none. A message that is unknown was a push:
    of all kinds, only those can be deleted.
    """
    return Intake(db, channels)


async def channels(conn: Conn, app_id: int, message_ids: Collection[int]) -> Mapping[int, Channel]:
    """The counters that displays and clicks of these messages belong to (v1 rule 84)."""
    found = await kinds.named(conn, app_id, message_ids)
    return {message_id: _CHANNELS.get(each.kind, Channel.OTHER) for message_id, each in found.items()}


async def targets(
    conn: Conn,
    app_id: int,
    subject: Subject,
    period: Period,
    columns: Sequence[Column],
    *,
    limit: int,
    offset: int,
) -> list[Target]:
    """Devices to which a message (or a campaign's messages) was handed or shown in the last 3 months, test sends
    included.

    By ascending date, which is that of the chunk or of the display, then device id (v1 rules 33, 79, 80, 82). Targets
    of a send that is under way show as they are recorded. The UDID of a profile that is gone is empty.
    """
    hits = await _hits(conn, app_id, subject, period, limit, offset)
    people = await _People.of(conn, app_id, [hit.device_id for hit in hits], columns)
    return [
        Target(
            udid=people.udid(hit.device_id),
            at=hit.at,
            message_id=hit.message_id,
            campaign_id=hit.campaign_id,
            bounced=hit.bounced,
            data=people.data(hit.device_id),
        )
        for hit in hits
    ]


async def _hits(conn: Conn, app_id: int, subject: Subject, period: Period, limit: int, offset: int) -> list[Hit]:
    if subject.message_id is not None:
        message = (await kinds.named(conn, app_id, [subject.message_id])).get(subject.message_id)
        if message is not None and message.kind in SHOWN:
            return await pages.shown(conn, app_id, message, period, limit, offset)
    elif subject.campaign_id is not None:
        shown = await kinds.shown_in_campaign(conn, app_id, subject.campaign_id)
        if shown:
            return await pages.mixed(conn, app_id, subject, shown, period, limit, offset)
    return await pages.sent(conn, app_id, subject, period, limit, offset)


async def clicks(
    conn: Conn,
    app_id: int,
    subject: Subject,
    period: Period,
    columns: Sequence[Column],
    *,
    limit: int,
    offset: int,
) -> list[Click]:
    """Clicks on a message or on a campaign's messages, by ascending date (v1 rules 79 to 81)."""
    if subject.message_id is not None:
        of = list((await kinds.named(conn, app_id, [subject.message_id])).values())
    else:
        assert subject.campaign_id is not None, "a report is about a message or a campaign"
        of = await kinds.of_campaign(conn, app_id, subject.campaign_id)
    campaign_of = {message.id: message.campaign_id for message in of}
    found = await tracking.reactions(
        conn, app_id, EventKind.CLICKED, list(campaign_of), period.start, period.end, limit=limit, offset=offset
    )
    actions = await kinds.actions(conn, app_id, {click.message_id for click in found})
    people = await _People.of(conn, app_id, [click.device_id for click in found], columns)
    return [
        Click(
            udid=people.udid(click.device_id),
            at=click.ts,
            message_id=click.message_id,
            campaign_id=campaign_of[click.message_id],
            action_id=_action(actions.get(click.message_id, ()), click.button),
            data=people.data(click.device_id),
        )
        for click in found
    ]


async def stats(
    conn: Conn, app_id: int, start: date | None, end: date | None, *, limit: int, offset: int
) -> list[DayStats]:
    """The days that have data, ascending, both ends included; None leaves an end open (v1 rules 83 and 84)."""
    return await tracking.stats_between(conn, app_id, start, end, limit=limit, offset=offset)


async def keep_standings(db: Database) -> int:
    """Timer: keep with today how every application's devices stand (v1 rule 84); how many applications have any."""
    kept = 0
    async with db.connection() as conn:
        today = (await tracking.now(conn)).date()
        for app in await apps.list_apps(conn):
            standing = await devices.standing(conn, app.id)
            # A day on which there is nothing to tell gets no line; one that has a line gets the latest figures.
            kept += await tracking.set_standing(conn, app.id, today, standing, add=any(astuple(standing)))
    return kept


async def drop_old(db: Database) -> int:
    """Timer: drop ledgers that have not been listed for a month (v1 rule 82), application by application."""
    dropped = 0
    async with db.connection() as conn:
        for app in await apps.list_apps(conn):
            dropped += await chunks.drop_old(conn, app.id)
    return dropped


def _action(actions: Sequence[Action], button: str | None) -> int | None:
    """The id of what was pressed: a button, or for the notification itself its rich page when it has one."""
    wanted = (ActionKind.RICH, "") if button is None else (ActionKind.BUTTON, button)
    return next((action.id for action in actions if (action.kind, action.button) == wanted), None)


class _People:
    """UDIDs and further columns of the devices of one page, read in one query each."""

    def __init__(self, udids: dict[int, str], columns: dict[int, dict[str, Scalar]]) -> None:
        self._udids = udids
        self._columns = columns

    @classmethod
    async def of(cls, conn: Conn, app_id: int, ids: Sequence[int], columns: Sequence[Column]) -> "_People":
        wanted = sorted(set(ids))
        udids = await devices.udids_of(conn, app_id, wanted) if wanted else {}
        further = await devices.columns_of(conn, app_id, wanted, columns) if wanted and columns else {}
        return cls(udids, further)

    def udid(self, device_id: int) -> str:
        return self._udids.get(device_id, "")

    def data(self, device_id: int) -> dict[str, Scalar]:
        return self._columns.get(device_id, {})
