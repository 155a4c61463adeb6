"""Permits counted in the database: those of a push service's account, and those of a throttled send.

Processes draw them in portions, so that no notification costs a round trip. While the database is away nobody gets
any: what is limited waits, and a limit is never exceeded.
"""

import psycopg

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.gateways.allowance import Allowance, Draw, Grant, Rate
from clarion.gateways.fcm.quota import Source
from clarion.sending.flow import store

log = get_logger(__name__)

_AWAY = Grant(0, 0.5)


def shared(db: Database) -> Source:
    """Where all processes of an installation draw from; see `Source`."""

    def of(name: str, rate: Rate) -> Draw:
        async def draw(wanted: int) -> Grant:
            try:
                async with db.connection() as conn:
                    granted, wait = await store.draw(conn, name, wanted, rate.per_second, rate.burst)
            except (psycopg.Error, Unavailable) as error:
                log.warning("permits_wait_for_database", name=name, error=str(error).strip())
                return _AWAY
            return Grant(granted, wait)

        return draw

    return of


def throttle_name(app_id: int, send_id: int) -> str:
    """What the allowance of a throttled send is called."""
    return f"send:{app_id}:{send_id}"


def throttle_rate(per_minute: int) -> Rate:
    """One second's worth at once, or one notification where that is less than one.

    With the second for which a permit is good, a minute sees at most a thirtieth more than `per_minute`, or one or two
    notifications more where that is less.
    """
    per_second = per_minute / 60
    return Rate(per_second, max(1.0, per_second))


def throttle(source: Source, app_id: int, send_id: int, per_minute: int) -> Allowance:
    """The permits of one send."""
    return Allowance(source(throttle_name(app_id, send_id), throttle_rate(per_minute)))
