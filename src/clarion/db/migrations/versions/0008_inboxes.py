"""Inbox messages: what they say, whom they are for, when they are given and when they expire.

Which devices have one, and what they did with it, stands in the table `inbox_row` of each application.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

_UP = """
CREATE TABLE clarion.inbox_message (
    app_id             integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    id                 bigint NOT NULL DEFAULT nextval('clarion.message_id'),
    campaign_id        bigint,
    revision           integer NOT NULL DEFAULT 1,
    name               text NOT NULL,
    external_id        text,
    contents           jsonb NOT NULL,
    test_segments      bigint[] NOT NULL DEFAULT '{}',
    campaign_segments  bigint[] NOT NULL DEFAULT '{}',
    lists              bigint[] NOT NULL DEFAULT '{}',
    send_at            timestamptz NOT NULL,
    timezone           text,
    expires_at         timestamptz,
    send_id            bigint,
    cleared_at         timestamptz,
    created_at         timestamptz NOT NULL DEFAULT clarion.now(),
    updated_at         timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, id)
);
CREATE UNIQUE INDEX inbox_message_external ON clarion.inbox_message (app_id, external_id);
CREATE INDEX inbox_message_campaign ON clarion.inbox_message (app_id, campaign_id);
-- What is due is looked for over all applications at once.
CREATE INDEX inbox_message_due ON clarion.inbox_message (send_at) WHERE send_id IS NULL;
CREATE INDEX inbox_message_over ON clarion.inbox_message (expires_at) WHERE cleared_at IS NULL;
"""
_DOWN = """
DROP TABLE clarion.inbox_message;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
