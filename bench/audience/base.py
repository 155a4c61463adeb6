"""A device base made in SQL: the figures are of counting, not of loading."""

from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform, Scheme
from clarion.audience import predicate as predicates
from clarion.audience.lists.service import create_list
from clarion.audience.model import Predicate
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute, value

_PIECE = 250_000
# Ids are hashes, as those of true devices; of the columns some have few values, some many, some often none.
_DEVICES = """
    INSERT INTO {device} (id, udid, token, opencount, firstopen, lastopen, model, version, sw_version, versionsdk,
        bundleversion, language, country_code, time_zone, lat, lon, idfa, feedback, system_optin_notifs,
        c1, c2, c3, c4)
    SELECT hashtextextended(n::text, 7), md5(n::text), CASE WHEN h %% 10 < 8 THEN md5(n::text) || md5('t' || n) END,
        h %% 400, clarion.now() - (h %% 1000) * interval '1 day', clarion.now() - (h %% 20000) * interval '13 minutes',
        'Pixel ' || h %% 180, (9 + h %% 9)::text, '4.' || h %% 30 || '.1', '3.' || h %% 12, '4.' || h %% 30,
        (ARRAY['fr', 'en', 'de', 'pt-BR', 'it', 'es'])[1 + h %% 6], (ARRAY['FR', 'GB', 'DE', 'BR', 'IT'])[1 + h %% 5],
        'Europe/Paris', h %% 90, h %% 180, CASE WHEN h %% 3 = 0 THEN md5('i' || n) END,
        CASE WHEN h %% 50 = 0 THEN 1 ELSE 0 END,
        h %% 9 > 0, 'C-' || n, (ARRAY['gold', 'silver', 'bronze', NULL])[1 + h %% 4], h %% 10000,
        CASE WHEN h %% 4 = 0 THEN clarion.now() - (h %% 25000) * interval '1 day' END
    FROM (SELECT n, abs(hashint8(n)::bigint) AS h FROM generate_series(%(first)s, %(last)s) AS n) AS x
    ON CONFLICT DO NOTHING
"""
# Half the devices report, some once and some nineteen times in sixty days; six of ten events are openings. They lie in
# the order of their receipt, as they do where they were recorded.
_EVENTS = """
    INSERT INTO clarion.event (app_id, ts, occurred_at, device_id, kind, message_id)
    SELECT %(app_id)s, at, at, id, CASE WHEN h %% 10 < 6 THEN 1 WHEN h %% 10 < 9 THEN 2 ELSE 3 END,
        CASE WHEN h %% 10 >= 6 THEN 1 + h %% 20 END
    FROM (
        SELECT x.id, x.h, clarion.now() - (x.h %% 5184000) * interval '1 second' AS at
        FROM (
            SELECT d.id, abs(hashint8extended(d.id, k) %% 1000000007) AS h
            FROM {device} AS d CROSS JOIN LATERAL generate_series(1, 1 + d.random_id / 2 %% 19) AS k
            WHERE d.random_id %% 2 = 0
        ) AS x
    ) AS e ORDER BY at
"""
FIVE = {
    "all": [
        {"any": [{"column": "language", "value": "fr"}, {"column": "countryCode", "op": "in", "value": ["DE", "BR"]}]},
        {"column": "opencount", "op": "gte", "value": 10},
        {"column": "lastopen", "op": "within_days", "value": 60},
        {"column": "tier", "op": "ne", "value": "bronze"},
    ]
}
"""Five conditions, two of them under OR."""
PATTERN = {"any": [{"column": "model", "op": "contains", "value": "l 17"}, {"not": FIVE}]}
TWICE = {"event": {"kind": "open", "op": "gte", "count": 2, "days": 21}}
NEVER = {"event": {"kind": "open", "op": "eq", "count": 0, "days": 30}}


class Base:
    """One application with its devices, a list of a tenth of them, and on average five events of each in sixty days."""

    def __init__(self, db: Database, app: App, scheme: Scheme, list_id: int) -> None:
        self.db = db
        self.app = app
        self.scheme = scheme
        self.list_id = list_id

    def predicates(self) -> dict[str, Predicate]:
        """What is counted, by name."""
        listed = {"list": self.list_id}
        documents: dict[str, object] = {
            "five conditions": FIVE,
            "text pattern": PATTERN,
            "with a list": {"all": [FIVE, listed]},
            "opened twice in 21 days": TWICE,
            "that, with five conditions": {"all": [FIVE, TWICE]},
            "no opening in 30 days": NEVER,
            "on a list, or no opening": {"any": [listed, NEVER]},
        }
        return {name: predicates.parse(document, self.scheme) for name, document in documents.items()}


async def made(db: Database, devices: int) -> Base:
    """Make it, with statistics as a database has them that has been used for a while."""
    async with db.transaction() as conn:
        app, _ = await apps.create_app(conn, Sealer(bytes(32)), "bench", Platform.IOS, "Bench")
        for name, kind in (
            ("clientId", ColumnKind.TEXT),
            ("tier", ColumnKind.TEXT),
            ("points", ColumnKind.INTEGER),
            ("birthday", ColumnKind.DATE),
        ):
            await apps.add_column(conn, app, name, kind)
        scheme = await apps.load_scheme(conn, app.id)
        static_list = await create_list(conn, app.id, "Bench", None)
    device = app_table(app.id, "device")
    for first in range(1, devices + 1, _PIECE):
        async with db.transaction() as conn:
            last = min(devices, first + _PIECE - 1)
            await execute(conn, sql.SQL(_DEVICES).format(device=device), {"first": first, "last": last})
    async with db.transaction() as conn:
        for week in range(-1, 10):
            await execute(
                conn, "SELECT clarion.ensure_event_partition(clarion.now() - %s * interval '7 days')", (week,)
            )
        await execute(
            conn,
            sql.SQL(
                "INSERT INTO {} (list_id, device_id, data) SELECT %s, id, %s FROM {} WHERE random_id < 1000"
            ).format(app_table(app.id, "list_member"), device),
            (static_list.id, Jsonb({"gift": "mug"})),
        )
        await execute(conn, sql.SQL(_EVENTS).format(device=device), {"app_id": app.id})
    async with db.connection() as conn:
        for table in (device, app_table(app.id, "list_member"), sql.SQL("clarion.event")):
            await execute(conn, sql.SQL("VACUUM (ANALYZE) {}").format(table))
        assert await value(conn, sql.SQL("SELECT count(*) FROM {}").format(device)) >= devices * 0.999
    return Base(db, app, scheme, static_list.id)
