"""Everything that the v2 API shows."""

from datetime import date, datetime
from decimal import Decimal

from clarion.client.v2.parts import (
    Characteristic,
    GeoPoint,
    OpeningException,
    OpeningHours,
    PoiStatus,
    Record,
    Showtime,
)


class ApiClient(Record, frozen=True, kw_only=True):
    """A program that calls the API."""

    client_id: str
    api_client_name: str
    scopes: list[str]
    account_id: str | None
    created_date: datetime
    last_used_date: datetime | None


class ApiClientWithSecret(Record, frozen=True, kw_only=True):
    """A new client with its secret, which is shown this once."""

    client_id: str
    api_client_name: str
    scopes: list[str]
    account_id: str | None
    created_date: datetime
    last_used_date: datetime | None
    client_secret: str


class Account(Record, frozen=True, kw_only=True):
    """A customer organisation."""

    account_id: str
    name: str
    legal_name: str
    external_reference: str | None
    status: str
    currency: str
    language: str
    time_zone: str
    partner_ids: list[str]
    created_date: datetime
    last_modified_date: datetime


class Contact(Record, frozen=True, kw_only=True):
    """A person to notify for an account."""

    contact_id: str
    account_id: str
    name: str
    email: str | None
    phone: str | None
    role: str
    guest_id: str | None
    notify_cases: bool
    notify_invoices: bool
    channels: list[str]
    created_date: datetime
    last_modified_date: datetime


class Site(Record, frozen=True, kw_only=True):
    """A location of an account; a venue when guests visit it."""

    site_id: str
    account_id: str
    name: str
    external_reference: str | None
    status: str
    address_line1: str | None
    address_line2: str | None
    city: str
    state_or_province: str | None
    postcode: str | None
    country: str
    location: GeoPoint | None
    geofence_radius: int | None
    time_zone: str
    is_venue: bool
    opening_hours: list[OpeningHours]
    opening_exceptions: list[OpeningException]
    push_geogroup_id: int | None
    is_open: bool | None
    created_date: datetime
    last_modified_date: datetime


class Service(Record, frozen=True, kw_only=True):
    """A service delivered at a site."""

    service_id: str
    account_id: str
    site_id: str
    service_name: str
    service_type: str
    external_reference: str | None
    customer_reference: str | None
    status: str
    planned_delivery_date: date | None
    ready_for_service_date: date | None
    deactivation_date: date | None
    technical_note: str | None
    characteristics: list[Characteristic]
    created_date: datetime
    last_modified_date: datetime


class PointOfInterest(Record, frozen=True, kw_only=True):
    """A place guests seek inside a venue."""

    poi_id: str
    site_id: str
    name: str
    description: str | None
    external_reference: str | None
    type: str
    categories: list[str]
    location: GeoPoint | None
    image_url: str | None
    showtimes: list[Showtime]
    beacon_ids: list[int]
    geofence_ids: list[int]
    status: PoiStatus
    created_date: datetime
    last_modified_date: datetime


class WaitTime(Record, frozen=True, kw_only=True):
    """Live status of one point of interest."""

    poi_id: str
    name: str
    type: str
    status: PoiStatus


class Case(Record, frozen=True, kw_only=True):
    """A support case."""

    case_id: str
    account_id: str
    site_id: str
    service_id: str
    type: str
    subject: str
    priority: str
    status: str
    status_reason: str | None
    origin: str
    customer_reference: str | None
    start_of_incident: datetime | None
    end_of_incident: datetime | None
    expected_resolution_date: datetime | None
    resolved_date: datetime | None
    closed_date: datetime | None
    created_date: datetime
    last_modified_date: datetime


class CaseMessage(Record, frozen=True, kw_only=True):
    """One entry in the conversation of a case."""

    case_message_id: str
    case_id: str
    message: str
    type: str
    sent_by: str
    author: str | None
    timestamp: datetime


class Invoice(Record, frozen=True, kw_only=True):
    """An invoice; its amounts are computed from its lines."""

    invoice_id: str
    account_id: str
    invoice_reference: str
    invoice_date: date
    due_date: date | None
    invoice_currency: str
    period_start: date | None
    period_end: date | None
    external_reference: str | None
    status: str
    is_overdue: bool
    tax_excluded_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    paid_amount: Decimal
    remaining_amount: Decimal
    line_count: int
    created_date: datetime
    last_modified_date: datetime


class InvoiceLineDetail(Record, frozen=True, kw_only=True):
    """One line of an invoice."""

    invoice_line_detail_id: str
    invoice_id: str
    line_number: int
    service_id: str | None
    site_id: str | None
    description: str
    charge_type: str
    period_start: date | None
    period_end: date | None
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    invoice_currency: str
    tax_excluded_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal


class Webhook(Record, frozen=True, kw_only=True):
    """An outside endpoint that is told about events."""

    webhook_id: str
    account_id: str | None
    url: str
    event_types: list[str]
    description: str | None
    status: str
    disabled_reason: str | None
    last_success_date: datetime | None
    created_date: datetime
    last_modified_date: datetime


class WebhookWithSecret(Record, frozen=True, kw_only=True):
    """An endpoint with its signing secret, which is shown this once."""

    webhook_id: str
    account_id: str | None
    url: str
    event_types: list[str]
    description: str | None
    status: str
    disabled_reason: str | None
    last_success_date: datetime | None
    created_date: datetime
    last_modified_date: datetime
    secret: str


class WebhookDelivery(Record, frozen=True, kw_only=True):
    """An event on its way to an endpoint."""

    webhook_delivery_id: str
    webhook_id: str
    event_type: str
    message_id: str
    status: str
    attempts: int
    last_response_status: int | None
    last_attempt_date: datetime | None
    next_attempt_date: datetime | None
    created_date: datetime
