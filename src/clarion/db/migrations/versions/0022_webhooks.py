"""Webhook endpoints with their secrets, and deliveries of events to them.

A delivery names its endpoint without a foreign key: a change that causes an event must neither wait for nor fail by
somebody who changes or deletes an endpoint at that moment. What is left of a deleted endpoint goes with its age.
"""

from alembic import op

revision = "0022"
down_revision = "0021"

_WEBHOOKS = """
CREATE TYPE clarion.webhook_status AS ENUM ('Enabled', 'Disabled');
CREATE TYPE clarion.webhook_disabled_reason AS ENUM ('Manual', 'Gone', 'FailingTooLong');
CREATE TABLE clarion.webhook (
    webhook_id          text COLLATE "C" PRIMARY KEY,
    line                bigint GENERATED ALWAYS AS IDENTITY,
    account_id          text COLLATE "C" REFERENCES clarion.account,
    url                 text NOT NULL,
    event_types         text[] NOT NULL,
    description         text,
    scopes              jsonb NOT NULL,
    status              clarion.webhook_status NOT NULL DEFAULT 'Enabled',
    disabled_reason     clarion.webhook_disabled_reason,
    last_success_date   timestamptz(3),
    failing_since       timestamptz,
    created_date        timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date  timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CHECK ((status = 'Disabled') = (disabled_reason IS NOT NULL))
);
CREATE INDEX webhook_account ON clarion.webhook (account_id, webhook_id);
CREATE TABLE clarion.webhook_secret (
    webhook_id  text COLLATE "C" NOT NULL REFERENCES clarion.webhook ON DELETE CASCADE,
    secret_no   bigint GENERATED ALWAYS AS IDENTITY,
    sealed      bytea NOT NULL,
    ends_at     timestamptz,
    PRIMARY KEY (webhook_id, secret_no)
);
"""
_DELIVERIES = """
CREATE TYPE clarion.webhook_delivery_status AS ENUM ('Pending', 'Delivered', 'Failed');
CREATE TABLE clarion.webhook_delivery (
    webhook_delivery_id   text COLLATE "C" PRIMARY KEY,
    webhook_id            text COLLATE "C" NOT NULL,
    message_id            text COLLATE "C" NOT NULL,
    event_type            text NOT NULL,
    status                clarion.webhook_delivery_status NOT NULL DEFAULT 'Pending',
    attempts              integer NOT NULL DEFAULT 0,
    failures              smallint NOT NULL DEFAULT 0,
    queued                boolean NOT NULL DEFAULT true,
    last_response_status  integer,
    last_attempt_date     timestamptz(3),
    next_attempt_date     timestamptz(3) DEFAULT clarion.now(),
    created_date          timestamptz(3) NOT NULL DEFAULT clarion.now()
);
CREATE INDEX webhook_delivery_log ON clarion.webhook_delivery (webhook_id, created_date, webhook_delivery_id);
CREATE INDEX webhook_delivery_status ON clarion.webhook_delivery (webhook_id, status, created_date);
CREATE INDEX webhook_delivery_due ON clarion.webhook_delivery (next_attempt_date)
    WHERE status = 'Pending' AND NOT queued;
CREATE INDEX webhook_delivery_age ON clarion.webhook_delivery (created_date);
CREATE INDEX webhook_event_age ON clarion.webhook_event (occurred_at);
"""
_DOWN = """
DROP INDEX clarion.webhook_event_age;
DROP TABLE clarion.webhook_delivery;
DROP TYPE clarion.webhook_delivery_status;
DROP TABLE clarion.webhook_secret;
DROP TABLE clarion.webhook;
DROP TYPE clarion.webhook_disabled_reason;
DROP TYPE clarion.webhook_status;
"""


def upgrade() -> None:
    for statements in (_WEBHOOKS, _DELIVERIES):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
