"""Marketing pressure of an application, and the ways to the chunks that hold a device within a period.

The ids of a chunk never change, so its index costs an entry at planning and nothing afterwards.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

_UP = """
CREATE TABLE clarion.app_pressure (
    app_id      integer PRIMARY KEY REFERENCES clarion.app ON DELETE CASCADE,
    ceiling     jsonb,
    quiet       jsonb NOT NULL DEFAULT '[]',
    zone        text NOT NULL DEFAULT 'UTC',
    updated_at  timestamptz NOT NULL DEFAULT clarion.now()
);
CREATE INDEX send_chunk_devices ON clarion.send_chunk (app_id, send_id, max_id, min_id);
CREATE INDEX send_real ON clarion.send (app_id, closed_at) WHERE kind = 'real';
"""
_DOWN = """
DROP INDEX clarion.send_real;
DROP INDEX clarion.send_chunk_devices;
DROP TABLE clarion.app_pressure;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
