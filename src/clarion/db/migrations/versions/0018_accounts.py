"""Accounts with their contacts, sites and services, and the events that clients can be told of.

Enums are types of PostgreSQL: lists sort by them in the order of their declaration. An account's applications stand in
a table of their own besides, so that no two accounts have the same one.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

_ACCOUNTS = """
CREATE TYPE clarion.account_status AS ENUM ('Active', 'Suspended', 'Closed');
CREATE SEQUENCE clarion.account_number START 100000001;
CREATE TABLE clarion.account (
    account_id          text COLLATE "C" PRIMARY KEY DEFAULT 'ACC-' || nextval('clarion.account_number'),
    name                text NOT NULL,
    legal_name          text NOT NULL,
    external_reference  text CONSTRAINT account_external_reference UNIQUE,
    status              clarion.account_status NOT NULL DEFAULT 'Active',
    currency            text NOT NULL DEFAULT 'EUR',
    language            text NOT NULL DEFAULT 'en',
    time_zone           text NOT NULL DEFAULT 'UTC',
    partner_ids         text[] NOT NULL DEFAULT '{}',
    created_date        timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date  timestamptz(3) NOT NULL DEFAULT clarion.now()
);
CREATE TABLE clarion.account_partner (
    partner_id  text CONSTRAINT account_partner_ids PRIMARY KEY,
    account_id  text COLLATE "C" NOT NULL REFERENCES clarion.account ON DELETE CASCADE
);
CREATE INDEX account_partner_account ON clarion.account_partner (account_id);
ALTER TABLE clarion.api_client ADD CONSTRAINT api_client_of_account
    FOREIGN KEY (account_id) REFERENCES clarion.account;

CREATE TYPE clarion.contact_role AS ENUM ('Primary', 'Technical', 'Billing', 'Operations');
CREATE TABLE clarion.contact (
    contact_id          text COLLATE "C" PRIMARY KEY,
    account_id          text COLLATE "C" NOT NULL REFERENCES clarion.account,
    name                text NOT NULL,
    email               text,
    phone               text,
    role                clarion.contact_role NOT NULL,
    guest_id            text COLLATE "C",
    notify_cases        boolean NOT NULL DEFAULT false,
    notify_invoices     boolean NOT NULL DEFAULT false,
    channels            text[] NOT NULL DEFAULT '{}',
    created_date        timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date  timestamptz(3) NOT NULL DEFAULT clarion.now()
);
CREATE INDEX contact_account ON clarion.contact (account_id, contact_id);
"""

_SITES = """
CREATE TYPE clarion.site_status AS ENUM ('Planned', 'Active', 'Inactive', 'Closed');
CREATE SEQUENCE clarion.site_number START 100000001;
CREATE TABLE clarion.site (
    site_id             text COLLATE "C" PRIMARY KEY DEFAULT 'SIT-' || nextval('clarion.site_number'),
    account_id          text COLLATE "C" NOT NULL REFERENCES clarion.account,
    name                text NOT NULL,
    external_reference  text,
    status              clarion.site_status NOT NULL DEFAULT 'Active',
    address_line1       text,
    address_line2       text,
    city                text NOT NULL,
    state_or_province   text,
    postcode            text,
    country             text NOT NULL,
    location            jsonb,
    geofence_radius     integer,
    time_zone           text NOT NULL,
    is_venue            boolean NOT NULL DEFAULT false,
    opening_hours       jsonb NOT NULL DEFAULT '[]',
    opening_exceptions  jsonb NOT NULL DEFAULT '[]',
    push_geogroup_id    bigint,
    created_date        timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date  timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CONSTRAINT site_external_reference UNIQUE (account_id, external_reference)
);
CREATE INDEX site_account ON clarion.site (account_id, site_id);

CREATE TYPE clarion.service_status AS ENUM
    ('InProgress', 'ReadyForService', 'Suspended', 'Deactivated', 'Cancelled');
CREATE SEQUENCE clarion.service_number START 100000001;
CREATE TABLE clarion.service (
    service_id             text COLLATE "C" PRIMARY KEY DEFAULT 'SVC-' || nextval('clarion.service_number'),
    account_id             text COLLATE "C" NOT NULL REFERENCES clarion.account,
    site_id                text COLLATE "C" NOT NULL REFERENCES clarion.site,
    service_name           text NOT NULL,
    service_type           text NOT NULL,
    external_reference     text,
    customer_reference     text,
    status                 clarion.service_status NOT NULL DEFAULT 'InProgress',
    planned_delivery_date  date,
    ready_for_service_date date,
    deactivation_date      date,
    technical_note         text,
    characteristics        jsonb NOT NULL DEFAULT '[]',
    created_date           timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date     timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CONSTRAINT service_external_reference UNIQUE (account_id, external_reference)
);
CREATE INDEX service_account ON clarion.service (account_id, service_id);
CREATE INDEX service_site ON clarion.service (site_id, service_id);
"""

_EVENTS = """
CREATE TABLE clarion.webhook_event (
    event_id     text COLLATE "C" PRIMARY KEY,
    account_id   text COLLATE "C",
    event_type   text NOT NULL,
    resource_id  text NOT NULL,
    path         text NOT NULL,
    changed      text[] NOT NULL DEFAULT '{}',
    occurred_at  timestamptz(3) NOT NULL DEFAULT clarion.now()
);
"""
_DOWN = """
DROP TABLE clarion.webhook_event;
DROP TABLE clarion.service;
DROP SEQUENCE clarion.service_number;
DROP TYPE clarion.service_status;
DROP TABLE clarion.site;
DROP SEQUENCE clarion.site_number;
DROP TYPE clarion.site_status;
DROP TABLE clarion.contact;
DROP TYPE clarion.contact_role;
ALTER TABLE clarion.api_client DROP CONSTRAINT api_client_of_account;
DROP TABLE clarion.account_partner;
DROP TABLE clarion.account;
DROP SEQUENCE clarion.account_number;
DROP TYPE clarion.account_status;
"""


def upgrade() -> None:
    for statements in (_ACCOUNTS, _SITES, _EVENTS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
