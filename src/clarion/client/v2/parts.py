"""What all Structs of the v2 API are, and the parts that several of them have.

Members are in snake case here and in camel case on the wire. Enumerations are texts: a server may know more values than
this client (v2 rule 1.14). Money, quantities and rates are Decimals, instants are aware datetimes.
"""

from datetime import date as day
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType


class Record(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the API shows. `etag` is the entity tag it came with, "" for a row of a list; members that an answer has
    and a Struct does not are ignored."""

    etag: str = ""


class Body(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the API takes. A member that is not given is not sent; None is sent as null."""


class Part(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What stands inside of others."""


class GeoPoint(Part, frozen=True, kw_only=True):
    """WGS 84 position."""

    latitude: float
    longitude: float


class OpeningHours(Part, frozen=True, kw_only=True):
    """Weekly hours in the site's time zone; closes earlier than opens means past midnight."""

    day: str
    opens: str
    closes: str


class OpeningException(Part, frozen=True, kw_only=True):
    """Hours of one calendar day that override the weekly hours."""

    date: day
    closed: bool
    opens: str | UnsetType | None = UNSET
    closes: str | UnsetType | None = UNSET
    label: str | UnsetType | None = UNSET


class Showtime(Part, frozen=True, kw_only=True):
    """One scheduled instance."""

    start: datetime
    end: datetime


class PoiStatus(Part, frozen=True, kw_only=True):
    """Live status."""

    state: str
    is_open: bool
    wait_time: int | None
    updated_date: datetime | None
    is_stale: bool


class Characteristic(Part, frozen=True, kw_only=True):
    """Something that is told of a service."""

    name: str
    value: str


class WaitTimeReport(Part, frozen=True, kw_only=True):
    """What is seen at a point of interest; `wait_time` is in minutes."""

    poi_id: str
    state: str
    wait_time: int | UnsetType | None = UNSET
    observed_date: datetime | UnsetType = UNSET
