"""Points of interest with their live state, and what lists of sites and services are found and sorted by.

A status has an index for either direction: many rows share it, and the identifier that follows it always ascends.

Whatever deletes a beacon, geofence or geogroup of the push platform removes its number from what names it here.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

_POINTS = """
CREATE TYPE clarion.poi_type AS ENUM
    ('Ride', 'Show', 'Dining', 'Shop', 'Service', 'Entrance', 'Parking', 'Restroom', 'Meeting', 'Other');
CREATE TYPE clarion.poi_state AS ENUM ('Operating', 'Down', 'Closed', 'Refurbishment');
CREATE TABLE clarion.point_of_interest (
    poi_id              text COLLATE "C" PRIMARY KEY,
    account_id          text COLLATE "C" NOT NULL REFERENCES clarion.account,
    site_id             text COLLATE "C" NOT NULL REFERENCES clarion.site,
    name                text NOT NULL,
    description         text,
    external_reference  text,
    type                clarion.poi_type NOT NULL,
    categories          text[] NOT NULL DEFAULT '{}',
    location            jsonb,
    image_url           text,
    showtimes           jsonb NOT NULL DEFAULT '[]',
    beacon_ids          bigint[] NOT NULL DEFAULT '{}',
    geofence_ids        bigint[] NOT NULL DEFAULT '{}',
    state               clarion.poi_state NOT NULL DEFAULT 'Closed',
    wait_time           integer,
    observed_date       timestamptz(3),
    fresh_until         timestamptz(3),
    created_date        timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date  timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CONSTRAINT point_of_interest_external_reference UNIQUE (account_id, external_reference)
) WITH (fillfactor = 80);
CREATE INDEX point_of_interest_account ON clarion.point_of_interest (account_id, poi_id);
CREATE INDEX point_of_interest_site ON clarion.point_of_interest (site_id, poi_id);
CREATE INDEX point_of_interest_name ON clarion.point_of_interest
    ((lower(name) COLLATE "C"), (name COLLATE "C"), poi_id);
CREATE INDEX point_of_interest_type ON clarion.point_of_interest (type, poi_id);
CREATE INDEX point_of_interest_modified ON clarion.point_of_interest (last_modified_date, poi_id);
CREATE INDEX point_of_interest_created ON clarion.point_of_interest (created_date, poi_id);
CREATE INDEX point_of_interest_reference ON clarion.point_of_interest
    ((lower(external_reference) COLLATE "C")) WHERE external_reference IS NOT NULL;
CREATE INDEX point_of_interest_categories ON clarion.point_of_interest USING gin (categories);
CREATE INDEX point_of_interest_beacons ON clarion.point_of_interest USING gin (beacon_ids);
CREATE INDEX point_of_interest_geofences ON clarion.point_of_interest USING gin (geofence_ids);
"""

_FORGETTING = """
CREATE FUNCTION clarion.forget_beacons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE clarion.point_of_interest AS p
    SET last_modified_date = clarion.now(), beacon_ids = ARRAY(
        SELECT u.id FROM unnest(p.beacon_ids) WITH ORDINALITY AS u (id, at)
        WHERE u.id NOT IN (SELECT gone.id FROM gone) ORDER BY u.at
    )
    WHERE p.beacon_ids && ARRAY(SELECT gone.id FROM gone);
    RETURN NULL;
END $$;
CREATE TRIGGER beacon_forgotten AFTER DELETE ON clarion.beacon
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION clarion.forget_beacons();

CREATE FUNCTION clarion.forget_geofences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE clarion.point_of_interest AS p
    SET last_modified_date = clarion.now(), geofence_ids = ARRAY(
        SELECT u.id FROM unnest(p.geofence_ids) WITH ORDINALITY AS u (id, at)
        WHERE u.id NOT IN (SELECT gone.id FROM gone) ORDER BY u.at
    )
    WHERE p.geofence_ids && ARRAY(SELECT gone.id FROM gone);
    RETURN NULL;
END $$;
CREATE TRIGGER geofence_forgotten AFTER DELETE ON clarion.geofence
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION clarion.forget_geofences();

CREATE FUNCTION clarion.forget_geogroups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE clarion.site SET last_modified_date = clarion.now(), push_geogroup_id = NULL
    WHERE push_geogroup_id IN (SELECT gone.id FROM gone);
    RETURN NULL;
END $$;
CREATE TRIGGER geogroup_forgotten AFTER DELETE ON clarion.geogroup
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION clarion.forget_geogroups();
"""

_LISTS = """
CREATE INDEX site_geogroup ON clarion.site (push_geogroup_id) WHERE push_geogroup_id IS NOT NULL;
CREATE INDEX site_name ON clarion.site ((lower(name) COLLATE "C"), (name COLLATE "C"), site_id);
CREATE INDEX site_account_name ON clarion.site (account_id, (lower(name) COLLATE "C"), (name COLLATE "C"), site_id);
CREATE INDEX site_status ON clarion.site (status, site_id);
CREATE INDEX site_account_status ON clarion.site (account_id, status, site_id);
CREATE INDEX site_status_down ON clarion.site (status DESC, site_id);
CREATE INDEX site_account_status_down ON clarion.site (account_id, status DESC, site_id);
CREATE INDEX site_city ON clarion.site ((lower(city) COLLATE "C"), (city COLLATE "C"), site_id);
CREATE INDEX site_country ON clarion.site ((lower(country) COLLATE "C"), (country COLLATE "C"), site_id);
CREATE INDEX site_modified ON clarion.site (last_modified_date, site_id);
CREATE INDEX site_account_modified ON clarion.site (account_id, last_modified_date, site_id);
CREATE INDEX site_created ON clarion.site (created_date, site_id);
CREATE INDEX site_reference ON clarion.site
    ((lower(external_reference) COLLATE "C")) WHERE external_reference IS NOT NULL;
CREATE INDEX site_venue ON clarion.site (account_id, site_id) WHERE is_venue;

CREATE INDEX service_name ON clarion.service
    ((lower(service_name) COLLATE "C"), (service_name COLLATE "C"), service_id);
CREATE INDEX service_account_name ON clarion.service
    (account_id, (lower(service_name) COLLATE "C"), (service_name COLLATE "C"), service_id);
CREATE INDEX service_status ON clarion.service (status, service_id);
CREATE INDEX service_account_status ON clarion.service (account_id, status, service_id);
CREATE INDEX service_status_down ON clarion.service (status DESC, service_id);
CREATE INDEX service_account_status_down ON clarion.service (account_id, status DESC, service_id);
CREATE INDEX service_type ON clarion.service
    ((lower(service_type) COLLATE "C"), (service_type COLLATE "C"), service_id);
CREATE INDEX service_ready ON clarion.service (ready_for_service_date, service_id);
CREATE INDEX service_planned ON clarion.service (planned_delivery_date, service_id);
CREATE INDEX service_modified ON clarion.service (last_modified_date, service_id);
CREATE INDEX service_account_modified ON clarion.service (account_id, last_modified_date, service_id);
CREATE INDEX service_created ON clarion.service (created_date, service_id);
CREATE INDEX service_reference ON clarion.service
    ((lower(external_reference) COLLATE "C")) WHERE external_reference IS NOT NULL;
CREATE INDEX service_customer_reference ON clarion.service
    ((lower(customer_reference) COLLATE "C")) WHERE customer_reference IS NOT NULL;
"""

_DOWN = """
DROP INDEX clarion.service_status_down, clarion.service_account_status_down, clarion.service_account_modified,
    clarion.site_status_down, clarion.site_account_status_down, clarion.site_account_modified;
DROP INDEX clarion.service_name, clarion.service_account_name, clarion.service_status, clarion.service_account_status,
    clarion.service_type, clarion.service_ready, clarion.service_planned, clarion.service_modified,
    clarion.service_created, clarion.service_reference, clarion.service_customer_reference, clarion.site_geogroup,
    clarion.site_name, clarion.site_account_name, clarion.site_status, clarion.site_account_status, clarion.site_city,
    clarion.site_country, clarion.site_modified, clarion.site_created, clarion.site_reference, clarion.site_venue;
DROP TRIGGER geogroup_forgotten ON clarion.geogroup;
DROP TRIGGER geofence_forgotten ON clarion.geofence;
DROP TRIGGER beacon_forgotten ON clarion.beacon;
DROP FUNCTION clarion.forget_geogroups, clarion.forget_geofences, clarion.forget_beacons;
DROP TABLE clarion.point_of_interest;
DROP TYPE clarion.poi_state;
DROP TYPE clarion.poi_type;
"""


def upgrade() -> None:
    for statements in (_POINTS, _FORGETTING, _LISTS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
