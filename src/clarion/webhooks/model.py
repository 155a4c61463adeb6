"""What clients can be told of."""

from enum import StrEnum


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
