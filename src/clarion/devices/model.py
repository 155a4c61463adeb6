"""What a device is to the rest of the house: its id, its records on the way in, its rows on the way to a gateway."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from clarion.apps.model import STANDARD_COLUMNS, Column, ColumnKind

Value = str | int | float | bool | datetime | bytes | None

UDID = next(column for column in STANDARD_COLUMNS if column.sql == "udid")
TOKEN = next(column for column in STANDARD_COLUMNS if column.sql == "token")
NO_TOKEN = "-"  # noqa: S105
"""How a profile without push token is shown (v1 rule 70); read, it means none, as an empty text does."""
# The keys of a web push subscription stand beside the token (RFC 8291 section 3.1). They are no columns of the scheme:
# only registrations, and import and export files of web applications, carry them, in base64url.
P256DH = Column("p256dh", "web_p256dh", ColumnKind.TEXT)
AUTH = Column("auth", "web_auth", ColumnKind.TEXT)


def device_id(app_id: int, udid: str) -> int:
    """The key of a device: BLAKE2b of application and UDID, 64 bits, signed. A profile is never re-keyed."""
    return int.from_bytes(hashlib.blake2b(f"{app_id}:{udid}".encode(), digest_size=8).digest(), "big", signed=True)


def token_digest(token: str) -> bytes:
    """BLAKE2b of a push token, 16 bytes: what makes tokens unique in an application (v1 rule 70)."""
    return hashlib.blake2b(token.encode(), digest_size=16).digest()


class WebKeys(Struct, frozen=True):
    """The keys of a web push subscription: the browser's public key (65 bytes) and its secret (16 bytes)."""

    p256dh: bytes
    auth: bytes


class DeviceRecord(Struct, frozen=True):
    """What to write of one device: typed values by column; None unsets. Other columns stay as they are.

    A token or `keys` of None in a record without the token column leave the subscription alone.
    """

    udid: str
    fields: Mapping[Column, Value] = {}
    keys: WebKeys | None = None


class Registration(Struct, frozen=True):
    """A device's request for an identity: what it remembers (UDID, its secret) and what it has (push token)."""

    udid: str | None = None
    secret: str | None = None
    token: str | None = None
    keys: WebKeys | None = None
    fields: Mapping[Column, Value] = {}


class Registered(Struct, frozen=True):
    """The identity a device goes by from now on. `created` tells a first contact from a return."""

    device_id: int
    udid: str
    secret: str
    created: bool


class Proven(Struct, frozen=True):
    """A device that showed its secret."""

    id: int
    udid: str


class SendRow(Struct, frozen=True, gc=False):
    """One device as a sender needs it. `values` are typed, in the order of the columns asked for."""

    id: int
    token: str | None
    p256dh: bytes | None
    auth: bytes | None
    language: str | None
    opted_in: bool
    feedback: int
    values: tuple[Value, ...] = ()


class DeadToken(Struct, frozen=True):
    """A token its gateway calls dead, `since` when the gateway says when."""

    device_id: int
    token: str
    since: datetime | None = None


class OpeningPeriod(Struct, frozen=True):
    """Bounds on the first and last opening (v1 rule 65): `from` bounds are inclusive, `before` is exclusive."""

    first_from: datetime | None = None
    first_before: datetime | None = None
    last_from: datetime | None = None


EVER = OpeningPeriod()


class Part(Struct, frozen=True):
    """One part of an export: CSV lines, how many devices they are, and the id to go on after, None at the end."""

    lines: str
    devices: int
    next_after: int | None


class Standing(Struct, frozen=True):
    """How the devices of an application stand at a moment, by the definitions of v1 rule 84."""

    registered: int
    optin: int
    optout: int
    active: int
    active_optin: int


class PurgeRule(Struct, frozen=True):
    """Which profiles are taken away: last opened `days` ago or earlier, with more than `bounces` refusals of the
    gateway (v1 rule 71). 0 days means none."""

    days: int = 365
    bounces: int = 2


class TransferProgress(Struct, frozen=True):
    """How far an import or export is, in devices; `total` is what the file or the application holds."""

    read: int
    written: int
    rejected: int
    total: int


class ImportResult(Struct, frozen=True):
    """The account of an import: every line read was written or rejected."""

    read: int
    written: int
    rejected: int


class FileAccount(Struct, frozen=True):
    """The account of a file of devices: every line read is (or would be) a new device, a known one, or rejected."""

    read: int
    created: int
    updated: int
    rejected: int
