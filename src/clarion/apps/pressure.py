"""Marketing pressure of an application: how many campaign pushes a device gets in a period, and when none.

What the rules mean for a device is decided by `sending` while it delivers; here they are checked and kept.
"""

from functools import cache
from zoneinfo import available_timezones

from clarion.apps.model import EVERY_DAY, Ceiling, PressureRules, QuietHours
from clarion.apps.store import pressure as store
from clarion.base.errors import Finding, Invalid
from clarion.db.sql import Conn

__all__ = ["Ceiling", "PressureRules", "QuietHours", "of", "set_rules", "zones"]

MOST_PUSHES = 1_000
PERIOD = (60, 90 * 86_400)
"""Shortest and longest period, in seconds: the ledger that is counted is read for three months."""
MOST_WINDOWS = 20


@cache
def zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


async def of(conn: Conn, app_id: int) -> PressureRules:
    """The rules of an application; none when none were ever set."""
    return await store.find(conn, app_id) or PressureRules()


async def set_rules(conn: Conn, app_id: int, rules: PressureRules) -> None:
    """Replace the rules; they hold for chunks of devices that are begun from now on.

    Raises Invalid; its pointers follow the fields of `PressureRules`: `/ceiling/most`, `/quiet/0/days`, `/zone`.
    """
    if findings := [*_ceiling_findings(rules.ceiling), *_quiet_findings(rules.quiet), *_zone_findings(rules.zone)]:
        raise Invalid(findings)
    await store.put(conn, app_id, rules)


def _ceiling_findings(ceiling: Ceiling | None) -> list[Finding]:
    findings = []
    shortest, longest = PERIOD
    if ceiling is not None and not 1 <= ceiling.most <= MOST_PUSHES:
        findings.append(
            Finding("/ceiling/most", "out_of_range", f"A device may get 1 to {MOST_PUSHES} pushes in a period.")
        )
    if ceiling is not None and not shortest <= ceiling.seconds <= longest:
        findings.append(
            Finding("/ceiling/seconds", "out_of_range", f"A period has {shortest} to {longest} seconds (90 days).")
        )
    return findings


def _quiet_findings(quiet: tuple[QuietHours, ...]) -> list[Finding]:
    if len(quiet) > MOST_WINDOWS:
        return [Finding("/quiet", "too_many", f"An application has at most {MOST_WINDOWS} windows of quiet hours.")]
    findings = []
    for place, hours in enumerate(quiet):
        if not hours.days or len(set(hours.days)) < len(hours.days) or not set(hours.days) <= set(EVERY_DAY):
            findings.append(
                Finding(f"/quiet/{place}/days", "wrong_days", "Days are numbers from 1 (Monday) to 7, each once.")
            )
        if hours.start.tzinfo is not None or hours.end.tzinfo is not None:
            findings.append(
                Finding(f"/quiet/{place}", "zoned", "Quiet hours are by the device's clock and have no offset.")
            )
    return findings


def _zone_findings(zone: str) -> list[Finding]:
    if zone in zones():
        return []
    return [Finding("/zone", "unknown_zone", "There is no such time zone; names are those of IANA, as Europe/Paris.")]
