"""Instant messages: children of a message, values of their targets."""

from alembic import op

revision = "0009"
down_revision = "0008"

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
