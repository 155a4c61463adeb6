"""What an application is, and the scheme of its devices: the system's columns and the company's own."""

from datetime import datetime, time
from enum import StrEnum
from typing import Any

from msgspec import Struct
from psycopg import sql


class Platform(StrEnum):
    """The platform of an application; it decides the kind of its messages and its gateway."""

    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


LIST_FIELD = "a4p_"
"""How names of static list fields begin in texts (v1 rule 45); no device column may begin so."""

GATEWAY_OF = {Platform.ANDROID: "fcm", Platform.IOS: "apns", Platform.WEB: "webpush"}


class GatewayConfig(Struct, frozen=True):
    """How to reach an application's gateway: kind, JSON of its credentials, other address and authority if any.

    `revision` grows with every change, so that a process that holds an open gateway sees when to open it anew.
    """

    kind: str
    secret: bytes
    endpoint: str | None
    ca: str | None
    revision: int


class GatewayStatus(Struct, frozen=True):
    """What may be told of an application's gateway: nothing secret. `authority` says that one of its own vouches for
    the address."""

    kind: str
    endpoint: str | None
    authority: bool
    revision: int
    updated_at: datetime


class App(Struct, frozen=True):
    """One application: one platform, one environment, addressed by its partner id."""

    id: int
    partner_id: str
    name: str
    platform: Platform
    click_address: str | None = None


class DeclarationKind(StrEnum):
    """What an application can declare."""

    COLLAPSE_KEY = "collapse_key"
    BUTTON_TEMPLATE = "button_template"
    INAPP_TEMPLATE = "inapp_template"
    EVENT = "event"
    VIEW = "view"
    STATE = "state"
    LANGUAGE = "language"

    @property
    def label(self) -> str:
        """The kind as people say it."""
        return _LABELS.get(self.value, self.value)


_LABELS = {
    "collapse_key": "collapse key",
    "button_template": "button template",
    "inapp_template": "in-app template",
}


class Declaration(Struct, frozen=True):
    """One declared thing: the `value` that messages and devices use, a `name` for people, `details` by its kind.

    What is `built_in` every application has without declaring it.
    """

    kind: DeclarationKind
    value: str
    name: str
    details: dict[str, Any] = {}
    built_in: bool = False


class ColumnKind(StrEnum):
    """The types a device column can have."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"


SQL_TYPES = {
    ColumnKind.TEXT: sql.SQL("text"),
    ColumnKind.INTEGER: sql.SQL("bigint"),
    ColumnKind.DECIMAL: sql.SQL("double precision"),
    ColumnKind.DATE: sql.SQL("timestamptz"),
    ColumnKind.BOOLEAN: sql.SQL("boolean"),
}
"""What a column of each kind is in the device table."""


class Column(Struct, frozen=True):
    """One column of a device as people name it (`name`) and as SQL stores it (`sql`).

    `indexed` columns may be searched by (v1 rule 66); `switch` columns are booleans spelt Y and N on the wire;
    `writable` is false for what only the server sets.
    """

    name: str
    sql: str
    kind: ColumnKind
    indexed: bool = False
    writable: bool = True
    switch: bool = False
    standard: bool = True


STANDARD_COLUMNS: tuple[Column, ...] = (
    Column("UDID", "udid", ColumnKind.TEXT, indexed=True, writable=False),
    Column("id", "id", ColumnKind.INTEGER, indexed=True, writable=False),
    Column("token", "token", ColumnKind.TEXT, indexed=True),
    Column("opencount", "opencount", ColumnKind.INTEGER),
    Column("firstopen", "firstopen", ColumnKind.DATE),
    Column("lastopen", "lastopen", ColumnKind.DATE),
    Column("model", "model", ColumnKind.TEXT),
    Column("version", "version", ColumnKind.TEXT),
    Column("sw_version", "sw_version", ColumnKind.TEXT),
    Column("versionsdk", "versionsdk", ColumnKind.TEXT),
    Column("bundleversion", "bundleversion", ColumnKind.TEXT),
    Column("language", "language", ColumnKind.TEXT),
    Column("countryCode", "country_code", ColumnKind.TEXT),
    Column("time_zone", "time_zone", ColumnKind.TEXT),
    Column("lat", "lat", ColumnKind.DECIMAL),
    Column("lon", "lon", ColumnKind.DECIMAL),
    Column("altitude", "altitude", ColumnKind.DECIMAL),
    Column("geolocationCreated", "geolocation_created", ColumnKind.DATE),
    Column("IDFA", "idfa", ColumnKind.TEXT),
    Column("feedback", "feedback", ColumnKind.INTEGER),
    Column("system_optin_notifs", "system_optin_notifs", ColumnKind.BOOLEAN, switch=True),
    Column("enabled_notifs", "enabled_notifs", ColumnKind.BOOLEAN, switch=True),
    Column("enabled_inapps", "enabled_inapps", ColumnKind.BOOLEAN, switch=True),
    Column("randomId", "random_id", ColumnKind.INTEGER),
)


class Scheme:
    """All columns of one application's devices, found by name without case (v1 rule 69)."""

    def __init__(self, own: list[Column]) -> None:
        self.columns: tuple[Column, ...] = (*STANDARD_COLUMNS, *own)
        self._by_name = {column.name.lower(): column for column in self.columns}
        self._by_name["deviceid"] = self._by_name["udid"]

    def find(self, name: str) -> Column | None:
        """The column called `name` in any case; `deviceId` is another name of UDID (v1 rule 52)."""
        return self._by_name.get(name.lower())


EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
"""The days of a week, Monday first."""


class Ceiling(Struct, frozen=True):
    """At most `most` campaign pushes to a device in any `seconds`."""

    most: int
    seconds: int


class QuietHours(Struct, frozen=True):
    """No campaign push from `start` to before `end` by the device's clock, on these days (1 Monday to 7 Sunday).

    The days are those on which the hours begin: an `end` that is not after `start` is on the next day, so that equal
    times are a whole day.
    """

    start: time
    end: time
    days: tuple[int, ...] = EVERY_DAY


class PressureRules(Struct, frozen=True):
    """Marketing pressure of one application. `zone` is taken for devices whose own time zone is not known."""

    ceiling: Ceiling | None = None
    quiet: tuple[QuietHours, ...] = ()
    zone: str = "UTC"

    @property
    def none(self) -> bool:
        """Whether nothing is held back."""
        return self.ceiling is None and not self.quiet
