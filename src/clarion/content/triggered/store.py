"""The SQL of `triggered_message`, of the revision of an application's triggered messages, and of `global_capping`."""

from typing import Any, Final

import msgspec
import psycopg
from msgspec import Struct
from psycopg.types.json import Jsonb

from clarion.content.model import Content
from clarion.content.triggered.model import (
    AlarmDraft,
    AlarmSettings,
    Draft,
    GlobalCapping,
    InAppContent,
    InAppDraft,
    Triggered,
    TriggeredKind,
    Triggers,
    kind_of,
)
from clarion.db.sql import Conn, execute, row, rows, value

_MESSAGES: Final = """
    SELECT id, kind, revision, active, name, external_id, campaign_id, test_segments, campaign_segments, lists,
           contents, triggers, alarm
      FROM clarion.triggered_message WHERE app_id = %(app_id)s
"""
_OF_KIND: Final = _MESSAGES + " AND kind = %(kind)s"


class _Alarm(Struct, omit_defaults=True):
    """What only an alarm has."""

    settings: AlarmSettings
    webservice: str | None = None


class _Row(Struct):
    id: int
    kind: TriggeredKind
    revision: int
    active: bool
    name: str
    external_id: str | None
    campaign_id: int | None
    test_segments: tuple[int, ...]
    campaign_segments: tuple[int, ...]
    lists: tuple[int, ...]
    contents: list[Any]
    triggers: Triggers
    alarm: _Alarm | None

    def message(self) -> Triggered:
        """The message that the row holds."""
        return Triggered(self.id, self.revision, self.active, self._draft())

    def _draft(self) -> Draft:
        frame: dict[str, Any] = {
            "name": self.name,
            "external_id": self.external_id,
            "campaign_id": self.campaign_id,
            "test_segments": self.test_segments,
            "campaign_segments": self.campaign_segments,
            "lists": self.lists,
            "triggers": self.triggers,
        }
        if self.alarm is None:
            return InAppDraft(contents=msgspec.convert(self.contents, tuple[InAppContent, ...]), **frame)
        contents = msgspec.convert(self.contents, tuple[Content, ...])
        return AlarmDraft(contents=contents, settings=self.alarm.settings, webservice=self.alarm.webservice, **frame)


class _Capping(GlobalCapping, frozen=True, kw_only=True):
    kind: TriggeredKind


async def insert(conn: Conn, app_id: int, draft: Draft, *, active: bool) -> int | None:
    """The id, or None when another message of the kind has the external id."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.triggered_message
            (app_id, kind, active, campaign_id, name, external_id, test_segments, campaign_segments, lists, contents,
             triggers, alarm)
        VALUES (%(app_id)s, %(kind)s, %(active)s, %(campaign_id)s, %(name)s, %(external_id)s, %(test_segments)s,
                %(campaign_segments)s, %(lists)s, %(contents)s, %(triggers)s, %(alarm)s)
        ON CONFLICT (app_id, kind, external_id) DO NOTHING RETURNING id
        """,
        {**_bound(app_id, draft), "active": active},
    )
    return inserted


async def update(conn: Conn, app_id: int, message_id: int, draft: Draft, *, active: bool) -> bool:
    """Write the next revision. False when another message of the kind has the external id; the transaction is then
    lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.triggered_message
               SET revision = revision + 1, active = %(active)s, campaign_id = %(campaign_id)s, name = %(name)s,
                   external_id = %(external_id)s, test_segments = %(test_segments)s,
                   campaign_segments = %(campaign_segments)s, lists = %(lists)s, contents = %(contents)s,
                   triggers = %(triggers)s, alarm = %(alarm)s, updated_at = clarion.now()
             WHERE app_id = %(app_id)s AND kind = %(kind)s AND id = %(id)s
            """,
            {**_bound(app_id, draft), "active": active, "id": message_id},
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def set_active(conn: Conn, app_id: int, kind: TriggeredKind, message_id: int, active: bool) -> bool:
    """Turn the switch of a message; False when it stands so already, or there is no such message."""
    changed = await execute(
        conn,
        """
        UPDATE clarion.triggered_message
           SET revision = revision + 1, active = %(active)s, updated_at = clarion.now()
         WHERE app_id = %(app_id)s AND kind = %(kind)s AND id = %(id)s AND active <> %(active)s
        """,
        {"app_id": app_id, "kind": kind.value, "id": message_id, "active": active},
    )
    return changed == 1


async def find(conn: Conn, app_id: int, kind: TriggeredKind, message_id: int) -> Triggered | None:
    """One message of the kind."""
    bound = {"app_id": app_id, "kind": kind.value, "id": message_id}
    found = await row(conn, _OF_KIND + " AND id = %(id)s", bound, of=_Row)
    return None if found is None else found.message()


async def lock(conn: Conn, app_id: int, kind: TriggeredKind, message_id: int) -> Triggered | None:
    """As `find`, and nobody else changes it before this transaction ends."""
    bound = {"app_id": app_id, "kind": kind.value, "id": message_id}
    found = await row(conn, _OF_KIND + " AND id = %(id)s FOR UPDATE", bound, of=_Row)
    return None if found is None else found.message()


async def page(conn: Conn, app_id: int, kind: TriggeredKind, limit: int, offset: int) -> list[Triggered]:
    """Messages of the kind by ascending id."""
    bound = {"app_id": app_id, "kind": kind.value, "limit": limit, "offset": offset}
    found = await rows(conn, _OF_KIND + " ORDER BY id LIMIT %(limit)s OFFSET %(offset)s", bound, of=_Row)
    return [each.message() for each in found]


async def active(conn: Conn, app_id: int) -> list[Triggered]:
    """The messages of both kinds that are switched on, by ascending id."""
    found = await rows(conn, _MESSAGES + " AND active ORDER BY id", {"app_id": app_id}, of=_Row)
    return [each.message() for each in found]


async def of_external_id(conn: Conn, app_id: int, kind: TriggeredKind, external_id: str) -> int | None:
    """The id of the message of the kind with this external id."""
    found: int | None = await value(
        conn,
        "SELECT id FROM clarion.triggered_message WHERE app_id = %s AND kind = %s AND external_id = %s",
        (app_id, kind.value, external_id),
    )
    return found


async def revise(conn: Conn, app_id: int) -> None:
    """Note that the triggered messages of the application changed: the last thing a transaction does to them, since
    whoever else changes one waits for its end."""
    await execute(
        conn,
        """
        INSERT INTO clarion.triggered_revision (app_id, revision) VALUES (%s, 1)
        ON CONFLICT (app_id) DO UPDATE SET revision = triggered_revision.revision + 1
        """,
        (app_id,),
    )


async def revision(conn: Conn, app_id: int) -> int:
    """How often the triggered messages of the application were changed."""
    found: int | None = await value(
        conn, "SELECT revision FROM clarion.triggered_revision WHERE app_id = %s", (app_id,)
    )
    return found or 0


async def put_capping(conn: Conn, app_id: int, kind: TriggeredKind, capping: GlobalCapping) -> None:
    """Write the global capping of a kind."""
    await execute(
        conn,
        """
        INSERT INTO clarion.global_capping (app_id, kind, frequency, duration) VALUES (%s, %s, %s, %s)
        ON CONFLICT (app_id, kind) DO UPDATE SET frequency = excluded.frequency, duration = excluded.duration
        """,
        (app_id, kind.value, capping.frequency, capping.duration),
    )


async def delete_capping(conn: Conn, app_id: int, kind: TriggeredKind) -> None:
    """Take the global capping of a kind away."""
    await execute(conn, "DELETE FROM clarion.global_capping WHERE app_id = %s AND kind = %s", (app_id, kind.value))


async def cappings(conn: Conn, app_id: int) -> dict[TriggeredKind, GlobalCapping]:
    """The global cappings that are set."""
    found = await rows(
        conn,
        "SELECT kind, frequency, duration FROM clarion.global_capping WHERE app_id = %s",
        (app_id,),
        of=_Capping,
    )
    return {each.kind: GlobalCapping(each.frequency, each.duration) for each in found}


def _bound(app_id: int, draft: Draft) -> dict[str, Any]:
    alarm = _Alarm(draft.settings, draft.webservice) if isinstance(draft, AlarmDraft) else None
    return {
        "app_id": app_id,
        "kind": kind_of(draft).value,
        "campaign_id": draft.campaign_id,
        "name": draft.name,
        "external_id": draft.external_id,
        "test_segments": list(draft.test_segments),
        "campaign_segments": list(draft.campaign_segments),
        "lists": list(draft.lists),
        "contents": Jsonb(draft.contents),
        "triggers": Jsonb(draft.triggers),
        "alarm": None if alarm is None else Jsonb(alarm),
    }
