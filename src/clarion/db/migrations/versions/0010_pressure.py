"""Marketing pressure of an application."""

from alembic import op

revision = "0010"
down_revision = "0009"

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
