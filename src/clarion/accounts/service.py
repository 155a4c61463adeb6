"""The rules of accounts and contacts (v2 sections 4 and 10).

Those of sites, services and points of interest have rooms of their own: `sites`, `services`, `venues`.
"""

from clarion.accounts.common import (
    Values,
    changed_members,
    check_zone,
    find,
    find_service,
    find_site,
    is_zone,
    known_services,
    known_sites,
    no_account,
    no_site,
)
from clarion.accounts.model import Account, Contact
from clarion.accounts.store import accounts as store
from clarion.accounts.store.accounts import ACCOUNTS, CONTACTS
from clarion.apps import service as apps
from clarion.base.errors import Finding, Forbidden, Invalid, NotFound
from clarion.base.ids import new_id
from clarion.db.sql import Conn
from clarion.identity import clients
from clarion.identity.clients import Caller
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

__all__ = [
    "ACCOUNTS",
    "CONTACTS",
    "changed_members",
    "create_account",
    "create_contact",
    "delete_account",
    "delete_contact",
    "find",
    "find_service",
    "find_site",
    "is_zone",
    "known_services",
    "known_sites",
    "no_account",
    "no_site",
    "only_operators",
    "update_account",
    "update_contact",
]

_OPERATORS_ONLY = ("status", "partner_ids")


async def create_account(conn: Conn, caller: Caller, values: Values) -> Account:
    """A new account. Raises Forbidden for clients of accounts, Invalid, and Conflict (`duplicate_external_reference`;
    `duplicate_value` for an application that serves another account)."""
    only_operators(caller, "create accounts")
    await _check(conn, values)
    account = await ACCOUNTS.insert(conn, values)
    if account.partner_ids:
        await store.set_partners(conn, account.account_id, account.partner_ids)
    await _tell(conn, EventType.ACCOUNT_CREATED, account)
    return account


async def update_account(conn: Conn, caller: Caller, account: Account, values: Values) -> Account:
    """Change an account; its status and applications are the operator's. Raises as `create_account` does."""
    changed = ACCOUNTS.changes(account, values)
    if any(name in changed for name in _OPERATORS_ONLY):
        only_operators(caller, "change the status and the applications of an account")
    await _check(conn, changed)
    updated = await ACCOUNTS.update(conn, account, changed)
    if "partner_ids" in changed:
        await store.set_partners(conn, updated.account_id, updated.partner_ids)
    if "status" in changed:
        await clients.set_owner_state(conn, account.account_id, updated.status.value)
    if changed:
        await _tell(conn, EventType.ACCOUNT_UPDATED, updated, changed)
    return updated


async def delete_account(conn: Conn, caller: Caller, account: Account) -> None:
    """Delete an account that nothing refers to. Raises Forbidden, and Conflict with code `resource_in_use`."""
    only_operators(caller, "delete accounts")
    await ACCOUNTS.delete(conn, account)
    await _tell(conn, EventType.ACCOUNT_DELETED, account)


async def create_contact(conn: Conn, _caller: Caller, values: Values) -> Contact:
    """A new contact of an account. Raises Invalid."""
    _check_guest(values)
    return await CONTACTS.insert(conn, {"contact_id": new_id("CON"), "role": "Operations", **values})


async def update_contact(conn: Conn, _caller: Caller, contact: Contact, values: Values) -> Contact:
    """Change a contact. Raises Invalid."""
    _check_guest(values)
    return await CONTACTS.update(conn, contact, values)


async def delete_contact(conn: Conn, _caller: Caller, contact: Contact) -> None:
    """Delete a contact."""
    await CONTACTS.delete(conn, contact)


def only_operators(caller: Caller, what: str) -> None:
    """Raises Forbidden for a client that is confined to an account (v2 rule 4.7)."""
    if not caller.is_operator:
        raise Forbidden(f"Only operator clients may {what}.", "Use a client without account.")


async def _check(conn: Conn, values: Values) -> None:
    findings = check_zone(values)
    for at, partner_id in enumerate(values.get("partner_ids", ())):
        try:
            await apps.get_app(conn, partner_id)
        except NotFound:
            text = f"There is no application {partner_id!r}."
            findings.append(Finding(f"/partnerIds/{at}", "reference_not_found", text))
    if findings:
        raise Invalid(findings)


def _check_guest(values: Values) -> None:
    if values.get("guest_id") is not None:
        raise Invalid([Finding("/guestId", "reference_not_found", "There is no such guest.")])


async def _tell(conn: Conn, event: EventType, account: Account, changed: Values | None = None) -> None:
    await webhooks.record(
        conn,
        event,
        id=account.account_id,
        account_id=account.account_id,
        path=f"/v2/accounts/{account.account_id}",
        changed=changed_members(ACCOUNTS, changed or {}),
    )
