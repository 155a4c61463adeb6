"""Reports: who was reached, who reacted, the daily figures of an application."""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import astuple

from clarion.apps import service as apps
from clarion.apps.model import Column
from clarion.content import service as content
from clarion.content.model import Action, ActionKind
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.results import ledger, store
from clarion.results.model import Click, Outcome, Period, Scalar, Subject, Target
from clarion.tracking import store as tracking
from clarion.tracking.model import DayStats


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
    """Devices to which a message (or a campaign's messages) was handed in the last 3 months, test sends included.

    By ascending date, which is that of the chunk, then device id (v1 rules 33, 79, 80, 82). Targets of a send that is
    under way show as they are recorded. The UDID of a profile that is gone is empty.
    """
    chunks = await store.target_chunks(conn, app_id, subject, period, limit=limit, offset=offset)
    found: list[tuple[store.TargetChunk, int, Outcome]] = []
    for chunk in chunks:
        skip = max(0, offset - chunk.before)
        part = ledger.targets_between(chunk.device_ids, chunk.outcomes, skip, limit - len(found))
        found += [(chunk, device_id, outcome) for device_id, outcome in part]
    people = await _People.of(conn, app_id, [device_id for _, device_id, _ in found], columns)
    return [
        Target(
            udid=people.udid(device_id),
            at=chunk.started_at,
            message_id=chunk.message_id,
            campaign_id=chunk.campaign_id,
            bounced=outcome is Outcome.REFUSED_DEAD,
            data=people.data(device_id),
        )
        for chunk, device_id, outcome in found
    ]


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
    """Clicks on a message or on a campaign's messages, by ascending date (v1 rules 79 to 81). Raises NotFound."""
    if subject.message_id is not None:
        message_ids = [subject.message_id]
        campaign_id = (await content.get_message(conn, app_id, subject.message_id)).draft.campaign_id
    else:
        assert subject.campaign_id is not None, "a report is about a message or a campaign"
        message_ids = await content.messages_of_campaign(conn, app_id, subject.campaign_id)
        campaign_id = subject.campaign_id
    found = await tracking.clicks(conn, app_id, message_ids, period.start, period.end, limit=limit, offset=offset)
    shown = sorted({click.message_id for click in found})
    actions = {message_id: await content.actions(conn, app_id, message_id) for message_id in shown}
    people = await _People.of(conn, app_id, [click.device_id for click in found], columns)
    return [
        Click(
            udid=people.udid(click.device_id),
            at=click.ts,
            message_id=click.message_id,
            campaign_id=campaign_id,
            action_id=_action(actions[click.message_id], click.button),
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
            if any(astuple(standing)):
                await tracking.set_standing(conn, app.id, today, standing)
                kept += 1
    return kept


async def drop_old(db: Database) -> int:
    """Timer: drop ledgers that have not been listed for a month (v1 rule 82), application by application."""
    dropped = 0
    async with db.connection() as conn:
        for app in await apps.list_apps(conn):
            dropped += await store.drop_old(conn, app.id)
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
