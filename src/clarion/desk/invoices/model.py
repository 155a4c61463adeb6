"""Invoices and their line details, as the API shows them.

Amounts are exact decimals of up to 15 digits before the point. Those read from the tables carry four digits after it;
`shown` gives each the digits of its currency.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from msgspec.structs import replace

from clarion.db.records import Record
from clarion.desk.invoices import money


class InvoiceStatus(StrEnum):
    """A draft is the operator's alone; Paid and PartiallyPaid follow from what is paid (v2 rule 12.2)."""

    DRAFT = "Draft"
    ISSUED = "Issued"
    PARTIALLY_PAID = "PartiallyPaid"
    PAID = "Paid"
    VOID = "Void"


class ChargeType(StrEnum):
    """What a line charges for; a Credit has a negative unit price, the others have not (v2 rule 12.1)."""

    RECURRING = "Recurring"
    ONE_TIME = "OneTime"
    USAGE = "Usage"
    ADJUSTMENT = "Adjustment"
    CREDIT = "Credit"


class Invoice(Record, frozen=True, kw_only=True):
    """An invoice; its amounts are the sums of its rounded lines. `is_overdue` is told by the day of the account."""

    invoice_id: str
    account_id: str
    invoice_reference: str
    invoice_date: date
    due_date: date | None
    invoice_currency: str
    period_start: date | None
    period_end: date | None
    external_reference: str | None
    status: InvoiceStatus
    is_overdue: bool
    tax_excluded_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    paid_amount: Decimal
    remaining_amount: Decimal
    line_count: int
    created_date: datetime
    last_modified_date: datetime


class InvoiceLine(Record, frozen=True, kw_only=True):
    """One line of an invoice. `tax_rate` is a percentage."""

    invoice_line_detail_id: str
    invoice_id: str
    line_number: int
    service_id: str | None
    site_id: str | None
    description: str
    charge_type: ChargeType
    period_start: date | None
    period_end: date | None
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    invoice_currency: str
    tax_excluded_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal


def shown(invoice: Invoice) -> Invoice:
    """An invoice whose amounts have the digits of its currency."""
    currency = invoice.invoice_currency
    return replace(
        invoice,
        tax_excluded_amount=money.rounded(invoice.tax_excluded_amount, currency),
        tax_amount=money.rounded(invoice.tax_amount, currency),
        total_amount=money.rounded(invoice.total_amount, currency),
        paid_amount=money.rounded(invoice.paid_amount, currency),
        remaining_amount=money.rounded(invoice.remaining_amount, currency),
    )


def shown_line(line: InvoiceLine) -> InvoiceLine:
    """A line whose amounts have the digits of its currency; its unit price has at least these, and its quantity and
    rate have as many as they need."""
    currency = line.invoice_currency
    return replace(
        line,
        quantity=money.shortest(line.quantity),
        unit_price=money.price(line.unit_price, currency),
        tax_rate=money.shortest(line.tax_rate),
        tax_excluded_amount=money.rounded(line.tax_excluded_amount, currency),
        tax_amount=money.rounded(line.tax_amount, currency),
        total_amount=money.rounded(line.total_amount, currency),
    )
