"""Counts that take longer than somebody waits for an answer: how far each is, then its number.

`watched_at` is the last time somebody looked; a count that nobody looks at is given up.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

_UP = """
CREATE TABLE clarion.long_count (
    app_id      integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    predicate   jsonb NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT clarion.now(),
    watched_at  timestamptz NOT NULL DEFAULT clarion.now(),
    progress    double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    count       bigint,
    as_of       timestamptz,
    reason      text,
    ended_at    timestamptz,
    PRIMARY KEY (app_id, id)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE clarion.long_count")
