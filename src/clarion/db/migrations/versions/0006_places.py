"""Geofences, beacons and their groups. Nothing deletes them but the end of their application."""

from alembic import op

revision = "0006"
down_revision = "0005"

_UP = """
CREATE TABLE clarion.geofence (
    app_id       integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    id           bigint NOT NULL DEFAULT nextval('clarion.geofence_id'),
    name         text NOT NULL,
    external_id  text,
    latitude     double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude    double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    radius       bigint NOT NULL CHECK (radius > 0),
    data         jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT clarion.now(),
    updated_at   timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, id)
);
CREATE UNIQUE INDEX geofence_external ON clarion.geofence (app_id, external_id);
CREATE TABLE clarion.beacon (
    app_id       integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    id           bigint NOT NULL DEFAULT nextval('clarion.beacon_id'),
    name         text NOT NULL,
    external_id  text,
    uuid         text NOT NULL CHECK (uuid = upper(uuid)),
    major        integer CHECK (major BETWEEN 0 AND 65535),
    minor        integer CHECK (minor BETWEEN 0 AND 65535),
    data         jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT clarion.now(),
    updated_at   timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, id)
);
CREATE UNIQUE INDEX beacon_external ON clarion.beacon (app_id, external_id);
CREATE TABLE clarion.geogroup (
    app_id       integer NOT NULL REFERENCES clarion.app ON DELETE CASCADE,
    id           bigint NOT NULL DEFAULT nextval('clarion.geogroup_id'),
    name         text NOT NULL,
    external_id  text,
    created_at   timestamptz NOT NULL DEFAULT clarion.now(),
    PRIMARY KEY (app_id, id)
);
CREATE UNIQUE INDEX geogroup_external ON clarion.geogroup (app_id, external_id);
CREATE TABLE clarion.geogroup_geofence (
    app_id       integer NOT NULL,
    geogroup_id  bigint NOT NULL,
    geofence_id  bigint NOT NULL,
    PRIMARY KEY (app_id, geogroup_id, geofence_id),
    FOREIGN KEY (app_id, geogroup_id) REFERENCES clarion.geogroup ON DELETE CASCADE,
    FOREIGN KEY (app_id, geofence_id) REFERENCES clarion.geofence ON DELETE CASCADE
);
CREATE INDEX geogroup_geofence_member ON clarion.geogroup_geofence (app_id, geofence_id);
CREATE TABLE clarion.geogroup_beacon (
    app_id       integer NOT NULL,
    geogroup_id  bigint NOT NULL,
    beacon_id    bigint NOT NULL,
    PRIMARY KEY (app_id, geogroup_id, beacon_id),
    FOREIGN KEY (app_id, geogroup_id) REFERENCES clarion.geogroup ON DELETE CASCADE,
    FOREIGN KEY (app_id, beacon_id) REFERENCES clarion.beacon ON DELETE CASCADE
);
CREATE INDEX geogroup_beacon_member ON clarion.geogroup_beacon (app_id, beacon_id);
"""
_DOWN = """
DROP TABLE clarion.geogroup_beacon, clarion.geogroup_geofence, clarion.geogroup, clarion.beacon, clarion.geofence;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
