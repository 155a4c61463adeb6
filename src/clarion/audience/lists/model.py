"""What a static list is, who is on it, and who is to be put on it or taken from it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from clarion.apps.model import Column
from clarion.devices.model import Value

MOST_VALUES = 10
"""Personalisation values of one member (v1 rule 78)."""
LONGEST_VALUE = 255


class StaticList(Struct, frozen=True):
    """A static list of an application: its number, and the text by which integrators and devices know it."""

    id: int
    name: str
    external_id: str | None = None


class Member(Struct, frozen=True):
    """A device on a list, until `expires_at` (None is for good). `data` fills `${a4p_<name>}` in texts, under names
    without the prefix."""

    udid: str
    expires_at: datetime | None = None
    data: Mapping[str, str] | None = None


class Entry(Struct, frozen=True):
    """Who is to be put on a list or taken from it: every device that has this value in this column.

    Put on a list, a device gets this expiry whatever it had; `data` of None leaves its values as they are. A value of
    None is nobody's.
    """

    column: Column
    value: Value
    expires_at: datetime | None = None
    data: Mapping[str, str] | None = None


class Batch(Struct, frozen=True):
    """Up to 5,000 entries on their way to the database: `users` is JSON for `store.members`, `fields` are the names of
    the columns that select devices, UDID aside; of entries for the same value the last one stands."""

    users: str
    fields: tuple[str, ...]
    size: int


class Change(Struct, frozen=True):
    """A batch that waits to be applied. One that concerns very many `devices` (None until they are counted) is applied
    in ranges of their ids (`sizes.id_ranges`), of which `step` are done."""

    seq: int
    remove: bool
    fields: list[str]
    step: int
    devices: int | None


class Matches(Struct, frozen=True):
    """How many entries of a batch name a device, repeated ones included, and how many devices they name."""

    entries: int
    devices: int


class ListState(Struct, frozen=True):
    """How a list stands: its members, those of them that leave by themselves one day, and the users of queued changes
    that are not applied yet."""

    members: int
    expiring: int
    waiting: int


class ListImport(Struct, frozen=True):
    """The account of a file: every line read named a device, named none (`unknown`), or was rejected."""

    read: int
    written: int
    unknown: int
    rejected: int
