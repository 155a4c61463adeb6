"""Reading the campaign's results back over v1, as an integrator would: targets, clicks, the day's statistics."""

from collections.abc import Callable
from datetime import date
from typing import Any

from msgspec import Struct

from clarion.client.v1 import Pages, V1Client

_PAGE = 100


class Days(Struct, frozen=True):
    """What the statistics hold of the days since the demo began, earlier runs of the same day included."""

    pushes: int
    clicks: int


class Listed(Struct, frozen=True):
    """What v1 lists of one message, and of the days."""

    targets: int
    clicks: int
    days: Days


async def read(v1: V1Client, partner_id: str, message_id: int, since: date) -> Listed:
    """The numbers of targets and clicks of a message, and the statistics since a day."""
    targets = await _length(lambda page: v1.list_message_targets(partner_id, message_id, page=page))
    clicks = await _length(lambda page: v1.list_message_clicks(partner_id, message_id, page=page))
    return Listed(targets, clicks, await read_days(v1, partner_id, since))


async def read_days(v1: V1Client, partner_id: str, since: date) -> Days:
    """The statistics since a day."""
    days = await v1.list_stats(partner_id, start_date=since).collect()
    return Days(sum(day.push_sent or 0 for day in days), sum(day.push_clicks or 0 for day in days))


async def _length(page_of: Callable[[int], Pages[Any]]) -> int:
    """How many objects a list has: its last page is looked for by halving."""

    async def size(page: int) -> int:
        return len((await page_of(page)).data)

    low, high = 0, 1  # the last full page, and a page that is not
    while await size(high) == _PAGE:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if await size(middle) == _PAGE:
            low = middle
        else:
            high = middle
    return low * _PAGE + await size(high)
