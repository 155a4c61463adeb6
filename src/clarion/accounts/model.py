"""Accounts and what belongs to them, as the API shows them."""

from datetime import datetime
from enum import StrEnum

from clarion.db.records import Record


class AccountStatus(StrEnum):
    """Clients of a Suspended account read and do not write, those of a Closed one get no tokens (v2 rule 4.8)."""

    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    CLOSED = "Closed"


class Account(Record, frozen=True, kw_only=True):
    """A customer organisation. `partner_ids` are the applications of the push platform that serve it."""

    account_id: str
    name: str
    legal_name: str
    external_reference: str | None
    status: AccountStatus
    currency: str
    language: str
    time_zone: str
    partner_ids: tuple[str, ...]
    created_date: datetime
    last_modified_date: datetime


class ContactRole(StrEnum):
    """What a contact is to its account."""

    PRIMARY = "Primary"
    TECHNICAL = "Technical"
    BILLING = "Billing"
    OPERATIONS = "Operations"


class Channel(StrEnum):
    """How a contact is told."""

    PUSH = "Push"
    INBOX = "Inbox"


class Contact(Record, frozen=True, kw_only=True):
    """A person who is told of an account's cases and invoices, through the devices and inbox of a guest."""

    contact_id: str
    account_id: str
    name: str
    email: str | None
    phone: str | None
    role: ContactRole
    guest_id: str | None
    notify_cases: bool
    notify_invoices: bool
    channels: tuple[Channel, ...]
    created_date: datetime
    last_modified_date: datetime
