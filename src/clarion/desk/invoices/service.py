"""The rules of invoices and their lines (v2 section 12).

All writes are the operator's; who may write at all is asked before anything else, by the surface. A draft tells
nobody of its changes, since nobody but operators may know of it: the first event of an invoice is that it was issued.
"""

from typing import Any

from msgspec.structs import replace

from clarion.accounts import service as accounts
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.db.records import Scope
from clarion.db.sql import Conn
from clarion.desk.invoices import lines as pricing
from clarion.desk.invoices import money, store
from clarion.desk.invoices.model import Invoice, InvoiceLine, InvoiceStatus
from clarion.desk.invoices.money import Amounts
from clarion.desk.invoices.payment import settled, unpayable
from clarion.desk.invoices.store import INVOICES, LINES
from clarion.identity.clients import Caller
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

__all__ = ["INVOICES", "LINES"]

Values = dict[str, Any]

_AFTER_ISSUE = frozenset({"status", "paid_amount", "due_date", "external_reference"})


def visible(caller: Caller) -> Scope:
    """A client of an account sees no drafts (v2 rule 4.7)."""
    return Scope(caller.account_id, hiding="" if caller.is_operator else "t.status <> 'Draft'")


async def create_invoice(conn: Conn, caller: Caller, values: Values, lines: list[Values]) -> Invoice:
    """A new draft with its lines (v2 rule 12.5). Raises Invalid, and Conflict (`duplicate_value` for its reference,
    `duplicate_external_reference`)."""
    account = await accounts.find(conn, values["account_id"], caller.scope)
    findings = [] if account is not None else [accounts.no_account()]
    currency = values.get("invoice_currency") or (account.currency if account is not None else None)
    if currency is not None and money.digits(currency) is None:
        findings.append(_no_currency(currency))
        currency = None
    findings += pricing.periods(values)
    account_id = account.account_id if account is not None else None
    made, wrong = await pricing.priced(conn, account_id, currency, lines, lambda place: f"/lineDetails/{place}")
    findings += wrong
    amounts = pricing.total(made)
    if not wrong and not amounts.fits:
        findings.append(_too_much("/lineDetails"))
    if findings:
        raise Invalid(findings)
    sums = {"line_count": len(made), "last_line_number": len(made), **_columns(amounts)}
    invoice = await INVOICES.insert(conn, {**values, "invoice_currency": currency, **sums})
    if made:
        await store.insert_lines(conn, [line.line(invoice, number) for number, line in enumerate(made, 1)])
    return invoice


async def update_invoice(conn: Conn, _caller: Caller, invoice: Invoice, values: Values) -> Invoice:
    """Change an invoice, issue, settle or void it. Raises Invalid, and Conflict (`invalid_state_transition` besides
    those of `create_invoice`)."""
    wanted, paid = values.get("status"), values.get("paid_amount")
    others = {name: value for name, value in values.items() if name not in ("status", "paid_amount")}
    changed = INVOICES.changes(invoice, others)
    findings = _immutable(invoice, changed)
    findings += pricing.periods({"period_start": invoice.period_start, "period_end": invoice.period_end, **changed})
    repriced: list[InvoiceLine] = []
    amounts = Amounts(invoice.tax_excluded_amount, invoice.tax_amount)
    currency = changed.get("invoice_currency", invoice.invoice_currency)
    if money.digits(currency) is None:
        findings.append(_no_currency(currency))
    else:
        if "invoice_currency" in changed and invoice.status is InvoiceStatus.DRAFT:
            repriced, amounts = await _repriced(conn, invoice, currency)
        if not amounts.fits:
            findings.append(_too_much("/invoiceCurrency"))
        findings += unpayable(invoice, amounts.total, currency, wanted, paid)
    if findings:
        raise Invalid(findings)
    changed |= _columns(amounts) if repriced else {}
    changed = INVOICES.changes(invoice, {**changed, **settled(invoice, amounts.total, wanted, paid)})
    if repriced:
        await store.reprice_lines(conn, currency, repriced)
    updated = await INVOICES.update(conn, invoice, changed)
    if changed and updated.status is not InvoiceStatus.DRAFT:
        if "paid_amount" in changed:
            changed["remaining_amount"] = updated.remaining_amount
        await _tell(conn, invoice, updated, changed)
    return updated


async def delete_invoice(conn: Conn, _caller: Caller, invoice: Invoice) -> None:
    """Delete a draft with its lines. Raises Conflict with code `invoice_not_draft` (v2 rule 12.3)."""
    _check_draft(invoice, "Void it instead.")
    await INVOICES.delete(conn, invoice)


async def create_line(conn: Conn, _caller: Caller, values: Values) -> InvoiceLine:
    """A new line of a draft, with the next number. Raises Invalid, and Conflict with code `invoice_not_draft`."""
    invoice = await _locked(conn, values.pop("invoice_id"))
    made, findings = await pricing.priced(conn, invoice.account_id, invoice.invoice_currency, [values], lambda _: "")
    sums = Amounts(invoice.tax_excluded_amount, invoice.tax_amount).plus(pricing.total(made))
    if not findings and not sums.fits:
        findings.append(_too_much("/quantity"))
    if findings:
        raise Invalid(findings)
    _check_draft(invoice, "Lines change only in a draft.")
    number = await store.change_sums(conn, invoice.invoice_id, 1, made[0].amounts)
    line = made[0].line(invoice, number)
    await store.insert_lines(conn, [line])
    return line


async def delete_line(conn: Conn, _caller: Caller, line: InvoiceLine) -> None:
    """Delete a line of a draft; its number is not used again. Raises Conflict with code `invoice_not_draft`."""
    invoice = await _locked(conn, line.invoice_id)
    _check_draft(invoice, "Lines change only in a draft.")
    await LINES.delete(conn, line)
    await store.change_sums(
        conn, invoice.invoice_id, -1, Amounts().minus(Amounts(line.tax_excluded_amount, line.tax_amount))
    )


async def _locked(conn: Conn, invoice_id: str) -> Invoice:
    invoice = await INVOICES.find(conn, invoice_id, lock=True)
    if invoice is None:
        raise NotFound("There is no such invoice.")
    return invoice


async def _repriced(conn: Conn, invoice: Invoice, currency: str) -> tuple[list[InvoiceLine], Amounts]:
    """The lines of a draft in another currency, which may have another minor unit, and their sums."""
    made, sums = [], Amounts()
    for line in await store.lines_of(conn, invoice.invoice_id):
        amounts = money.of_line(line.quantity, line.unit_price, line.tax_rate, currency)
        made.append(replace(line, **_columns(amounts)))
        sums = sums.plus(amounts)
    return made, sums


def _immutable(invoice: Invoice, changed: Values) -> list[Finding]:
    if invoice.status is InvoiceStatus.DRAFT:
        return []
    return [
        Finding(f"/{INVOICES.fields[name].wire}", "immutable_field", "It cannot change once the invoice is issued.")
        for name in changed
        if name not in _AFTER_ISSUE
    ]


def _check_draft(invoice: Invoice, hint: str) -> None:
    if invoice.status is not InvoiceStatus.DRAFT:
        raise Conflict(f"The invoice is {invoice.status}, not a draft.", hint, code="invoice_not_draft")


def _columns(amounts: Amounts) -> Values:
    return {"tax_excluded_amount": amounts.tax_excluded, "tax_amount": amounts.tax, "total_amount": amounts.total}


def _no_currency(currency: str) -> Finding:
    return Finding("/invoiceCurrency", "invalid_value", f"{currency!r} is no currency of ISO 4217 with a minor unit.")


def _too_much(at: str) -> Finding:
    return Finding(at, "out_of_range", "The invoice would come to more than 15 digits before the point.")


async def _tell(conn: Conn, before: Invoice, invoice: Invoice, changed: Values) -> None:
    issued = before.status is InvoiceStatus.DRAFT
    await webhooks.record(
        conn,
        EventType.INVOICE_ISSUED if issued else EventType.INVOICE_UPDATED,
        id=invoice.invoice_id,
        account_id=invoice.account_id,
        path=f"/v2/invoices/{invoice.invoice_id}",
        changed=accounts.changed_members(INVOICES, changed),
    )
