"""Accounts and what belongs to them, as the API shows them."""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

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


class GeoPoint(Struct, frozen=True):
    """A position in degrees (WGS 84)."""

    latitude: float
    longitude: float


class SiteStatus(StrEnum):
    """What became of a site."""

    PLANNED = "Planned"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    CLOSED = "Closed"


class DayOfWeek(StrEnum):
    """Days of the week, from Monday on."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


class OpeningHours(Struct, frozen=True):
    """Weekly hours on the clocks of a site, as `HH:MM`; what closes earlier than it opens closes on the next day."""

    day: DayOfWeek
    opens: str
    closes: str


class OpeningException(Struct, frozen=True):
    """What holds on one calendar day instead of the weekly hours."""

    date: date
    closed: bool
    opens: str | None = None
    closes: str | None = None
    label: str | None = None


class Site(Record, frozen=True, kw_only=True):
    """A location of an account; a venue when guests visit it. The radius is in metres; `is_open` is a matter of the
    moment at which it is asked (`hours.is_open`)."""

    site_id: str
    account_id: str
    name: str
    external_reference: str | None
    status: SiteStatus
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
    opening_hours: tuple[OpeningHours, ...]
    opening_exceptions: tuple[OpeningException, ...]
    push_geogroup_id: int | None
    is_open: bool | None
    created_date: datetime
    last_modified_date: datetime


class ServiceStatus(StrEnum):
    """How far a service has come (v2 rule 11.1)."""

    IN_PROGRESS = "InProgress"
    READY_FOR_SERVICE = "ReadyForService"
    SUSPENDED = "Suspended"
    DEACTIVATED = "Deactivated"
    CANCELLED = "Cancelled"


class Characteristic(Struct, frozen=True):
    """A fact about a service."""

    name: str
    value: str


class Service(Record, frozen=True, kw_only=True):
    """What is delivered at a site."""

    service_id: str
    account_id: str
    site_id: str
    service_name: str
    service_type: str
    external_reference: str | None
    customer_reference: str | None
    status: ServiceStatus
    planned_delivery_date: date | None
    ready_for_service_date: date | None
    deactivation_date: date | None
    technical_note: str | None
    characteristics: tuple[Characteristic, ...]
    created_date: datetime
    last_modified_date: datetime


class PoiType(StrEnum):
    """What guests find at a point of interest."""

    RIDE = "Ride"
    SHOW = "Show"
    DINING = "Dining"
    SHOP = "Shop"
    SERVICE = "Service"
    ENTRANCE = "Entrance"
    PARKING = "Parking"
    RESTROOM = "Restroom"
    MEETING = "Meeting"
    OTHER = "Other"


class PoiState(StrEnum):
    """What goes on at a point of interest."""

    OPERATING = "Operating"
    DOWN = "Down"
    CLOSED = "Closed"
    REFURBISHMENT = "Refurbishment"


class PoiStatus(Struct, frozen=True, rename="camel"):
    """The live state as it holds at this moment (v2 rule 14.6): the wait is in minutes, and null where the last
    observation, made at `updated_date`, is stale."""

    state: PoiState
    is_open: bool
    wait_time: int | None
    updated_date: datetime | None
    is_stale: bool


class Showtime(Struct, frozen=True):
    """One performance."""

    start: datetime
    end: datetime


class PointOfInterest(Record, frozen=True, kw_only=True):
    """A place that guests seek inside a venue; beacons and geofences of the push platform mark it."""

    poi_id: str
    site_id: str
    name: str
    description: str | None
    external_reference: str | None
    type: PoiType
    categories: tuple[str, ...]
    location: GeoPoint | None
    image_url: str | None
    showtimes: tuple[Showtime, ...]
    beacon_ids: tuple[int, ...]
    geofence_ids: tuple[int, ...]
    status: PoiStatus
    created_date: datetime
    last_modified_date: datetime


class WaitTime(Record, frozen=True, kw_only=True):
    """The live state of a ride, a show or a place to dine."""

    poi_id: str
    name: str
    type: PoiType
    status: PoiStatus


class WaitTimeKeys(Record, frozen=True, kw_only=True):
    """What wait times are sorted and filtered by besides."""

    state: PoiState
    wait_time: int | None


class Observation(Struct, frozen=True, rename="camel"):
    """What was seen at a point of interest, and when: now unless it says so."""

    poi_id: str
    state: PoiState
    wait_time: int | None = None
    observed_date: datetime | None = None
