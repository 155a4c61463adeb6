"""Schedules of messages and their exclusions. A row waits for its time exactly when `due_at` is set."""

from alembic import op

revision = "0004"
down_revision = "0003"

_UP = """
CREATE TABLE clarion.schedule (
    app_id      integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    message_id  bigint NOT NULL,
    recurrence  text NOT NULL CHECK (recurrence IN ('once', 'daily', 'weekly', 'monthly')),
    first_run   timestamptz NOT NULL,
    utc_offset  integer NOT NULL,
    timezone    text NOT NULL,
    in_zone     boolean NOT NULL,
    start_date  timestamptz,
    end_date    timestamptz,
    exclusions  jsonb NOT NULL DEFAULT '[]',
    active      boolean NOT NULL,
    next_run    timestamptz,
    due_at      timestamptz,
    last_run    timestamptz,
    failures    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES clarion.message ON DELETE CASCADE
);
-- The one look across all applications: what is due, by any process.
CREATE INDEX schedule_due ON clarion.schedule (due_at) WHERE due_at IS NOT NULL;
"""
_DOWN = """
DROP TABLE clarion.schedule;
UPDATE clarion.message SET state = 'draft' WHERE state = 'scheduled';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
