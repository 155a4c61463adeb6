"""In-apps and alarms, which devices show when their triggers are met; how often an application lets them show."""

from alembic import op

revision = "0007"
down_revision = "0006"

_UP = """
CREATE TABLE clarion.triggered_message (
    app_id             integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    id                 bigint NOT NULL DEFAULT nextval('clarion.message_id'),
    kind               text NOT NULL CHECK (kind IN ('inapp', 'alarm')),
    campaign_id        bigint,
    revision           integer NOT NULL DEFAULT 1,
    active             boolean NOT NULL DEFAULT false,
    name               text NOT NULL,
    external_id        text,
    test_segments      bigint[] NOT NULL DEFAULT '{}',
    campaign_segments  bigint[] NOT NULL DEFAULT '{}',
    lists              bigint[] NOT NULL DEFAULT '{}',
    contents           jsonb NOT NULL,
    triggers           jsonb NOT NULL,
    alarm              jsonb,
    created_at         timestamptz NOT NULL DEFAULT clarion.now(),
    updated_at         timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, id),
    CHECK ((kind = 'alarm') = (alarm IS NOT NULL))
);
CREATE UNIQUE INDEX triggered_message_external ON clarion.triggered_message (app_id, kind, external_id);
CREATE INDEX triggered_message_kind ON clarion.triggered_message (app_id, kind, id);
CREATE INDEX triggered_message_campaign ON clarion.triggered_message (app_id, campaign_id);
CREATE INDEX triggered_message_active ON clarion.triggered_message (app_id) WHERE active;
CREATE TABLE clarion.triggered_revision (
    app_id    integer NOT NULL PRIMARY KEY REFERENCES clarion.app ON DELETE CASCADE,
    revision  bigint NOT NULL
);
CREATE TABLE clarion.global_capping (
    app_id     integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('inapp', 'alarm')),
    frequency  integer NOT NULL CHECK (frequency > 0),
    duration   integer NOT NULL CHECK (duration > 0),
    PRIMARY KEY (app_id, kind)
);
"""
_DOWN = """
DELETE FROM clarion.message_action AS a USING clarion.triggered_message AS t
 WHERE a.app_id = t.app_id AND a.message_id = t.id;
DROP TABLE clarion.global_capping, clarion.triggered_revision, clarion.triggered_message;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
