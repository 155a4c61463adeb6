"""No statistics about the applications of push tokens.

An application newer than the statistics would be expected to have no tokens at all; any index that begins with the
application would then do for a look-up, and the wrong one reads all its tokens for each (measured: 3.6 ms a device
instead of 20 us). Without statistics every application is expected to have some.
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE clarion.push_token ALTER COLUMN app_id SET STATISTICS 0")


def downgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE clarion.push_token ALTER COLUMN app_id SET STATISTICS -1")
