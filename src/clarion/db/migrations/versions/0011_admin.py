"""Sessions of people on the administration API."""

from alembic import op

revision = "0011"
down_revision = "0010"

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
