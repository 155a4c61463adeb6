"""What an application declares for others to name: one table for all kinds, in place of one table a kind."""

from alembic import op

revision = "0002"
down_revision = "0001"

_UP = """
CREATE TABLE clarion.declaration (
    app_id      integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('collapse_key', 'button_template', 'inapp_template', 'event', 'view',
                                              'state', 'language')),
    value       text NOT NULL,
    name        text NOT NULL,
    details     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, kind, value)
);
INSERT INTO clarion.declaration (app_id, kind, value, name)
SELECT app_id, 'collapse_key', name, name FROM clarion.collapse_key
UNION ALL SELECT app_id, 'button_template', name, name FROM clarion.button_template;
DROP TABLE clarion.collapse_key, clarion.button_template;
"""
_DOWN = """
CREATE TABLE clarion.collapse_key (
    app_id  integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    name    text NOT NULL,
    PRIMARY KEY (app_id, name)
);
CREATE TABLE clarion.button_template (
    app_id  integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    name    text NOT NULL,
    PRIMARY KEY (app_id, name)
);
INSERT INTO clarion.collapse_key SELECT app_id, value FROM clarion.declaration WHERE kind = 'collapse_key';
INSERT INTO clarion.button_template SELECT app_id, value FROM clarion.declaration WHERE kind = 'button_template';
DROP TABLE clarion.declaration;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
