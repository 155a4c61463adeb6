"""Invoices and their line details on the wire."""

from typing import Any

from clarion.api.v2.members import typed
from clarion.api.v2.resource import Resource, handlers
from clarion.db.sql import Conn
from clarion.desk.invoices import model
from clarion.desk.invoices import service as invoices
from clarion.desk.invoices.model import Invoice, InvoiceLine
from clarion.identity.clients import Caller


async def _create(conn: Conn, caller: Caller, values: dict[str, Any]) -> Invoice:
    lines = [typed(invoices.LINES, each) for each in values.pop("line_details", ())]
    return await invoices.create_invoice(conn, caller, values, lines)


def _show(_caller: Caller, invoice: Invoice) -> Invoice:
    return model.shown(invoice)


def _show_line(_caller: Caller, line: InvoiceLine) -> InvoiceLine:
    return model.shown_line(line)


INVOICES = Resource(
    invoices.INVOICES,
    "/v2/invoices/{invoiceId}",
    scope=invoices.visible,
    show=_show,
    operators_only=("create", "update", "delete"),
    creating=_create,
    updating=invoices.update_invoice,
    deleting=invoices.delete_invoice,
)
LINES = Resource(
    invoices.LINES,
    "/v2/invoices/{invoiceId}/invoice-line-details/{invoiceLineDetailId}",
    within=INVOICES,
    part=True,
    show=_show_line,
    operators_only=("create", "update", "delete"),
    creating=invoices.create_line,
    deleting=invoices.delete_line,
)

HANDLERS = {
    **handlers(
        INVOICES,
        list="listInvoices",
        create="createInvoice",
        get="getInvoice",
        update="updateInvoice",
        delete="deleteInvoice",
    ),
    **handlers(
        LINES,
        list="listInvoiceLineDetails",
        create="createInvoiceLineDetail",
        get="getInvoiceLineDetail",
        delete="deleteInvoiceLineDetail",
    ),
}
