"""The life of an invoice: Draft, Issued, then PartiallyPaid and Paid by what is paid, or Void (v2 rule 12.2)."""

from decimal import Decimal
from typing import Any

from clarion.base.errors import Conflict, Finding
from clarion.desk.invoices import money
from clarion.desk.invoices.model import Invoice, InvoiceStatus

_VOIDABLE = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTIALLY_PAID})


def settled(invoice: Invoice, total: Decimal, wanted: InvoiceStatus | None, paid: Decimal | None) -> dict[str, Any]:
    """Status and paid amount after a patch that wants this status, and says that so much was paid in all, in which
    `unpayable` found nothing wrong.

    `total` is that of the same patch. What was paid is compared with the total before anything else: at the total an
    invoice is Paid, be that zero, or below zero as the sum of credits. A status that is wanted again is no change.
    Raises Conflict with code `invalid_state_transition`.
    """
    pays = paid is not None and paid != invoice.paid_amount
    if wanted is InvoiceStatus.VOID:
        if invoice.status in _VOIDABLE or invoice.status is wanted:
            return {"status": wanted}
        raise _refused(invoice, wanted, "Only an issued invoice that is not paid can be voided; delete a draft.")
    status = invoice.status
    if status is InvoiceStatus.VOID and (pays or wanted is not None):
        raise _refused(invoice, wanted, "A void invoice stays void.")
    if status is InvoiceStatus.DRAFT:
        if wanted is None:
            if pays:
                raise _refused(invoice, wanted, "Issue it first, or with the same change.")
            return {}
        if invoice.line_count == 0:
            raise _refused(invoice, wanted, "An invoice needs at least one line to be issued.")
        status = InvoiceStatus.ISSUED
    if paid is not None and status is not InvoiceStatus.VOID and (pays or paid == total):
        status = _by_payment(paid, total)
    if wanted is not None and invoice.status is not InvoiceStatus.DRAFT and status is not wanted:
        raise _refused(invoice, wanted, "It is issued already; its status follows from what is paid.")
    return {"status": status, "paid_amount": invoice.paid_amount if paid is None else paid}


def unpayable(
    invoice: Invoice, total: Decimal, currency: str, wanted: InvoiceStatus | None, paid: Decimal | None
) -> list[Finding]:
    """What is wrong with an amount that is said to be paid of a total in a known currency."""
    if paid is None or paid == invoice.paid_amount:
        return []
    if not money.is_whole(paid, currency):
        text = f"{currency} has {money.digits(currency)} digits after the point."
        return [Finding("/paidAmount", "invalid_value", text)]
    if paid > total:
        return [Finding("/paidAmount", "out_of_range", "It is above the total of the invoice.")]
    if paid < 0 and paid != total:
        return [Finding("/paidAmount", "out_of_range", "It is below zero.")]
    if wanted is InvoiceStatus.VOID:
        return [Finding("/paidAmount", "inconsistent", "An invoice is not paid and voided in one change.")]
    return []


def _by_payment(paid: Decimal, total: Decimal) -> InvoiceStatus:
    if paid == total:
        return InvoiceStatus.PAID
    return InvoiceStatus.PARTIALLY_PAID if paid else InvoiceStatus.ISSUED


def _refused(invoice: Invoice, wanted: InvoiceStatus | None, hint: str) -> Conflict:
    doing = "be paid" if wanted is None else f"become {wanted}"
    return Conflict(f"The invoice is {invoice.status} and cannot {doing}.", hint, code="invalid_state_transition")
