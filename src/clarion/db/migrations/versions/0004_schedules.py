"""Schedules of messages and their exclusions."""

from alembic import op

revision = "0004"
down_revision = "0003"

_UP = """
SELECT 1;
"""
_DOWN = """
SELECT 1;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
