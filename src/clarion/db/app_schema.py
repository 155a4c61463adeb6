"""The schema `app_<n>` of one application: its devices, the members of its static lists, the rows of its inboxes.

Steps are numbered and never edited once released; an application carries the number it is at, so that thousands of
applications migrate one by one and resume where they stopped.
"""

from typing import LiteralString

from psycopg import sql

from clarion.db.sql import Conn, app_schema, execute, values

# The system's own columns of a device. `c<k>` columns of the company are added beside them by `apps`.
# `lastopen` changes with every opening and is never indexed: updates stay HOT, within a fill factor of 85.
_STEPS: tuple[tuple[LiteralString, ...], ...] = (
    (
        "CREATE SCHEMA {schema}",
        """
        CREATE TABLE {schema}.device (
            id                   bigint PRIMARY KEY,
            udid                 text NOT NULL,
            token                text,
            token_at             timestamptz,
            web_p256dh           bytea,
            web_auth             bytea,
            secret_digest        bytea,
            opencount            integer NOT NULL DEFAULT 0,
            firstopen            timestamptz,
            lastopen             timestamptz,
            model                text,
            version              text,
            sw_version           text,
            versionsdk           text,
            bundleversion        text,
            language             text,
            country_code         text,
            time_zone            text,
            lat                  double precision,
            lon                  double precision,
            altitude             double precision,
            geolocation_created  timestamptz,
            idfa                 text,
            feedback             integer NOT NULL DEFAULT 0,
            system_optin_notifs  boolean NOT NULL DEFAULT true,
            enabled_notifs       boolean NOT NULL DEFAULT true,
            enabled_inapps       boolean NOT NULL DEFAULT true,
            random_id            integer NOT NULL DEFAULT floor(random() * 10000)::integer,
            created_at           timestamptz NOT NULL DEFAULT clarion.now()
        ) WITH (fillfactor = 85)
        """,
        """
        CREATE TABLE {schema}.list_member (
            list_id     bigint NOT NULL,
            device_id   bigint NOT NULL,
            expires_at  timestamptz,
            data        jsonb,
            PRIMARY KEY (list_id, device_id)
        )
        """,
        "CREATE INDEX list_member_expiry ON {schema}.list_member (expires_at) WHERE expires_at IS NOT NULL",
        "CREATE INDEX list_member_device ON {schema}.list_member (device_id)",
    ),
    # Members whose time is over are looked for list by list.
    (
        "DROP INDEX {schema}.list_member_expiry",
        "CREATE INDEX list_member_expiry ON {schema}.list_member (list_id, expires_at) WHERE expires_at IS NOT NULL",
    ),
    # Who has which inbox message. Rows of one message are written together and dropped together, which a BRIN index on
    # the message serves at no cost to writing; a device's own dates change in place (HOT).
    (
        """
        CREATE TABLE {schema}.inbox_row (
            device_id     bigint NOT NULL,
            message_id    bigint NOT NULL,
            given_at      timestamptz NOT NULL,
            read_at       timestamptz,
            archived_at   timestamptz,
            displayed_at  timestamptz,
            PRIMARY KEY (device_id, message_id)
        ) WITH (fillfactor = 85)
        """,
        """
        CREATE INDEX inbox_row_message ON {schema}.inbox_row USING brin (message_id)
            WITH (pages_per_range = 16, autosummarize = on)
        """,
    ),
)
NEWEST = len(_STEPS)


async def create(conn: Conn, app_id: int) -> None:
    """Create the schema of a new application, in the transaction that inserts it."""
    await _run(conn, app_id, 0)


async def behind(conn: Conn) -> list[int]:
    """The applications whose schema is not at the newest step."""
    return await values(conn, "SELECT id FROM clarion.app WHERE schema_version < %s ORDER BY id", (NEWEST,))


async def upgrade_all(conn: Conn) -> None:
    """Bring every application's schema to the newest step, each in a transaction of its own.

    A table that stays locked for 4 seconds and a statement of more than 5 end it; the next run goes on there.
    """
    for app_id in await behind(conn):
        async with conn.transaction():
            await execute(conn, "SET LOCAL lock_timeout = '4s'")
            await execute(conn, "SET LOCAL statement_timeout = '5s'")
            at = await values(conn, "SELECT schema_version FROM clarion.app WHERE id = %s FOR UPDATE", (app_id,))
            if at:
                await _run(conn, app_id, at[0])


async def _run(conn: Conn, app_id: int, at: int) -> None:
    for step in _STEPS[at:]:
        for statement in step:
            await execute(conn, sql.SQL(statement).format(schema=app_schema(app_id)))
    await execute(conn, "UPDATE clarion.app SET schema_version = %s WHERE id = %s", (NEWEST, app_id))
