"""Snapshots of device columns for fast counts: which application has one, how old it is, when it was last wanted.

`generation` names the folder of files; `epoch` is repeated in an unlogged table beside the changes, so that a crash of
the server, which empties such tables, is seen.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

_UP = """
CREATE TABLE clarion.audience_snapshot (
    app_id      integer PRIMARY KEY REFERENCES clarion.app ON DELETE CASCADE,
    asked_at    timestamptz NOT NULL,
    place       text,
    epoch       text,
    generation  text,
    as_of       timestamptz
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE clarion.audience_snapshot")
