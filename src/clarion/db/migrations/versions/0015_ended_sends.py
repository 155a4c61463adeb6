"""The sums of sends that have ended, kept as they end: watching an installation costs the same after ten years.

Triggers keep them, so that processes of the previous release are counted with while they are replaced. Backends mostly
have a row each, so that sends which end at once do not wait for one another.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

_UP = """
CREATE TABLE clarion.ended_sends (
    app_id      integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    kind        text NOT NULL,
    slot        smallint NOT NULL,
    sends       bigint NOT NULL,
    audience    bigint NOT NULL,
    delivered   bigint NOT NULL,
    refused     bigint NOT NULL,
    suppressed  bigint NOT NULL,
    expired     bigint NOT NULL,
    cancelled   bigint NOT NULL,
    unknown     bigint NOT NULL,
    PRIMARY KEY (app_id, kind, slot)
) WITH (fillfactor = 50);
LOCK TABLE clarion.send IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO clarion.ended_sends
SELECT app_id, kind, 0, count(*), coalesce(sum(audience), 0), sum(delivered), sum(refused), sum(suppressed),
       sum(expired), sum(cancelled), sum(unknown)
FROM clarion.send WHERE closed_at IS NOT NULL GROUP BY app_id, kind;
CREATE FUNCTION clarion.add_ended_send() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO clarion.ended_sends AS had
    VALUES (NEW.app_id, NEW.kind, mod(pg_backend_pid(), 16), 1, coalesce(NEW.audience, 0), NEW.delivered, NEW.refused,
            NEW.suppressed, NEW.expired, NEW.cancelled, NEW.unknown)
    ON CONFLICT (app_id, kind, slot) DO UPDATE
    SET sends = had.sends + 1, audience = had.audience + EXCLUDED.audience,
        delivered = had.delivered + EXCLUDED.delivered, refused = had.refused + EXCLUDED.refused,
        suppressed = had.suppressed + EXCLUDED.suppressed, expired = had.expired + EXCLUDED.expired,
        cancelled = had.cancelled + EXCLUDED.cancelled, unknown = had.unknown + EXCLUDED.unknown;
    RETURN NULL;
END
$body$;
CREATE TRIGGER send_ended AFTER UPDATE OF closed_at ON clarion.send FOR EACH ROW
    WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION clarion.add_ended_send();
CREATE TRIGGER send_past AFTER INSERT ON clarion.send FOR EACH ROW
    WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION clarion.add_ended_send();
CREATE INDEX send_open ON clarion.send (app_id, id) WHERE closed_at IS NULL;
"""
_DOWN = """
DROP INDEX clarion.send_open;
DROP TRIGGER send_past ON clarion.send;
DROP TRIGGER send_ended ON clarion.send;
DROP FUNCTION clarion.add_ended_send();
DROP TABLE clarion.ended_sends;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
