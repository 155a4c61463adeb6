"""When a site is open: weekly hours and what overrides them on single days, on the site's own clocks."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from clarion.accounts.model import DayOfWeek, OpeningException, Site
from clarion.base.errors import Finding

_DAYS = tuple(DayOfWeek)
_MIDNIGHT = "24:00"


def is_open(site: Site, now: datetime) -> bool | None:
    """Whether a site is open at an instant; None for a day that no hours are set for.

    Hours belong to the day on which they open: an exception of the next day does not cut short what goes on past
    midnight. What opens and closes at the same time is open for the whole day.
    """
    local = now.astimezone(ZoneInfo(site.time_zone))
    today, time = local.date(), local.strftime("%H:%M")
    hours = _hours_of(site, today)
    if hours is None:
        return None
    begun = any(opens <= time < (_MIDNIGHT if closes <= opens else closes) for opens, closes in hours)
    yesterday = _hours_of(site, today - timedelta(days=1)) or []
    return begun or any(closes <= opens and time < closes for opens, closes in yesterday)


def check_exceptions(exceptions: tuple[OpeningException, ...]) -> Iterator[Finding]:
    """What is contradictory in exceptions: hours of a day that is closed, no hours of one that is not, and a day that
    is both."""
    closed = {each.date for each in exceptions if each.closed}
    for at, each in enumerate(exceptions):
        pointer = f"/openingExceptions/{at}"
        if each.closed and (each.opens is not None or each.closes is not None):
            yield Finding(pointer, "inconsistent", "A closed day has neither opens nor closes.")
        elif not each.closed and (each.opens is None or each.closes is None):
            yield Finding(pointer, "inconsistent", "A day that is not closed needs opens and closes.")
        elif not each.closed and each.date in closed:
            yield Finding(pointer, "inconsistent", f"Another exception says that {each.date} is closed.")


def _hours_of(site: Site, day: date) -> list[tuple[str, str]] | None:
    """The hours that begin on a day; None when neither an exception nor weekly hours say anything of it."""
    exceptions = [each for each in site.opening_exceptions if each.date == day]
    if exceptions:
        return [(each.opens, each.closes) for each in exceptions if each.opens is not None and each.closes is not None]
    if not site.opening_hours:
        return None
    return [(each.opens, each.closes) for each in site.opening_hours if each.day is _DAYS[day.weekday()]]
