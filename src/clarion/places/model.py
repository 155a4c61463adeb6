"""Typed places: geofences, beacons, and the groups they belong to. Wire names live in `api/v1`."""

from enum import StrEnum

from msgspec import Struct

ALL_GROUPS = "all"
"""The group id that stands for every geofence, or every beacon, of the application."""


class PlaceKind(StrEnum):
    """What devices watch, and the groups of it; each kind has ids and external ids of its own."""

    GEOFENCE = "geofence"
    BEACON = "beacon"
    GEOGROUP = "geogroup"


class GeofenceDraft(Struct, frozen=True):
    """What a caller gives of a geofence: a circle, in degrees (WGS 84) and metres.

    `data` are values of the place's own, which devices fill into texts as `#{key}` (v1 rule 46).
    """

    name: str
    latitude: float
    longitude: float
    radius: int
    external_id: str | None = None
    data: dict[str, str] = {}


class Geofence(Struct, frozen=True):
    """A stored geofence; `groups` are the ids of its geogroups, ascending."""

    id: int
    draft: GeofenceDraft
    groups: tuple[int, ...] = ()


class BeaconDraft(Struct, frozen=True):
    """What a caller gives of a beacon. `uuid` is in upper case; a beacon without `major` or `minor` is any of them."""

    name: str
    uuid: str
    major: int | None = None
    minor: int | None = None
    external_id: str | None = None
    data: dict[str, str] = {}


class Beacon(Struct, frozen=True):
    """A stored beacon; `groups` are the ids of its geogroups, ascending."""

    id: int
    draft: BeaconDraft
    groups: tuple[int, ...] = ()


class GeogroupDraft(Struct, frozen=True):
    """What a caller gives of a geogroup."""

    name: str
    external_id: str | None = None


class Geogroup(Struct, frozen=True):
    """A stored geogroup with the ids of its members, ascending."""

    id: int
    draft: GeogroupDraft
    geofences: tuple[int, ...] = ()
    beacons: tuple[int, ...] = ()


class PlaceName(Struct, frozen=True):
    """How a place is known: by its technical id, and by the text its owner chose, if any."""

    id: int
    external_id: str | None = None


class PlaceRef(Struct, frozen=True):
    """How a trigger names a place, or a group of them; every member that is given must name something.

    `geogroup_id` is a number, also as text, or `all` (`ALL_GROUPS`).
    """

    id: int | None = None
    external_id: str | None = None
    geogroup_id: int | str | None = None
    geogroup_external_id: str | None = None


class Merged(Struct, frozen=True):
    """What became of places that were written by external id; `unchanged` ones were there as given."""

    created: int
    updated: int
    unchanged: int
