"""What new lines come to, and what is wrong with them (v2 rules 2.4, 12.1)."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from clarion.accounts import service as accounts
from clarion.base.errors import Finding
from clarion.base.ids import new_id
from clarion.db.sql import Conn
from clarion.desk.invoices import money
from clarion.desk.invoices.model import ChargeType, Invoice, InvoiceLine
from clarion.desk.invoices.money import Amounts

Values = dict[str, Any]


class Priced(Struct, frozen=True):
    """A new line's values and what it comes to."""

    values: Values
    amounts: Amounts

    def line(self, invoice: Invoice, number: int) -> InvoiceLine:
        """The line with this number of an invoice."""
        optional = dict.fromkeys(("service_id", "site_id", "period_start", "period_end"))
        return InvoiceLine(
            **{"tax_rate": Decimal(0), **optional, **self.values},
            invoice_line_detail_id=new_id("ILD"),
            invoice_id=invoice.invoice_id,
            line_number=number,
            invoice_currency=invoice.invoice_currency,
            tax_excluded_amount=self.amounts.tax_excluded,
            tax_amount=self.amounts.tax,
            total_amount=self.amounts.total,
        )


def total(lines: Sequence[Priced]) -> Amounts:
    """The sums of rounded lines."""
    amounts = Amounts()
    for line in lines:
        amounts = amounts.plus(line.amounts)
    return amounts


async def priced(
    conn: Conn, account_id: str | None, currency: str | None, lines: Sequence[Values], at: Callable[[int], str]
) -> tuple[list[Priced], list[Finding]]:
    """New lines with what they come to, and all that is wrong with them; `at` points to a line by its place.

    Without account the references, and without currency the amounts, are not judged: these are wrong themselves then.
    """
    findings: list[Finding] = []
    made: list[Priced] = []
    for place, values in enumerate(lines):
        if (values["unit_price"] < 0) != (values["charge_type"] is ChargeType.CREDIT):
            text = "A Credit has a negative unit price, every other line has not."
            findings.append(Finding(f"{at(place)}/unitPrice", "inconsistent", text))
        findings += periods(values, at(place))
        if currency is not None:
            rate = values.get("tax_rate", Decimal(0))
            amounts = money.of_line(values["quantity"], values["unit_price"], rate, currency)
            if not amounts.fits:
                text = "Quantity times unit price, with tax, has more than 15 digits before the point."
                findings.append(Finding(f"{at(place)}/quantity", "out_of_range", text))
            made.append(Priced(values, amounts))
    if account_id is not None:
        findings += await _unknown(conn, account_id, lines, at)
    return made, findings


def periods(values: Values, at: str = "") -> list[Finding]:
    """A period that ends before it starts."""
    start, end = values.get("period_start"), values.get("period_end")
    if start is None or end is None or start <= end:
        return []
    return [Finding(f"{at}/periodEnd", "inconsistent", "The period ends before it starts.")]


async def _unknown(conn: Conn, account_id: str, lines: Sequence[Values], at: Callable[[int], str]) -> list[Finding]:
    services = {values["service_id"] for values in lines if values.get("service_id") is not None}
    sites = {values["site_id"] for values in lines if values.get("site_id") is not None}
    known = await accounts.known_services(conn, account_id, services)
    known |= await accounts.known_sites(conn, account_id, sites)
    return [
        Finding(f"{at(place)}/{member}", "reference_not_found", f"The account has no such {word}.")
        for place, values in enumerate(lines)
        for name, member, word in (("service_id", "serviceId", "service"), ("site_id", "siteId", "site"))
        if values.get(name) is not None and values[name] not in known
    ]
