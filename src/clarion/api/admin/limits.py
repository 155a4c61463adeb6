"""How much an application may say to a device: marketing pressure on pushes, capping of in-apps and alarms."""

from datetime import time

from msgspec import Struct, convert

from clarion.api.admin.call import Call, json_answer
from clarion.api.admin.errors import placed
from clarion.api.exchange import Response
from clarion.apps import pressure
from clarion.apps.model import EVERY_DAY, Ceiling, PressureRules, QuietHours
from clarion.content.triggered import service as triggered
from clarion.content.triggered.model import GlobalCapping, TriggeredKind
from clarion.db.retry import transact
from clarion.db.sql import Conn


class _Ceiling(Struct):
    most: int
    seconds: int


class _Quiet(Struct):
    start: str
    end: str
    days: tuple[int, ...] = EVERY_DAY


class _Pressure(Struct, rename="camel"):
    ceiling: _Ceiling | None = None
    quiet_hours: list[_Quiet] = []
    zone: str = "UTC"


class _Limit(Struct):
    frequency: int
    duration: int


class _Capping(Struct):
    inapp: _Limit | None = None
    alarm: _Limit | None = None


async def get_pressure(call: Call) -> Response:
    """The rules in force."""
    async with call.services.db.connection() as conn:
        return json_answer(_written(await pressure.of(conn, call.app.id)))


async def set_pressure(call: Call) -> Response:
    """Replace the rules."""
    rules = _rules(convert(call.body, _Pressure))

    async def work(conn: Conn) -> None:
        await pressure.set_rules(conn, call.app.id, rules)

    with placed(names={"quiet": "quietHours"}):
        await transact(call.services.db, work)
    return json_answer(_written(rules))


async def get_capping(call: Call) -> Response:
    """The limits in force."""
    async with call.services.db.connection() as conn:
        return json_answer(_capping(await triggered.global_capping(conn, call.app.id)))


async def set_capping(call: Call) -> Response:
    """Replace the limits of both kinds."""
    wire = convert(call.body, _Capping)

    async def work(conn: Conn) -> dict[TriggeredKind, GlobalCapping]:
        for kind, limit in ((TriggeredKind.INAPP, wire.inapp), (TriggeredKind.ALARM, wire.alarm)):
            frequency, duration = (0, 0) if limit is None else (limit.frequency, limit.duration)
            with placed(f"/{kind.value}"):
                await triggered.set_global_capping(conn, call.app.id, kind, frequency, duration)
        return await triggered.global_capping(conn, call.app.id)

    return json_answer(_capping(await transact(call.services.db, work)))


def _rules(wire: _Pressure) -> PressureRules:
    ceiling = None if wire.ceiling is None else Ceiling(wire.ceiling.most, wire.ceiling.seconds)
    quiet = (QuietHours(time.fromisoformat(q.start), time.fromisoformat(q.end), q.days) for q in wire.quiet_hours)
    return PressureRules(ceiling, tuple(quiet), wire.zone)


def _written(rules: PressureRules) -> _Pressure:
    ceiling = None if rules.ceiling is None else _Ceiling(rules.ceiling.most, rules.ceiling.seconds)
    quiet = [
        _Quiet(hours.start.isoformat("minutes"), hours.end.isoformat("minutes"), hours.days) for hours in rules.quiet
    ]
    return _Pressure(ceiling, quiet, rules.zone)


def _capping(found: dict[TriggeredKind, GlobalCapping]) -> _Capping:
    limits = {kind.value: _Limit(capping.frequency, capping.duration) for kind, capping in found.items()}
    return _Capping(**limits)
