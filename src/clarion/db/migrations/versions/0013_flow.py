"""Flow control: owners of jobs, lines held back, shared allowances and pauses, throttles, paused sends.

The index that claims of the previous release sort by gives way to one that serves both orders: jobs of a queue are few
enough for an older process to sort them while it is replaced.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

_UP = """
ALTER TABLE clarion.job ADD COLUMN owner bigint NOT NULL DEFAULT 0, ADD COLUMN strand bigint NOT NULL DEFAULT 0;
CREATE INDEX job_line ON clarion.job (queue, priority, owner, strand, run_at);
DROP INDEX clarion.job_due;
CREATE TABLE clarion.job_hold (
    owner   bigint NOT NULL,
    strand  bigint NOT NULL,
    until   timestamptz NOT NULL,
    PRIMARY KEY (owner, strand)
);

CREATE TABLE clarion.allowance (
    name     text PRIMARY KEY,
    permits  double precision NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
CREATE FUNCTION clarion.draw_allowance(
    whose text, wanted integer, rate double precision, burst double precision,
    OUT granted integer, OUT wait double precision
) LANGUAGE plpgsql AS $body$
DECLARE
    old     clarion.allowance;
    instant timestamptz;
    filled  double precision;
BEGIN
    SELECT * INTO old FROM clarion.allowance WHERE name = whose FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO clarion.allowance (name, permits) VALUES (whose, burst) ON CONFLICT (name) DO NOTHING;
        SELECT * INTO STRICT old FROM clarion.allowance WHERE name = whose FOR UPDATE;
    END IF;
    instant := clock_timestamp();
    -- A clock that was set back fills nothing in, one that was set forward no more than the burst.
    filled := least(burst, old.permits + greatest(0, extract(epoch FROM instant - old.at)) * rate);
    granted := greatest(0, least(wanted, floor(filled)::integer));
    wait := CASE WHEN granted > 0 THEN 0 ELSE (1 - filled) / rate END;
    UPDATE clarion.allowance SET permits = filled - granted, at = instant WHERE name = whose;
END
$body$;

CREATE TABLE clarion.gateway_pause (
    name     text PRIMARY KEY,
    no       bigint NOT NULL DEFAULT 1,
    until    timestamptz NOT NULL,
    seconds  double precision NOT NULL
);

CREATE TABLE clarion.message_throttle (
    app_id      integer NOT NULL,
    message_id  bigint NOT NULL,
    per_minute  integer NOT NULL CHECK (per_minute > 0),
    PRIMARY KEY (app_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES clarion.message ON DELETE CASCADE
);
ALTER TABLE clarion.send ADD COLUMN throttle integer CHECK (throttle > 0);
ALTER TABLE clarion.send DROP CONSTRAINT send_state_check;
ALTER TABLE clarion.send ADD CONSTRAINT send_state_check
    CHECK (state IN ('planning', 'sending', 'paused', 'closed', 'failed', 'cancelled')) NOT VALID;
"""
_DOWN = """
UPDATE clarion.send SET state = CASE WHEN frozen_at IS NULL THEN 'planning' ELSE 'sending' END WHERE state = 'paused';
ALTER TABLE clarion.send DROP CONSTRAINT send_state_check;
ALTER TABLE clarion.send ADD CONSTRAINT send_state_check
    CHECK (state IN ('planning', 'sending', 'closed', 'failed', 'cancelled'));
ALTER TABLE clarion.send DROP COLUMN throttle;
DROP TABLE clarion.message_throttle;
DROP TABLE clarion.gateway_pause;
DROP FUNCTION clarion.draw_allowance(text, integer, double precision, double precision);
DROP TABLE clarion.allowance;
DROP TABLE clarion.job_hold;
CREATE INDEX job_due ON clarion.job (queue, priority, run_at);
DROP INDEX clarion.job_line;
ALTER TABLE clarion.job DROP COLUMN strand, DROP COLUMN owner;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
