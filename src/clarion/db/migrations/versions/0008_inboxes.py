"""Inbox messages."""

from alembic import op

revision = "0008"
down_revision = "0007"

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
