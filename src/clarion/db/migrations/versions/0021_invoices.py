"""Invoices and their lines.

The sums of an invoice are kept in its row, in the transaction that changes its lines; `last_line_number` never falls,
so that numbers are not used again. `overdue_told` is the due date whose passing has been told.

The indexes serve the orders and filters that people use, for operators and for clients of one account; where the last
key, the identifier, runs against a descending first one and many rows share that, the opposite order has an index of
its own. Unpaid invoices are few beside those that are settled, and have theirs.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

_INVOICES = """
CREATE TYPE clarion.invoice_status AS ENUM ('Draft', 'Issued', 'PartiallyPaid', 'Paid', 'Void');
CREATE SEQUENCE clarion.invoice_number START 100000001;
CREATE TABLE clarion.invoice (
    invoice_id           text COLLATE "C" PRIMARY KEY DEFAULT 'INV-' || nextval('clarion.invoice_number'),
    account_id           text COLLATE "C" NOT NULL REFERENCES clarion.account,
    invoice_reference    text NOT NULL,
    invoice_date         date NOT NULL,
    due_date             date,
    invoice_currency     text NOT NULL,
    period_start         date,
    period_end           date,
    external_reference   text,
    status               clarion.invoice_status NOT NULL DEFAULT 'Draft',
    tax_excluded_amount  numeric(19, 4) NOT NULL DEFAULT 0,
    tax_amount           numeric(19, 4) NOT NULL DEFAULT 0,
    total_amount         numeric(19, 4) NOT NULL DEFAULT 0,
    paid_amount          numeric(19, 4) NOT NULL DEFAULT 0,
    line_count           bigint NOT NULL DEFAULT 0 CHECK (line_count >= 0),
    last_line_number     bigint NOT NULL DEFAULT 0,
    overdue_told         date,
    created_date         timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_modified_date   timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CHECK (total_amount = tax_excluded_amount + tax_amount),
    CONSTRAINT invoice_invoice_reference UNIQUE (invoice_reference, account_id),
    CONSTRAINT invoice_external_reference UNIQUE (external_reference, account_id)
);
CREATE TYPE clarion.charge_type AS ENUM ('Recurring', 'OneTime', 'Usage', 'Adjustment', 'Credit');
CREATE TABLE clarion.invoice_line (
    invoice_line_detail_id  text COLLATE "C" PRIMARY KEY,
    invoice_id              text COLLATE "C" NOT NULL REFERENCES clarion.invoice ON DELETE CASCADE,
    line_number             bigint NOT NULL,
    service_id              text COLLATE "C" REFERENCES clarion.service,
    site_id                 text COLLATE "C" REFERENCES clarion.site,
    description             text NOT NULL,
    charge_type             clarion.charge_type NOT NULL,
    period_start            date,
    period_end              date,
    quantity                numeric(18, 6) NOT NULL,
    unit_price              numeric(19, 4) NOT NULL,
    tax_rate                numeric(7, 4) NOT NULL,
    invoice_currency        text NOT NULL,
    tax_excluded_amount     numeric(19, 4) NOT NULL,
    tax_amount              numeric(19, 4) NOT NULL,
    total_amount            numeric(19, 4) NOT NULL,
    CHECK (total_amount = tax_excluded_amount + tax_amount),
    CONSTRAINT invoice_line_line_number UNIQUE (invoice_id, line_number)
);
CREATE INDEX invoice_line_service ON clarion.invoice_line (service_id) WHERE service_id IS NOT NULL;
CREATE INDEX invoice_line_site ON clarion.invoice_line (site_id) WHERE site_id IS NOT NULL;
"""

_INDEXES = """
CREATE INDEX invoice_date_up ON clarion.invoice (invoice_date, invoice_id);
CREATE INDEX invoice_date_down ON clarion.invoice (invoice_date DESC, invoice_id);
CREATE INDEX invoice_due_up ON clarion.invoice (due_date, invoice_id);
CREATE INDEX invoice_due_down ON clarion.invoice (due_date DESC NULLS LAST, invoice_id);
CREATE INDEX invoice_status_up ON clarion.invoice (status, invoice_id);
CREATE INDEX invoice_status_down ON clarion.invoice (status DESC, invoice_id);
CREATE INDEX invoice_status_date ON clarion.invoice (status, invoice_date, invoice_id);
CREATE INDEX invoice_total ON clarion.invoice (total_amount, invoice_id);
CREATE INDEX invoice_created ON clarion.invoice (created_date, invoice_id);
CREATE INDEX invoice_modified ON clarion.invoice (last_modified_date, invoice_id);
CREATE INDEX invoice_reference_text ON clarion.invoice
    (lower(invoice_reference) COLLATE "C", invoice_reference COLLATE "C", invoice_id);
CREATE INDEX invoice_account ON clarion.invoice (account_id, invoice_id);
CREATE INDEX invoice_account_date ON clarion.invoice (account_id, invoice_date, invoice_id);
CREATE INDEX invoice_account_due ON clarion.invoice (account_id, due_date, invoice_id);
CREATE INDEX invoice_account_due_down ON clarion.invoice (account_id, due_date DESC NULLS LAST, invoice_id);
CREATE INDEX invoice_account_status ON clarion.invoice (account_id, status, invoice_id) INCLUDE (due_date);
CREATE INDEX invoice_account_modified ON clarion.invoice (account_id, last_modified_date, invoice_id);
CREATE INDEX invoice_account_total ON clarion.invoice (account_id, total_amount, invoice_id);
CREATE INDEX invoice_account_reference_text ON clarion.invoice
    (account_id, lower(invoice_reference) COLLATE "C", invoice_reference COLLATE "C", invoice_id);
CREATE INDEX invoice_open ON clarion.invoice (invoice_id) WHERE status IN ('Issued', 'PartiallyPaid');
CREATE INDEX invoice_open_due ON clarion.invoice (due_date, invoice_id) WHERE status IN ('Issued', 'PartiallyPaid');
CREATE INDEX invoice_account_open_due ON clarion.invoice (account_id, due_date)
    WHERE status IN ('Issued', 'PartiallyPaid');
CREATE INDEX invoice_overdue_untold ON clarion.invoice (due_date)
    WHERE status IN ('Issued', 'PartiallyPaid') AND overdue_told IS DISTINCT FROM due_date;
"""

# A zone that this PostgreSQL does not know, newer than its tables, must not make every list of invoices fail.
_DAYS = """
CREATE FUNCTION clarion.account_day(whose text) RETURNS date LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $body$
DECLARE
    zone  text;
BEGIN
    SELECT time_zone INTO zone FROM clarion.account WHERE account_id = whose;
    BEGIN
        RETURN (clarion.now() AT TIME ZONE zone)::date;
    EXCEPTION WHEN invalid_parameter_value THEN
        RETURN (clarion.now() AT TIME ZONE 'UTC')::date;
    END;
END
$body$;
"""
_DOWN = """
DROP FUNCTION clarion.account_day(text);
DROP TABLE clarion.invoice_line;
DROP TYPE clarion.charge_type;
DROP TABLE clarion.invoice;
DROP SEQUENCE clarion.invoice_number;
DROP TYPE clarion.invoice_status;
"""


def upgrade() -> None:
    for statements in (_INVOICES, _INDEXES, _DAYS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
