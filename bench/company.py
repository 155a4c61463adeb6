"""What benches that send campaigns stand on: an application whose gateway is the sink, and devices by the million."""

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base.authority import private_pem
from clarion.base.sealing import Sealer
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute
from clarion.sending import service as sending

TEXT = "The spring collection is here"


async def found(db: Database, seal: Sealer, name: str, endpoint: str, ca: str) -> App:
    """An application without devices; `ca` is PEM text."""
    key = private_pem(ec.generate_private_key(ec.SECP256R1())).decode()
    secret = {"private_key": key, "key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "topic": "com.example.app"}
    async with db.transaction() as conn:
        app, _ = await apps.create_app(conn, seal, name, Platform.IOS, "Bench")
        await apps.set_gateway(conn, seal, app, msgspec.json.encode(secret), endpoint, ca)
    return app


async def add_devices(db: Database, app: App, first: int, last: int) -> None:
    """Devices numbered from `first` to `last`, each with a token; made by PostgreSQL itself."""
    device = app_table(app.id, "device")
    async with db.connection() as conn:
        await execute(
            conn,
            sql.SQL(
                """
                INSERT INTO {} (id, udid, token, language)
                SELECT ('x' || substr(md5(n::text), 1, 16))::bit(64)::bigint, n::text, md5(n::text) || md5(n::text),
                       'fr'
                FROM generate_series(%s::integer, %s::integer) AS n
                """
            ).format(device),
            (first, last),
        )
        await execute(conn, sql.SQL("VACUUM (ANALYZE) {}").format(device))


async def begin_campaign(db: Database, app: App) -> int:
    """A new message to everybody, on its way; the id of its send."""
    async with db.transaction() as conn:
        message = await content.create_message(conn, app, MessageDraft("m", (Content(TEXT),)))
        return await sending.begin(conn, app, message, test=False)
