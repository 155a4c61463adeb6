"""Sends of further kinds: instant messages and inbox messages; whether marketing pressure applies to a send."""

from alembic import op

revision = "0003"
down_revision = "0002"

_UP = """
ALTER TABLE clarion.send DROP CONSTRAINT send_kind_check;
ALTER TABLE clarion.send ADD CONSTRAINT send_kind_check CHECK (kind IN ('real', 'test', 'instant', 'inbox'));
ALTER TABLE clarion.send ADD COLUMN use_pressure boolean NOT NULL DEFAULT false;
"""
_DOWN = """
ALTER TABLE clarion.send DROP COLUMN use_pressure;
DELETE FROM clarion.send WHERE kind IN ('instant', 'inbox');
ALTER TABLE clarion.send DROP CONSTRAINT send_kind_check;
ALTER TABLE clarion.send ADD CONSTRAINT send_kind_check CHECK (kind IN ('real', 'test'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
