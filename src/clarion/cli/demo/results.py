"""Reading the campaign's results back over v1, as an integrator would: targets, clicks, the day's statistics."""

from datetime import date

from msgspec import Struct

from clarion.cli.calls import V1Caller

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


def read(v1: V1Caller, partner_id: str, message_id: int, since: date) -> Listed:
    """The numbers of targets and clicks of a message, and the statistics since a day."""
    root = f"/v1/me/apps/{partner_id}/messages/{message_id}"
    targets, clicks = _length(v1, f"{root}/targets"), _length(v1, f"{root}/clicks")
    return Listed(targets, clicks, read_days(v1, partner_id, since))


def read_days(v1: V1Caller, partner_id: str, since: date) -> Days:
    """The statistics since a day."""
    lines = v1.get(f"/v1/me/apps/{partner_id}/stats?startDate={since}")["data"]
    return Days(sum(line["pushSent"] for line in lines), sum(line["pushClicks"] for line in lines))


def _length(v1: V1Caller, path: str) -> int:
    """How many objects a list has: its last page is looked for by halving."""

    def size(page: int) -> int:
        return len(v1.get(f"{path}?page={page}")["data"])

    low, high = 0, 1  # the last full page, and a page that is not
    while size(high) == _PAGE:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if size(middle) == _PAGE:
            low = middle
        else:
            high = middle
    return low * _PAGE + size(high)
