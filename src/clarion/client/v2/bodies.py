"""Everything that the v2 API takes."""

from datetime import date, datetime
from decimal import Decimal

from msgspec import UNSET, UnsetType

from clarion.client.v2.parts import (
    Body,
    Characteristic,
    GeoPoint,
    OpeningException,
    OpeningHours,
    Showtime,
    WaitTimeReport,
)


class ApiClientCreate(Body, frozen=True, kw_only=True):
    """A new client; scopes and account cannot be changed later (v2 rule 4.3)."""

    api_client_name: str
    scopes: list[str]
    account_id: str | UnsetType | None = UNSET


class AccountCreate(Body, frozen=True, kw_only=True):
    """A new account. Defaults: status Active, currency EUR, language en, time zone UTC."""

    name: str
    legal_name: str
    external_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    partner_ids: list[str] | UnsetType = UNSET


class AccountPatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    name: str | UnsetType = UNSET
    legal_name: str | UnsetType = UNSET
    external_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    partner_ids: list[str] | UnsetType = UNSET


class ContactCreate(Body, frozen=True, kw_only=True):
    """A new contact. Defaults: no notifications, both channels."""

    name: str
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    role: str
    guest_id: str | UnsetType | None = UNSET
    notify_cases: bool | UnsetType = UNSET
    notify_invoices: bool | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET


class ContactPatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    name: str | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    role: str | UnsetType = UNSET
    guest_id: str | UnsetType | None = UNSET
    notify_cases: bool | UnsetType = UNSET
    notify_invoices: bool | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET


class SiteCreate(Body, frozen=True, kw_only=True):
    """A new site. Defaults: status Active, no venue, time zone of the account."""

    account_id: str
    name: str
    external_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    address_line1: str | UnsetType | None = UNSET
    address_line2: str | UnsetType | None = UNSET
    city: str
    state_or_province: str | UnsetType | None = UNSET
    postcode: str | UnsetType | None = UNSET
    country: str
    location: GeoPoint | UnsetType | None = UNSET
    geofence_radius: int | UnsetType | None = UNSET
    time_zone: str | UnsetType = UNSET
    is_venue: bool | UnsetType = UNSET
    opening_hours: list[OpeningHours] | UnsetType = UNSET
    opening_exceptions: list[OpeningException] | UnsetType = UNSET
    push_geogroup_id: int | UnsetType | None = UNSET


class SitePatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    name: str | UnsetType = UNSET
    external_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    address_line1: str | UnsetType | None = UNSET
    address_line2: str | UnsetType | None = UNSET
    city: str | UnsetType = UNSET
    state_or_province: str | UnsetType | None = UNSET
    postcode: str | UnsetType | None = UNSET
    country: str | UnsetType = UNSET
    location: GeoPoint | UnsetType | None = UNSET
    geofence_radius: int | UnsetType | None = UNSET
    time_zone: str | UnsetType = UNSET
    is_venue: bool | UnsetType = UNSET
    opening_hours: list[OpeningHours] | UnsetType = UNSET
    opening_exceptions: list[OpeningException] | UnsetType = UNSET
    push_geogroup_id: int | UnsetType | None = UNSET


class ServiceCreate(Body, frozen=True, kw_only=True):
    """A new service; its account is that of the site. Default status InProgress."""

    site_id: str
    service_name: str
    service_type: str
    external_reference: str | UnsetType | None = UNSET
    customer_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    planned_delivery_date: date | UnsetType | None = UNSET
    ready_for_service_date: date | UnsetType | None = UNSET
    deactivation_date: date | UnsetType | None = UNSET
    technical_note: str | UnsetType | None = UNSET
    characteristics: list[Characteristic] | UnsetType = UNSET


class ServicePatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    service_name: str | UnsetType = UNSET
    service_type: str | UnsetType = UNSET
    external_reference: str | UnsetType | None = UNSET
    customer_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    planned_delivery_date: date | UnsetType | None = UNSET
    ready_for_service_date: date | UnsetType | None = UNSET
    deactivation_date: date | UnsetType | None = UNSET
    technical_note: str | UnsetType | None = UNSET
    characteristics: list[Characteristic] | UnsetType = UNSET


class PointOfInterestCreate(Body, frozen=True, kw_only=True):
    """A new point of interest; its live state starts as Closed."""

    site_id: str
    name: str
    description: str | UnsetType | None = UNSET
    external_reference: str | UnsetType | None = UNSET
    type: str
    categories: list[str] | UnsetType = UNSET
    location: GeoPoint | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET
    showtimes: list[Showtime] | UnsetType = UNSET
    beacon_ids: list[int] | UnsetType = UNSET
    geofence_ids: list[int] | UnsetType = UNSET


class PointOfInterestPatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    external_reference: str | UnsetType | None = UNSET
    type: str | UnsetType = UNSET
    categories: list[str] | UnsetType = UNSET
    location: GeoPoint | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET
    showtimes: list[Showtime] | UnsetType = UNSET
    beacon_ids: list[int] | UnsetType = UNSET
    geofence_ids: list[int] | UnsetType = UNSET


class WaitTimeUpdate(Body, frozen=True, kw_only=True):
    """Live reports for points of interest of one site; all are applied or none."""

    items: list[WaitTimeReport]


class IncidentCreate(Body, frozen=True, kw_only=True, tag_field="type", tag="Incident"):
    """A new case about a fault."""

    subject: str
    priority: str | UnsetType = UNSET
    service_id: str
    message: str
    customer_reference: str | UnsetType | None = UNSET
    start_of_incident: datetime
    end_of_incident: datetime | UnsetType | None = UNSET


class NonIncidentCreate(Body, frozen=True, kw_only=True, tag_field="type", tag="NonIncident"):
    """A new case about anything but a fault."""

    subject: str
    priority: str | UnsetType = UNSET
    service_id: str
    message: str
    customer_reference: str | UnsetType | None = UNSET


class CasePatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    subject: str | UnsetType = UNSET
    priority: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    status_reason: str | UnsetType | None = UNSET
    customer_reference: str | UnsetType | None = UNSET
    start_of_incident: datetime | UnsetType | None = UNSET
    end_of_incident: datetime | UnsetType | None = UNSET
    expected_resolution_date: datetime | UnsetType | None = UNSET


class CaseMessageCreate(Body, frozen=True, kw_only=True):
    """A new comment."""

    message: str
    author: str | UnsetType | None = UNSET


class InvoiceLineDetailCreate(Body, frozen=True, kw_only=True):
    """A new line; `tax_rate` is a percentage, 0 by default."""

    service_id: str | UnsetType | None = UNSET
    site_id: str | UnsetType | None = UNSET
    description: str
    charge_type: str
    period_start: date | UnsetType | None = UNSET
    period_end: date | UnsetType | None = UNSET
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal | UnsetType = UNSET


class InvoiceCreate(Body, frozen=True, kw_only=True):
    """A new draft invoice; the currency defaults to that of the account."""

    account_id: str
    invoice_reference: str
    invoice_date: date
    due_date: date | UnsetType | None = UNSET
    invoice_currency: str | UnsetType = UNSET
    period_start: date | UnsetType | None = UNSET
    period_end: date | UnsetType | None = UNSET
    external_reference: str | UnsetType | None = UNSET
    line_details: list[InvoiceLineDetailCreate] | UnsetType = UNSET


class InvoicePatch(Body, frozen=True, kw_only=True):
    """Members to change; after issue only status, paid amount, due date and external reference (v2 rule 12.3)."""

    invoice_reference: str | UnsetType = UNSET
    invoice_date: date | UnsetType = UNSET
    due_date: date | UnsetType | None = UNSET
    invoice_currency: str | UnsetType = UNSET
    period_start: date | UnsetType | None = UNSET
    period_end: date | UnsetType | None = UNSET
    external_reference: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    paid_amount: Decimal | UnsetType = UNSET


class WebhookCreate(Body, frozen=True, kw_only=True):
    """A new endpoint, enabled. Without account it is told of all accounts and needs an operator client."""

    account_id: str | UnsetType | None = UNSET
    url: str
    event_types: list[str]
    description: str | UnsetType | None = UNSET


class WebhookPatch(Body, frozen=True, kw_only=True):
    """Members to change; None clears a member that may be null."""

    url: str | UnsetType = UNSET
    event_types: list[str] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
