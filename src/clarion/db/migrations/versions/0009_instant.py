"""Instant messages: children of a message, the values of their targets; the lists whose fields a send may show."""

from alembic import op

revision = "0009"
down_revision = "0008"

_UP = """
ALTER TABLE clarion.message ADD COLUMN parent_id bigint;
CREATE INDEX message_listed ON clarion.message (app_id, id) WHERE parent_id IS NULL;
ALTER TABLE clarion.send
    ADD COLUMN lists bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN shared_values jsonb,
    ADD COLUMN target_values jsonb;
ALTER TABLE clarion.send_chunk ADD COLUMN target_nos smallint[];
"""
_DOWN = """
ALTER TABLE clarion.send_chunk DROP COLUMN target_nos;
ALTER TABLE clarion.send DROP COLUMN target_values, DROP COLUMN shared_values, DROP COLUMN lists;
DROP INDEX clarion.message_listed;
DELETE FROM clarion.message_action AS a USING clarion.message AS m
WHERE a.app_id = m.app_id AND a.message_id = m.id AND m.parent_id IS NOT NULL;
DELETE FROM clarion.message WHERE parent_id IS NOT NULL;
ALTER TABLE clarion.message DROP COLUMN parent_id;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
