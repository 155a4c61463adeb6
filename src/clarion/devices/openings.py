"""Openings of the application on a device, as they change its profile. The events themselves are `tracking`'s."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from clarion.db.sql import Conn
from clarion.devices.store import openings as store


class Opening(Struct, frozen=True):
    """`number` openings of one device, between `first_at` and `last_at`."""

    device_id: int
    number: int
    first_at: datetime
    last_at: datetime


async def opened(conn: Conn, app_id: int, openings: Sequence[Opening]) -> int:
    """Add openings to profiles, one entry a device; how many profiles were opened for the first time."""
    ordered = sorted(openings, key=lambda opening: opening.device_id)
    fresh = await store.add(
        conn,
        app_id,
        [opening.device_id for opening in ordered],
        [opening.number for opening in ordered],
        [opening.first_at for opening in ordered],
        [opening.last_at for opening in ordered],
    )
    return len(fresh)
