"""The tables of invoices and their lines."""

from collections.abc import Sequence

from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.db.records import Order, PageRequest, Records, Scope, conflicts
from clarion.db.sql import Conn, tuples, value, values
from clarion.desk.invoices.model import Invoice, InvoiceLine
from clarion.desk.invoices.money import Amounts

_TODAY = "(SELECT (clarion.now() AT TIME ZONE 'UTC')::date)"

# The day of an account is at most one away from that of UTC: only invoices due on the two days in question ask for it,
# and an index on the due date finds the others.
OVERDUE = f"""
    t.status IN ('Issued', 'PartiallyPaid') AND t.due_date <= {_TODAY}
    AND (t.due_date < {_TODAY} - 1 OR t.due_date < clarion.account_day(t.account_id))
"""
"""Whether the invoice `t` is past its due date in the time zone of its account; null without due date."""

INVOICES = Records(
    "clarion.invoice",
    Invoice,
    key="invoice_id",
    casts={"status": "clarion.invoice_status"},
    computed={
        "is_overdue": f"t.due_date IS NOT NULL AND {OVERDUE}",
        "remaining_amount": "t.total_amount - t.paid_amount",
    },
)
LINES = Records(
    "clarion.invoice_line",
    InvoiceLine,
    key="invoice_line_detail_id",
    owner="",
    casts={"charge_type": "clarion.charge_type"},
    order=(Order("line_number"),),
)

_EVERY_LINE = PageRequest(limit=2**31 - 1)
_TAKE_OVERDUE = sql.SQL("""
    UPDATE clarion.invoice SET overdue_told = due_date
    WHERE invoice_id IN (
        SELECT t.invoice_id FROM clarion.invoice AS t
        WHERE {overdue} AND t.overdue_told IS DISTINCT FROM t.due_date
        ORDER BY t.due_date LIMIT %s FOR UPDATE OF t SKIP LOCKED
    )
    RETURNING invoice_id, account_id
""").format(overdue=sql.SQL(OVERDUE))


async def lines_of(conn: Conn, invoice_id: str) -> list[InvoiceLine]:
    """All lines of an invoice, in order."""
    return (await LINES.page(conn, _EVERY_LINE, Scope(where={"invoice_id": invoice_id}))).rows


async def insert_lines(conn: Conn, lines: Sequence[InvoiceLine]) -> None:
    """Keep new lines, in one statement."""
    text = """
        INSERT INTO clarion.invoice_line (
            invoice_line_detail_id, invoice_id, line_number, service_id, site_id, description, charge_type,
            period_start, period_end, quantity, unit_price, tax_rate, invoice_currency,
            tax_excluded_amount, tax_amount, total_amount
        )
        SELECT
            invoice_line_detail_id, invoice_id, line_number, service_id, site_id, description, charge_type,
            period_start, period_end, quantity, unit_price, tax_rate, invoice_currency,
            tax_excluded_amount, tax_amount, total_amount
        FROM jsonb_populate_recordset(NULL::clarion.invoice_line, %s)
        RETURNING 1
    """
    with conflicts():
        await values(conn, text, (Jsonb([_columns(line) for line in lines]),))


async def change_sums(conn: Conn, invoice_id: str, lines: int, amounts: Amounts) -> int:
    """So many lines more, or fewer, with what they come to; the highest number of a line that there ever was."""
    text = """
        UPDATE clarion.invoice SET
            line_count = line_count + %(lines)s,
            last_line_number = last_line_number + greatest(0, %(lines)s),
            tax_excluded_amount = tax_excluded_amount + %(excluded)s,
            tax_amount = tax_amount + %(tax)s,
            total_amount = total_amount + %(total)s,
            last_modified_date = clarion.now()
        WHERE invoice_id = %(id)s
        RETURNING last_line_number
    """
    bound = {
        "id": invoice_id,
        "lines": lines,
        "excluded": amounts.tax_excluded,
        "tax": amounts.tax,
        "total": amounts.total,
    }
    return int(await value(conn, text, bound))


async def reprice_lines(conn: Conn, currency: str, lines: Sequence[InvoiceLine]) -> None:
    """What lines come to in another currency."""
    text = """
        UPDATE clarion.invoice_line AS t SET
            invoice_currency = %s,
            tax_excluded_amount = n.tax_excluded_amount,
            tax_amount = n.tax_amount,
            total_amount = n.total_amount
        FROM jsonb_populate_recordset(NULL::clarion.invoice_line, %s) AS n
        WHERE t.invoice_line_detail_id = n.invoice_line_detail_id
        RETURNING 1
    """
    await values(conn, text, (currency, Jsonb([_columns(line) for line in lines])))


async def take_overdue(conn: Conn, limit: int) -> list[tuple[str, str]]:
    """Invoices, with their accounts, that are overdue and of whose due date that was not told: it counts as told."""
    return await tuples(conn, _TAKE_OVERDUE, (limit,))


def _columns(line: InvoiceLine) -> dict[str, object]:
    return {name: getattr(line, name) for name in line.__struct_fields__}
