"""The SQL of `campaign`."""

from typing import Final

import msgspec
import psycopg

from clarion.content.model import Campaign, CampaignDraft
from clarion.db.sql import Conn, execute, row, rows, value, values

_CAMPAIGNS: Final = """
    SELECT id, name, external_id, description, start_date, end_date FROM clarion.campaign WHERE app_id = %s
"""

_LOCK_MESSAGES: Final = (
    "SELECT id FROM clarion.message WHERE app_id = %s AND campaign_id = %s ORDER BY id FOR UPDATE",
    "SELECT id FROM clarion.triggered_message WHERE app_id = %s AND campaign_id = %s ORDER BY id FOR UPDATE",
    "SELECT id FROM clarion.inbox_message WHERE app_id = %s AND campaign_id = %s ORDER BY id FOR UPDATE",
)
_FREE_MESSAGES: Final = (
    "UPDATE clarion.message SET campaign_id = NULL WHERE app_id = %s AND campaign_id = %s",
    "UPDATE clarion.triggered_message SET campaign_id = NULL WHERE app_id = %s AND campaign_id = %s",
    "UPDATE clarion.inbox_message SET campaign_id = NULL WHERE app_id = %s AND campaign_id = %s",
)


class _Row(CampaignDraft, frozen=True, kw_only=True):
    id: int


def _campaign(found: _Row) -> Campaign:
    return Campaign(id=found.id, draft=msgspec.convert(found, CampaignDraft, from_attributes=True))


async def insert(conn: Conn, app_id: int, draft: CampaignDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.campaign (app_id, name, external_id, description, start_date, end_date)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        (app_id, draft.name, draft.external_id, draft.description, draft.start_date, draft.end_date),
    )
    return inserted


async def update(conn: Conn, app_id: int, campaign_id: int, draft: CampaignDraft) -> bool:
    """False when another campaign has the external id; the transaction is then lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.campaign
               SET name = %s, external_id = %s, description = %s, start_date = %s, end_date = %s
             WHERE app_id = %s AND id = %s
            """,
            (draft.name, draft.external_id, draft.description, draft.start_date, draft.end_date, app_id, campaign_id),
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def find(conn: Conn, app_id: int, campaign_id: int) -> Campaign | None:
    """One campaign of the application."""
    found = await row(conn, _CAMPAIGNS + " AND id = %s", (app_id, campaign_id), of=_Row)
    return None if found is None else _campaign(found)


async def page(conn: Conn, app_id: int, limit: int, offset: int) -> list[Campaign]:
    """Campaigns of the application by ascending id."""
    found = await rows(conn, _CAMPAIGNS + " ORDER BY id LIMIT %s OFFSET %s", (app_id, limit, offset), of=_Row)
    return [_campaign(each) for each in found]


async def hold(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Whether the campaign exists; if so it cannot go away before this transaction ends."""
    held = await value(
        conn,
        "SELECT id FROM clarion.campaign WHERE app_id = %s AND id = %s FOR KEY SHARE",
        (app_id, campaign_id),
    )
    return held is not None


async def of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the campaign with this external id."""
    found: int | None = await value(
        conn, "SELECT id FROM clarion.campaign WHERE app_id = %s AND external_id = %s", (app_id, external_id)
    )
    return found


async def is_elsewhere(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Whether an application other than this one has the campaign."""
    found: bool = await value(
        conn, "SELECT EXISTS (SELECT FROM clarion.campaign WHERE app_id <> %s AND id = %s)", (app_id, campaign_id)
    )
    return found


async def delete(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Delete the campaign and take it off its messages, of every kind. False when there is none. May fail with a
    deadlock."""
    # Its messages are locked first, as whoever updates one of them does; the wait for the row of the campaign then lets
    # a message that is just being written be seen below.
    for query in _LOCK_MESSAGES:
        await values(conn, query, (app_id, campaign_id))
    deleted = await execute(conn, "DELETE FROM clarion.campaign WHERE app_id = %s AND id = %s", (app_id, campaign_id))
    for query in _FREE_MESSAGES:
        await execute(conn, query, (app_id, campaign_id))
    return deleted == 1
