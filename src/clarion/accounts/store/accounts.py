"""The tables of accounts and contacts."""

from collections.abc import Sequence

from clarion.accounts.model import Account, Contact
from clarion.db.records import Records, conflicts
from clarion.db.sql import Conn, execute, values

ACCOUNTS = Records("clarion.account", Account, key="account_id", casts={"status": "clarion.account_status"})
CONTACTS = Records("clarion.contact", Contact, key="contact_id", casts={"role": "clarion.contact_role"})


async def set_partners(conn: Conn, account_id: str, partner_ids: Sequence[str]) -> None:
    """The applications of an account. Raises Conflict with code `duplicate_value` for one that another account has."""
    await execute(conn, "DELETE FROM clarion.account_partner WHERE account_id = %s", (account_id,))
    with conflicts():
        await values(
            conn,
            "INSERT INTO clarion.account_partner (account_id, partner_id) SELECT %s, unnest(%s::text[]) RETURNING 1",
            (account_id, list(partner_ids)),
        )
