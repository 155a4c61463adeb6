"""Sessions of people on the administration API, failed attempts to sign in, and the audit trail of one person."""

from alembic import op

revision = "0011"
down_revision = "0010"

# Attempts need not outlive a crash of the server, and a flood of them must not fill its log.
_UP = """
CREATE TABLE clarion.admin_session (
    digest      bytea PRIMARY KEY,
    person_id   bigint NOT NULL REFERENCES clarion.person ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX admin_session_person ON clarion.admin_session (person_id);
CREATE INDEX admin_session_expiry ON clarion.admin_session (expires_at);
CREATE UNLOGGED TABLE clarion.sign_in_attempt (
    source    bytea PRIMARY KEY,
    attempts  integer NOT NULL,
    since     timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_since ON clarion.sign_in_attempt (since);
CREATE INDEX audit_person ON clarion.audit (person_id, id);
"""
_DOWN = """
DROP INDEX clarion.audit_person;
DROP TABLE clarion.sign_in_attempt, clarion.admin_session;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
