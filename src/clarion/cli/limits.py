"""`clarion apps pressure` and `clarion apps capping`: how much an application may say to a device."""

import re
from datetime import time
from typing import Annotated

import typer
from msgspec import Struct

from clarion.apps import pressure as rules_of
from clarion.apps import service as apps
from clarion.apps.model import EVERY_DAY, Ceiling, PressureRules, QuietHours
from clarion.base.errors import Finding, Invalid
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.content.triggered import service as triggered
from clarion.content.triggered.model import GlobalCapping, TriggeredKind

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LIMIT = re.compile(r"([0-9]{1,9})/([0-9]{1,9})([smhd])", re.ASCII)
_QUIET = re.compile(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})(?:@([1-7](?:,[1-7])*))?", re.ASCII)
_NONE = "none"


class Shown(Struct, frozen=True, rename="camel"):
    """Marketing pressure as the command shows it."""

    ceiling: Ceiling | None
    quiet_hours: list[QuietHours]
    zone: str


class Capped(Struct, frozen=True):
    """Global capping by kind, None where there is none."""

    inapp: GlobalCapping | None = None
    alarm: GlobalCapping | None = None


def pressure(
    partner_id: PartnerId,
    ceiling: Annotated[
        str | None, typer.Option("--ceiling", metavar="N/PERIOD", help="Most pushes in a period, as 3/24h; none.")
    ] = None,
    quiet: Annotated[
        list[str] | None,
        typer.Option("--quiet", metavar="HOURS", help="22:00-07:00, on days 22:00-07:00@1,2; all windows; none."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="For devices whose own time zone is not known. Default: UTC.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show the marketing pressure of an application, or change what is given.

    Examples:

        clarion apps pressure shop-ios

        clarion apps pressure shop-ios --ceiling 3/24h --quiet 22:00-07:00 --quiet 00:00-00:00@7 --zone Europe/Paris

        clarion apps pressure shop-ios --ceiling none --quiet none
    """
    settings = installation(data_dir, database_url)
    if ceiling is None and not quiet and zone is None:
        found = output.run(_pressure(settings, partner_id))
    else:
        found = output.run(_set_pressure(settings, partner_id, ceiling, quiet or [], zone))
    output.answer(Shown(found.ceiling, list(found.quiet), found.zone), _described(partner_id, found), as_json=as_json)


async def _pressure(settings: Settings, partner_id: str) -> PressureRules:
    async with database(settings) as db, db.connection() as conn:
        return await rules_of.of(conn, (await apps.get_app(conn, partner_id)).id)


async def _set_pressure(
    settings: Settings, partner_id: str, ceiling: str | None, quiet: list[str], zone: str | None
) -> PressureRules:
    async with changing(settings, "apps.pressure", partner_id) as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        present = await rules_of.of(conn, app_id)
        rules = PressureRules(
            ceiling=present.ceiling if ceiling is None else _ceiling(ceiling),
            quiet=tuple(_quiet(text) for text in quiet if text != _NONE) if quiet else present.quiet,
            zone=zone or present.zone,
        )
        await rules_of.set_rules(conn, app_id, rules)
        return rules


def capping(
    partner_id: PartnerId,
    inapp: Annotated[
        str | None, typer.Option("--inapp", metavar="N/PERIOD", help="Most in-apps in a period, as 3/24h; none.")
    ] = None,
    alarm: Annotated[
        str | None, typer.Option("--alarm", metavar="N/PERIOD", help="Most alarms in a period, as 1/2h; none.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show how often in-apps and alarms may show on a device, or change what is given.

    Example:

        clarion apps capping shop-ios --inapp 3/24h --alarm none
    """
    settings = installation(data_dir, database_url)
    given = {TriggeredKind.INAPP: inapp, TriggeredKind.ALARM: alarm}
    if inapp is None and alarm is None:
        found = output.run(_capping(settings, partner_id))
    else:
        found = output.run(_set_capping(settings, partner_id, given))
    shown = Capped(**{kind.value: limit for kind, limit in found.items()})
    words = [f"{kind.label}: {_said(found.get(kind))}" for kind in TriggeredKind]
    output.answer(shown, f"{partner_id}: {', '.join(words)}.", as_json=as_json)


async def _capping(settings: Settings, partner_id: str) -> dict[TriggeredKind, GlobalCapping]:
    async with database(settings) as db, db.connection() as conn:
        return await triggered.global_capping(conn, (await apps.get_app(conn, partner_id)).id)


async def _set_capping(
    settings: Settings, partner_id: str, given: dict[TriggeredKind, str | None]
) -> dict[TriggeredKind, GlobalCapping]:
    async with changing(settings, "apps.capping", partner_id) as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        for kind, text in given.items():
            if text is not None:
                frequency, duration = (0, 0) if text == _NONE else _limit(text, kind.value)
                await triggered.set_global_capping(conn, app_id, kind, frequency, duration)
        return await triggered.global_capping(conn, app_id)


def _ceiling(text: str) -> Ceiling | None:
    return None if text == _NONE else Ceiling(*_limit(text, "ceiling"))


def _limit(text: str, option: str) -> tuple[int, int]:
    """(number, seconds) of `3/24h`."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        message = f"{text!r} is no limit. Write it as 3/24h: a number, and a period in s, m, h or d."
        raise Invalid([Finding(f"/{option}", option, message)])
    return int(found[1]), int(found[2]) * _UNITS[found[3]]


def _quiet(text: str) -> QuietHours:
    found = _QUIET.fullmatch(text)
    if found is not None:
        days = tuple(int(day) for day in found[3].split(",")) if found[3] else EVERY_DAY
        try:
            return QuietHours(time.fromisoformat(found[1]), time.fromisoformat(found[2]), days)
        except ValueError:
            pass
    message = f"{text!r} are no hours. Write them as 22:00-07:00, or 22:00-07:00@6,7 for some days (1 is Monday)."
    raise Invalid([Finding("/quiet", "quiet", message)])


def _described(partner_id: str, rules: PressureRules) -> str:
    ceiling = (
        "no ceiling" if rules.ceiling is None else f"at most {rules.ceiling.most} in {_period(rules.ceiling.seconds)}"
    )
    quiet = [
        f"{hours.start:%H:%M} to {hours.end:%H:%M}"
        f"{'' if hours.days == EVERY_DAY else ' on days ' + ', '.join(map(str, hours.days))}"
        for hours in rules.quiet
    ]
    return f"{partner_id}: {ceiling}; quiet hours: {'; '.join(quiet) or 'none'} (zone {rules.zone})."


def _said(limit: GlobalCapping | None) -> str:
    return "no limit" if limit is None else f"{limit.frequency} in {_period(limit.duration)}"


def _period(seconds: int) -> str:
    unit = next(name for name in ("d", "h", "m", "s") if seconds % _UNITS[name] == 0)
    return f"{seconds // _UNITS[unit]} {unit}"
