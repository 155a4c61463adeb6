"""Marketing pressure on the devices of one chunk: quiet hours by each device's clock, and the ceiling of pushes.

Quiet hours are looked at whenever a run takes the chunk up. The ceiling is decided once in the life of a chunk, by
`recording`, for one chunk of an application at a time: what a chunk may hand over counts for all that ask after it
from then on, delivered or not yet, until its device's outcome says otherwise. So two campaigns that run at the same
time never lift a device above the ceiling between them.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from clarion.apps import pressure
from clarion.apps.model import STANDARD_COLUMNS, Column, PressureRules, QuietHours
from clarion.base import clock
from clarion.db.sql import Conn
from clarion.devices.model import Value
from clarion.results.store import pressing
from clarion.sending import store
from clarion.sending.model import HELD, Send, SendKind

CROWDED = HELD + "pressure"
QUIET = HELD + "quiet hours"

_TIME_ZONE = next(column for column in STANDARD_COLUMNS if column.sql == "time_zone")


class Pressure:
    """The rules of an application as they bear on one run of a chunk."""

    def __init__(self, app_id: int, send_id: int, rules: PressureRules) -> None:
        self._app_id = app_id
        self._send_id = send_id
        self._rules = rules
        self._now = clock.now()
        self._quiet_in: dict[Value, bool] = {}

    @classmethod
    async def on(cls, conn: Conn, app_id: int, send: Send) -> "Pressure | None":
        """The pressure on a send; None when it is under none: instant messages and tests never are (v1 rule 55)."""
        if send.kind is not SendKind.REAL or not send.use_pressure:
            return None
        rules = await pressure.of(conn, app_id)
        return None if rules.none else cls(app_id, send.id, rules)

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is to be read of every device, last of all columns, for `quiet` to judge."""
        return (_TIME_ZONE,) if self._rules.quiet else ()

    @property
    def has_ceiling(self) -> bool:
        """Whether the pushes of a device are counted at all."""
        return self._rules.ceiling is not None

    def quiet(self, values: Sequence[Value]) -> bool:
        """Whether it is a quiet hour for a device with these values; a zone that is not known is the application's."""
        if not self._rules.quiet:
            return False
        zone = values[-1]
        found = self._quiet_in.get(zone)
        if found is None:
            local = self._now.astimezone(_zone(zone) or _zone(self._rules.zone))
            found = self._quiet_in[zone] = in_quiet_hours(self._rules.quiet, local)
        return found

    async def crowded(self, conn: Conn, low: int, high: int) -> set[int]:
        """The devices with ids from `low` to `high` that have had enough; a few below may be among them.

        Others that ask for the same application wait until the transaction ends, so it must record what comes of it.
        """
        ceiling = self._rules.ceiling
        assert ceiling is not None
        await store.take_turn(conn, self._app_id)
        sends = await store.pressing(conn, self._app_id, self._send_id, ceiling.seconds)
        if len(sends) < ceiling.most:  # a device is in a send at most once
            return set()
        return set(
            await pressing.pressed(
                conn, self._app_id, sends, low=low, high=high, seconds=ceiling.seconds, times=ceiling.most
            )
        )


def in_quiet_hours(windows: Sequence[QuietHours], local: datetime) -> bool:
    """Whether one of the windows holds this reading of a device's clock."""
    at, today = local.time(), local.isoweekday()
    yesterday = (today - 2) % 7 + 1
    for hours in windows:
        if hours.start < hours.end:
            found = today in hours.days and hours.start <= at < hours.end
        else:
            found = (today in hours.days and at >= hours.start) or (yesterday in hours.days and at < hours.end)
        if found:
            return True
    return False


@lru_cache(maxsize=1_000)
def _zone(name: Value) -> ZoneInfo | None:
    return ZoneInfo(str(name)) if name in pressure.zones() else None
