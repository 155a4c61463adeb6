"""The SQL of campaigns, push messages and the actions of messages."""

from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.types.json import Jsonb

from clarion.content.model import (
    Action,
    ActionKind,
    Campaign,
    CampaignDraft,
    Content,
    Guarantee,
    Message,
    MessageDraft,
    MessageState,
)
from clarion.db.sql import Conn, execute, row, rows, value, values


class _CampaignRow(Struct):
    id: int
    name: str
    external_id: str | None
    description: str | None
    start_date: datetime | None
    end_date: datetime | None

    def typed(self) -> Campaign:
        draft = CampaignDraft(self.name, self.external_id, self.description, self.start_date, self.end_date)
        return Campaign(id=self.id, draft=draft)


class _MessageRow(Struct):
    id: int
    revision: int
    state: MessageState
    name: str
    contents: tuple[Content, ...]
    external_id: str | None
    campaign_id: int | None
    use_pressure: bool
    test_segments: tuple[int, ...]
    campaign_segments: tuple[int, ...]
    lists: tuple[int, ...]
    guarantee: Guarantee
    time_to_live: int

    def typed(self) -> Message:
        draft = MessageDraft(
            name=self.name,
            contents=self.contents,
            external_id=self.external_id,
            campaign_id=self.campaign_id,
            use_pressure=self.use_pressure,
            test_segments=self.test_segments,
            campaign_segments=self.campaign_segments,
            lists=self.lists,
            guarantee=self.guarantee,
            time_to_live=self.time_to_live,
        )
        return Message(id=self.id, revision=self.revision, state=self.state, draft=draft)


async def insert_campaign(conn: Conn, app_id: int, draft: CampaignDraft) -> int | None:
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


async def update_campaign(conn: Conn, app_id: int, campaign_id: int, draft: CampaignDraft) -> bool:
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


async def find_campaign(conn: Conn, app_id: int, campaign_id: int) -> Campaign | None:
    """One campaign of the application."""
    found = await row(
        conn,
        """
        SELECT id, name, external_id, description, start_date, end_date
          FROM clarion.campaign WHERE app_id = %s AND id = %s
        """,
        (app_id, campaign_id),
        of=_CampaignRow,
    )
    return None if found is None else found.typed()


async def list_campaigns(conn: Conn, app_id: int, limit: int, offset: int) -> list[Campaign]:
    """Campaigns of the application by ascending id."""
    found = await rows(
        conn,
        """
        SELECT id, name, external_id, description, start_date, end_date
          FROM clarion.campaign WHERE app_id = %s ORDER BY id LIMIT %s OFFSET %s
        """,
        (app_id, limit, offset),
        of=_CampaignRow,
    )
    return [campaign.typed() for campaign in found]


async def hold_campaign(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Whether the campaign exists; if so it cannot go away before this transaction ends."""
    held = await value(
        conn,
        "SELECT id FROM clarion.campaign WHERE app_id = %s AND id = %s FOR KEY SHARE",
        (app_id, campaign_id),
    )
    return held is not None


async def campaign_of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the campaign with this external id."""
    found: int | None = await value(
        conn, "SELECT id FROM clarion.campaign WHERE app_id = %s AND external_id = %s", (app_id, external_id)
    )
    return found


async def campaign_is_elsewhere(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Whether an application other than this one has the campaign."""
    found: bool = await value(
        conn, "SELECT EXISTS (SELECT FROM clarion.campaign WHERE app_id <> %s AND id = %s)", (app_id, campaign_id)
    )
    return found


async def delete_campaign(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Delete the campaign and take it off its messages. False when there is none."""
    # The campaign goes first: the wait for its row lets a message that is just being written be seen below.
    deleted = await execute(conn, "DELETE FROM clarion.campaign WHERE app_id = %s AND id = %s", (app_id, campaign_id))
    await execute(
        conn,
        "UPDATE clarion.message SET campaign_id = NULL WHERE app_id = %s AND campaign_id = %s",
        (app_id, campaign_id),
    )
    return deleted == 1


async def insert_message(conn: Conn, app_id: int, draft: MessageDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.message
            (app_id, campaign_id, name, external_id, use_pressure, test_segments, campaign_segments, lists, contents,
             guarantee, time_to_live)
        VALUES (%(app_id)s, %(campaign_id)s, %(name)s, %(external_id)s, %(use_pressure)s, %(test_segments)s,
                %(campaign_segments)s, %(lists)s, %(contents)s, %(guarantee)s, %(time_to_live)s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        _message_values(app_id, draft),
    )
    return inserted


async def update_message(conn: Conn, app_id: int, message_id: int, draft: MessageDraft) -> bool:
    """Write the next revision. False when another message has the external id; the transaction is then lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.message
               SET revision = revision + 1, campaign_id = %(campaign_id)s, name = %(name)s,
                   external_id = %(external_id)s, use_pressure = %(use_pressure)s,
                   test_segments = %(test_segments)s, campaign_segments = %(campaign_segments)s, lists = %(lists)s,
                   contents = %(contents)s, guarantee = %(guarantee)s, time_to_live = %(time_to_live)s,
                   updated_at = clarion.now()
             WHERE app_id = %(app_id)s AND id = %(id)s
            """,
            {**_message_values(app_id, draft), "id": message_id},
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def find_message(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """One message of the application."""
    found = await row(
        conn,
        """
        SELECT id, revision, state, name, contents, external_id, campaign_id, use_pressure, test_segments,
               campaign_segments, lists, guarantee, time_to_live
          FROM clarion.message WHERE app_id = %s AND id = %s
        """,
        (app_id, message_id),
        of=_MessageRow,
    )
    return None if found is None else found.typed()


async def lock_message(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """As `find_message`, and nobody else changes it before this transaction ends."""
    found = await row(
        conn,
        """
        SELECT id, revision, state, name, contents, external_id, campaign_id, use_pressure, test_segments,
               campaign_segments, lists, guarantee, time_to_live
          FROM clarion.message WHERE app_id = %s AND id = %s FOR UPDATE
        """,
        (app_id, message_id),
        of=_MessageRow,
    )
    return None if found is None else found.typed()


async def list_messages(
    conn: Conn, app_id: int, *, external_id: str | None, title: str | None, limit: int, offset: int
) -> list[Message]:
    """Messages by ascending id. `external_id` and `title` are LIKE patterns, matched without case; None keeps all."""
    found = await rows(
        conn,
        """
        SELECT id, revision, state, name, contents, external_id, campaign_id, use_pressure, test_segments,
               campaign_segments, lists, guarantee, time_to_live
          FROM clarion.message
         WHERE app_id = %(app_id)s
           AND (%(external_id)s::text IS NULL OR external_id ILIKE %(external_id)s)
           AND (%(title)s::text IS NULL OR name ILIKE %(title)s
                OR EXISTS (SELECT FROM jsonb_array_elements(contents) AS c WHERE c->>'title' ILIKE %(title)s))
         ORDER BY id LIMIT %(limit)s OFFSET %(offset)s
        """,
        {"app_id": app_id, "external_id": external_id, "title": title, "limit": limit, "offset": offset},
        of=_MessageRow,
    )
    return [message.typed() for message in found]


async def message_of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the message with this external id."""
    found: int | None = await value(
        conn, "SELECT id FROM clarion.message WHERE app_id = %s AND external_id = %s", (app_id, external_id)
    )
    return found


async def messages_of_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[int]:
    """The ids of the campaign's messages, ascending."""
    return await values(
        conn, "SELECT id FROM clarion.message WHERE app_id = %s AND campaign_id = %s ORDER BY id", (app_id, campaign_id)
    )


async def message_is_elsewhere(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether an application other than this one has the message."""
    found: bool = await value(
        conn, "SELECT EXISTS (SELECT FROM clarion.message WHERE app_id <> %s AND id = %s)", (app_id, message_id)
    )
    return found


async def set_state(conn: Conn, app_id: int, message_id: int, state: MessageState) -> None:
    """Move a message to another state; its revision stays."""
    await execute(
        conn,
        "UPDATE clarion.message SET state = %s WHERE app_id = %s AND id = %s",
        (state.value, app_id, message_id),
    )


async def delete_message(conn: Conn, app_id: int, message_id: int) -> None:
    """Delete a message and its actions."""
    await execute(
        conn, "DELETE FROM clarion.message_action WHERE app_id = %s AND message_id = %s", (app_id, message_id)
    )
    await execute(conn, "DELETE FROM clarion.message WHERE app_id = %s AND id = %s", (app_id, message_id))


async def ensure_actions(conn: Conn, app_id: int, message_id: int, wanted: set[tuple[ActionKind, str]]) -> None:
    """Give every wanted action an id. Those that have one keep it, those no longer wanted keep it for their clicks."""
    ordered = sorted(wanted)
    await execute(
        conn,
        """
        INSERT INTO clarion.message_action (app_id, message_id, kind, button)
        SELECT %s, %s, w.kind, w.button FROM unnest(%s::text[], %s::text[]) AS w (kind, button)
        ON CONFLICT (app_id, message_id, kind, button) DO NOTHING
        """,
        (app_id, message_id, [kind.value for kind, _ in ordered], [button for _, button in ordered]),
    )


async def list_actions(conn: Conn, app_id: int, message_id: int) -> list[Action]:
    """The actions of a message, those of earlier revisions included, by id."""
    return await rows(
        conn,
        "SELECT id, kind, button FROM clarion.message_action WHERE app_id = %s AND message_id = %s ORDER BY id",
        (app_id, message_id),
        of=Action,
    )


def _message_values(app_id: int, draft: MessageDraft) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "campaign_id": draft.campaign_id,
        "name": draft.name,
        "external_id": draft.external_id,
        "use_pressure": draft.use_pressure,
        "test_segments": list(draft.test_segments),
        "campaign_segments": list(draft.campaign_segments),
        "lists": list(draft.lists),
        "contents": Jsonb(draft.contents),
        "guarantee": draft.guarantee.value,
        "time_to_live": draft.time_to_live,
    }
