"""The demo's account of itself: what was sent, whether all figures agree, how fast it went."""

from msgspec import Struct
from rich.console import Group, RenderableType

from clarion.apps.model import GATEWAY_OF, Platform
from clarion.cli import output
from clarion.cli.demo.campaign import Ended, Memory
from clarion.cli.demo.devices import Reported
from clarion.cli.demo.results import Days, Listed
from clarion.results.model import Counts
from clarion.sending.model import SendState


class Books(Struct, frozen=True):
    """What a stub gateway counted by itself since the sends began."""

    delivered: int
    distinct: int
    doubles: int
    refused: dict[str, int]


class SendAccount(Struct, frozen=True, rename="camel"):
    """One application's send. `exact` and `agrees` must both be true: the sum against the frozen audience, and our
    deliveries against the gateway's own book (distinct delivery ids, no doubles)."""

    partner_id: str
    message_id: int
    send_id: int
    state: SendState
    audience: int
    counts: Counts
    reasons: dict[str, int]
    gateway: Books
    exact: bool
    agrees: bool


class Account(Struct, rename="camel", kw_only=True):
    """The whole. `seconds` from the first send call accepted to the last send closed; `rate` is notifications judged
    by a gateway, per second. Memory in bytes; `reported` and `listed` stand by partner id."""

    devices: int
    sends: list[SendAccount]
    seconds: float
    rate: float
    memory: Memory
    reported: dict[str, Reported] = {}
    listed: dict[str, Listed] = {}
    problems: list[str] = []


def of_sends(devices: int, ended: list[Ended], books: dict[str, Books], memory: Memory) -> Account:
    """The account of the sends; every figure that does not agree is named in `problems`."""
    sends = [_account(each, books[GATEWAY_OF[each.app.platform]]) for each in ended]
    seconds = (max(each.closed_at for each in ended) - min(each.created_at for each in ended)).total_seconds()
    judged = sum(each.handed_over for each in ended)
    account = Account(devices=devices, sends=sends, seconds=seconds, rate=judged / seconds, memory=memory)
    for send in sends:
        if not send.exact:
            account.problems.append(f"{send.partner_id}: {send.counts} do not add up to the audience {send.audience}")
        if not send.agrees:
            account.problems.append(f"{send.partner_id}: {send.counts} against the gateway's {send.gateway}")
        if send.state is not SendState.CLOSED:
            account.problems.append(f"{send.partner_id}: the send ended as {send.state.value}")
    return account


def _account(each: Ended, books: Books) -> SendAccount:
    delivered = each.counts.delivered
    return SendAccount(
        partner_id=each.app.partner_id,
        message_id=each.message_id,
        send_id=each.send_id,
        state=each.state,
        audience=each.audience,
        counts=each.counts,
        reasons=each.reasons,
        gateway=books,
        exact=each.exact,
        agrees=delivered == books.delivered == books.distinct and books.doubles == 0,
    )


def add_reports(
    account: Account, reported: dict[Platform, Reported], listed: dict[Platform, Listed], before: dict[Platform, Days]
) -> None:
    """Add what devices reported and what v1 lists of it; differences are named in `problems`."""
    by_platform = dict(zip(reported, account.sends, strict=True))
    for platform, own in reported.items():
        send, shown, earlier = by_platform[platform], listed[platform], before[platform]
        name = send.partner_id
        account.reported[name], account.listed[name] = own, shown
        targets = send.counts.delivered + send.counts.refused + send.counts.unknown
        for what, ours, theirs in (
            ("clicks listed", own.clicks, shown.clicks),
            ("clicks of the day", own.clicks, shown.days.clicks - earlier.clicks),
            ("targets listed", targets, shown.targets),
            ("pushes of the day", targets, shown.days.pushes - earlier.pushes),
            ("repeated reports taken for duplicates", own.repeated, own.duplicates),
            ("profiles made by registrations with a known token", 0, own.new_profiles),
        ):
            if ours != theirs:
                account.problems.append(f"{name}: {what}: {theirs:,} where {ours:,} are right")


def sums_table(account: Account) -> RenderableType:
    """The sums of the sends, the gateways' own books, and the equation that every send must fulfil."""
    names = Counts.__struct_fields__
    sends = account.sends
    rows: list[tuple[object, ...]] = [("audience", *(send.audience for send in sends))]
    rows += [(f"  {name}", *(getattr(send.counts, name) for send in sends)) for name in names]
    rows += [
        ("gateway: delivered", *(send.gateway.delivered for send in sends)),
        ("gateway: distinct ids", *(send.gateway.distinct for send in sends)),
        ("gateway: doubles", *(send.gateway.doubles for send in sends)),
    ]
    equations = [
        f"  {send.audience:,} = {' + '.join(f'{getattr(send.counts, name):,}' for name in names)}"
        f"   {'exact' if send.exact else 'NOT EXACT'}"
        for send in sends
    ]
    table = output.table("", *(send.partner_id for send in sends), rows=rows)
    return Group(table, "", f"audience = {' + '.join(names)}", *equations)


def pace(account: Account) -> str:
    """Speed and memory in one line."""
    judged = sum(send.counts.delivered + send.counts.refused for send in account.sends)
    memory = account.memory
    used = (
        f"; sender memory {memory.start / 1e6:.0f} MB before, {memory.peak / 1e6:.0f} MB at most, "
        f"{memory.end / 1e6:.0f} MB after"
        if memory.peak
        else ""
    )
    return f"{judged:,} notifications in {account.seconds:.1f} s: {account.rate:,.0f} a second{used}"


def reports_table(account: Account) -> RenderableType:
    """What devices reported, and what v1 lists of it."""
    reported, listed = list(account.reported.values()), list(account.listed.values())
    rows: list[tuple[object, ...]] = [
        ("devices that reported", *(own.devices for own in reported)),
        ("displays reported", *(own.displays for own in reported)),
        ("clicks reported", *(own.clicks for own in reported)),
        ("reports sent twice, counted once", *(own.duplicates for own in reported)),
        ("v1: clicks", *(shown.clicks for shown in listed)),
        ("v1: targets", *(shown.targets for shown in listed)),
        ("v1: pushes today, earlier runs too", *(shown.days.pushes for shown in listed)),
        ("v1: clicks today, earlier runs too", *(shown.days.clicks for shown in listed)),
    ]
    return output.table("", *account.reported, rows=rows)
