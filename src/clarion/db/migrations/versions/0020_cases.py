"""Support cases and the conversations about them.

Enums stand in the order of their declaration. Pages of cases by status or by priority come from one index for each
value (`Records.branching`), so no index is needed for descending order. Days of incidents have none.
"""

from alembic import op

revision = "0020"
down_revision = "0019"

_TYPES = """
CREATE TYPE clarion.case_type AS ENUM ('Incident', 'NonIncident');
CREATE TYPE clarion.case_subject AS ENUM (
    'RfoRequest', 'ServiceDegradation', 'ServiceIntermittent', 'ServiceDown', 'ActivationSupport', 'ChangeRequest',
    'EngineerDispatch', 'InformationRequest', 'Other', 'SoftwareUpdate', 'UtilizationReport');
CREATE TYPE clarion.case_priority AS ENUM ('P1', 'P2', 'P3', 'P4', 'P5');
CREATE TYPE clarion.case_status AS ENUM
    ('New', 'InProgress', 'PendingCustomer', 'OnHold', 'Resolved', 'Closed', 'Cancelled');
CREATE TYPE clarion.case_origin AS ENUM ('Api', 'Console', 'Email', 'Phone', 'Monitoring', 'GuestApp');
CREATE TYPE clarion.case_message_type AS ENUM ('Comment', 'StatusChange', 'System');
CREATE TYPE clarion.case_sender AS ENUM ('Customer', 'Support', 'System');
"""

_CASES = """
CREATE SEQUENCE clarion.case_number START 100000001;
CREATE TABLE clarion.support_case (
    case_id                   text COLLATE "C" PRIMARY KEY DEFAULT 'CAS-' || nextval('clarion.case_number'),
    account_id                text COLLATE "C" NOT NULL REFERENCES clarion.account,
    site_id                   text COLLATE "C" NOT NULL REFERENCES clarion.site,
    service_id                text COLLATE "C" NOT NULL REFERENCES clarion.service,
    type                      clarion.case_type NOT NULL,
    subject                   clarion.case_subject NOT NULL,
    priority                  clarion.case_priority NOT NULL DEFAULT 'P3',
    status                    clarion.case_status NOT NULL DEFAULT 'New',
    status_reason             text,
    origin                    clarion.case_origin NOT NULL DEFAULT 'Api',
    customer_reference        text COLLATE "C",
    start_of_incident         timestamptz(3),
    end_of_incident           timestamptz(3),
    expected_resolution_date  timestamptz(3),
    resolved_date             timestamptz(3),
    closed_date               timestamptz(3),
    created_date              timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date        timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CONSTRAINT case_incident CHECK ((type = 'Incident') = (start_of_incident IS NOT NULL)),
    CONSTRAINT case_no_incident CHECK (type = 'Incident' OR end_of_incident IS NULL),
    CONSTRAINT case_incident_end CHECK (end_of_incident >= start_of_incident)
);
CREATE INDEX support_case_account ON clarion.support_case (account_id, case_id);
CREATE INDEX support_case_site ON clarion.support_case (site_id, case_id);
CREATE INDEX support_case_service ON clarion.support_case (service_id, case_id);
CREATE INDEX support_case_account_status ON clarion.support_case (account_id, status, case_id);
CREATE INDEX support_case_account_status_priority ON clarion.support_case (account_id, status, priority, case_id);
CREATE INDEX support_case_account_priority ON clarion.support_case (account_id, priority, case_id);
CREATE INDEX support_case_account_created ON clarion.support_case (account_id, created_date);
CREATE INDEX support_case_account_modified ON clarion.support_case (account_id, last_modified_date);
CREATE INDEX support_case_status ON clarion.support_case (status, case_id);
CREATE INDEX support_case_status_priority ON clarion.support_case (status, priority, case_id);
CREATE INDEX support_case_status_created ON clarion.support_case (status, created_date);
CREATE INDEX support_case_status_modified ON clarion.support_case (status, last_modified_date);
CREATE INDEX support_case_priority ON clarion.support_case (priority, case_id);
CREATE INDEX support_case_priority_created ON clarion.support_case (priority, created_date);
CREATE INDEX support_case_created ON clarion.support_case (created_date);
CREATE INDEX support_case_modified ON clarion.support_case (last_modified_date);
CREATE INDEX support_case_reference ON clarion.support_case (customer_reference, case_id)
    WHERE customer_reference IS NOT NULL;
CREATE INDEX support_case_reference_start ON clarion.support_case (lower(customer_reference) COLLATE "C")
    WHERE customer_reference IS NOT NULL;
CREATE INDEX support_case_resolved ON clarion.support_case (resolved_date) WHERE status = 'Resolved';

CREATE TABLE clarion.case_message (
    case_message_id  text COLLATE "C" PRIMARY KEY,
    case_id          text COLLATE "C" NOT NULL REFERENCES clarion.support_case,
    message          text NOT NULL,
    type             clarion.case_message_type NOT NULL,
    sent_by          clarion.case_sender NOT NULL,
    author           text,
    timestamp        timestamptz(3) NOT NULL
);
CREATE INDEX case_message_case ON clarion.case_message (case_id, timestamp, case_message_id);
"""
_DOWN = """
DROP TABLE clarion.case_message;
DROP TABLE clarion.support_case;
DROP SEQUENCE clarion.case_number;
DROP TYPE clarion.case_sender;
DROP TYPE clarion.case_message_type;
DROP TYPE clarion.case_origin;
DROP TYPE clarion.case_status;
DROP TYPE clarion.case_priority;
DROP TYPE clarion.case_subject;
DROP TYPE clarion.case_type;
"""


def upgrade() -> None:
    for statements in (_TYPES, _CASES):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
