"""What clients can be told of, at which endpoints, and what became of telling them."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from clarion.db.records import Record
from clarion.identity.scopes import ScopeName

QUEUE: Final = "webhooks"
DELIVERY_JOB: Final = "webhooks.deliver"


class EventType(StrEnum):
    """What happened, as endpoints subscribe to it."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    ACCOUNT_DELETED = "account.deleted"
    SITE_CREATED = "site.created"
    SITE_UPDATED = "site.updated"
    SITE_DELETED = "site.deleted"
    SERVICE_CREATED = "service.created"
    SERVICE_UPDATED = "service.updated"
    SERVICE_DELETED = "service.deleted"
    CASE_CREATED = "case.created"
    CASE_UPDATED = "case.updated"
    CASE_MESSAGE_CREATED = "case_message.created"
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_UPDATED = "invoice.updated"
    INVOICE_OVERDUE = "invoice.overdue"
    GUEST_CREATED = "guest.created"
    GUEST_UPDATED = "guest.updated"
    GUEST_DELETED = "guest.deleted"
    GUEST_ENTERED_SITE = "guest.entered_site"
    GUEST_LEFT_SITE = "guest.left_site"
    POI_STATUS_CHANGED = "poi.status_changed"
    EXPERIENCE_DISPATCHED = "experience.dispatched"
    WEBHOOK_TEST = "webhook.test"


_READERS: Final = {
    "account": frozenset({ScopeName.BASIC_READ}),
    "site": frozenset({ScopeName.BASIC_READ}),
    "service": frozenset({ScopeName.BASIC_READ}),
    "case": frozenset({ScopeName.SUPPORT_READ}),
    "case_message": frozenset({ScopeName.SUPPORT_READ}),
    "invoice": frozenset({ScopeName.BILLING_READ}),
    "guest": frozenset({ScopeName.GUEST_READ}),
    "poi": frozenset({ScopeName.BASIC_READ, ScopeName.VENUE_READ}),
    "experience": frozenset({ScopeName.EXPERIENCE_READ}),
    "webhook": frozenset({ScopeName.WEBHOOK_READ}),
}


def readers(event: EventType, *, venue: bool = False) -> frozenset[ScopeName]:
    """The scopes any of which reads what such an event is about (v2 rule 18.8); of sites that are a `venue`, VenueRead
    as well (v2 rule 4.2)."""
    kind = event.value.partition(".")[0]
    return _READERS[kind] | {ScopeName.VENUE_READ} if kind == "site" and venue else _READERS[kind]


class WebhookStatus(StrEnum):
    """Whether an endpoint is told anything."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


class DisabledReason(StrEnum):
    """Why it is not: somebody said so, it answered 410, or it has failed for five days (v2 rule 18.3)."""

    MANUAL = "Manual"
    GONE = "Gone"
    FAILING_TOO_LONG = "FailingTooLong"


class Webhook(Record, frozen=True, kw_only=True):
    """An endpoint. One without account is the operator's and is told of every account's events."""

    webhook_id: str
    account_id: str | None
    url: str
    event_types: tuple[EventType, ...]
    description: str | None
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    last_success_date: datetime | None
    created_date: datetime
    last_modified_date: datetime


class DeliveryStatus(StrEnum):
    """Pending ones are tried again, at `next_attempt_date`."""

    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"


class Delivery(Record, frozen=True, kw_only=True):
    """One event for one endpoint. `message_id` is the event's, and the same for every endpoint and attempt."""

    webhook_delivery_id: str
    webhook_id: str
    event_type: EventType
    message_id: str
    status: DeliveryStatus
    attempts: int
    last_response_status: int | None
    last_attempt_date: datetime | None
    next_attempt_date: datetime | None
    created_date: datetime


class Event(Struct, frozen=True):
    """What happened to which resource. `changed` are the members that an update changed."""

    event_id: str
    account_id: str | None
    event_type: EventType
    resource_id: str
    path: str
    changed: tuple[str, ...]
    occurred_at: datetime


class Work(Struct, frozen=True):
    """What an attempt needs. `failures` are those since the schedule began; the secrets are sealed, newest first;
    `failing_since` is the first failure of the endpoint after its last success."""

    status: DeliveryStatus
    failures: int
    webhook_id: str
    url: str
    webhook_status: WebhookStatus
    failing_since: datetime | None
    secrets: tuple[bytes, ...]
    event: Event


class Attempt(Struct, frozen=True):
    """What came of an attempt that began at `at`: the status of the answer, None for none. Without `next_at` the
    delivery is over; until `next_at` it waits in the queue when it is `queued`, else in the table."""

    at: datetime
    response_status: int | None
    status: DeliveryStatus
    next_at: datetime | None = None
    queued: bool = False
