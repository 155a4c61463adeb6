"""The rules of static lists: making and finding them, queueing changes to them, reading who is on them.

Changes are queued: what is acknowledged is durable, and `worker` applies it (v1 rule 72). Whoever writes members
directly does it through `moving`, which keeps writers of one list apart and its counts right.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from clarion.audience.lists import sizes
from clarion.audience.lists.model import Batch, ListState, Member, StaticList
from clarion.audience.lists.store import changes, lists, members
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.db.sql import Conn
from clarion.queue import put

TEND = "lists.tend"
"""The job that applies waiting changes to one list and deletes members whose time is over."""

EXPIRED_AT_ONCE = 10_000

Move = Callable[[Conn], Awaitable[Mapping[int, int]]]


async def create_list(
    conn: Conn, app_id: int, name: str, external_id: str | None = None, list_id: int | None = None
) -> StaticList:
    """A new, empty static list; its number is generated unless given (v1 rule 73).

    Raises Invalid, codes `list_id_taken` and `list_external_id_taken`. Generated numbers go over those that are taken.
    """
    while (made := await lists.insert(conn, app_id, list_id, name, external_id, sizes.EMPTY)) is None:
        findings = await _taken(conn, app_id, list_id, external_id)
        if findings:
            raise Invalid(findings)
    return StaticList(made, name, external_id)


async def _taken(conn: Conn, app_id: int, list_id: int | None, external_id: str | None) -> list[Finding]:
    """What a new list cannot have; nothing when only a generated number met one that was chosen."""
    ids = [] if list_id is None else [list_id]
    findings = []
    for found in await lists.find(conn, app_id, ids, [] if external_id is None else [external_id]):
        if found.id == list_id:
            findings.append(Finding("/id", "list_id_taken", f"the application has a list {list_id} already"))
        if external_id is not None and found.external_id == external_id:
            message = f"{external_id!r} is the external id of another list"
            findings.append(Finding("/external_id", "list_external_id_taken", message))
    return findings


async def find_lists(
    conn: Conn, app_id: int, *, list_ids: Sequence[int] = (), external_ids: Sequence[str] = ()
) -> list[StaticList]:
    """The static lists with these numbers or external ids (those that exist), by ascending number."""
    return await lists.find(conn, app_id, list_ids, external_ids)


async def get_list(conn: Conn, app_id: int, list_id: int) -> StaticList:
    """The list with this number. Raises NotFound."""
    found = await lists.find(conn, app_id, [list_id])
    if not found:
        raise NotFound(f"The application has no static list {list_id}.")
    return found[0]


async def list_lists(conn: Conn, app_id: int, limit: int, offset: int) -> list[StaticList]:
    """The application's lists by ascending number (v1 rule 33)."""
    return await lists.page(conn, app_id, limit, offset)


async def lists_after(conn: Conn, app_id: int, list_id: int | None, limit: int) -> list[StaticList]:
    """The application's lists by ascending number, from above `list_id` on."""
    return await lists.after(conn, app_id, list_id, limit)


async def members_of(conn: Conn, app_id: int, list_id: int, limit: int, offset: int) -> list[Member]:
    """Some of the members of a list, in the order of their ids; nobody when there is no such list (v1 rule 75).

    Counts by part of the id space tell where a page begins. They hold members whose time is over until these are
    deleted, moments later; meanwhile the place is found by counting.
    """
    size = await lists.size(conn, app_id, list_id)
    if size is None or offset >= size.members:
        return []
    first, skip = sizes.LOWEST, offset
    if not await members.has_expired(conn, app_id, list_id):
        first, skip = sizes.locate(size.counts, offset)
    return await _read_on(conn, app_id, list_id, first, limit, skip)


async def _read_on(conn: Conn, app_id: int, list_id: int, first: int, limit: int, skip: int) -> list[Member]:
    """Up to `limit` members from `first` on; those whose device is gone are passed over, so that a page is full as long
    as there are more."""
    found: list[Member] = []
    while True:
        wanted = limit - len(found)
        places = await members.page(conn, app_id, list_id, first, wanted, skip)
        found += [Member(each.udid, each.expires_at, each.data) for each in places if each.udid is not None]
        if len(found) == limit or len(places) < wanted or places[-1].device_id == sizes.HIGHEST:
            return found
        first, skip = places[-1].device_id + 1, 0


async def state(conn: Conn, app_id: int, list_id: int) -> ListState:
    """How a list stands now. Looks at all of its members."""
    present, expiring = await members.census(conn, app_id, list_id)
    return ListState(present, expiring, await changes.waiting(conn, app_id, list_id))


async def queue_changes(conn: Conn, app_id: int, list_id: int, batches: Sequence[Batch], *, remove: bool) -> None:
    """Queue entries (`entries.batches`) to be put on a list, or taken off it, after everything queued before.

    Raises NotFound when the application has no such list.
    """
    await get_list(conn, app_id, list_id)
    if batches:
        await changes.add(conn, app_id, list_id, batches, remove=remove)
        await put(conn, TEND, {"app": app_id, "list": list_id}, key=tend_key(app_id, list_id))


def tend_key(app_id: int, list_id: int) -> str:
    """The key of a list's job: one of them waits or runs at a time."""
    return f"{TEND}:{app_id}:{list_id}"


async def moving(conn: Conn, app_id: int, list_id: int, move: Move) -> int | None:
    """Run `move`, which writes members of a list and returns how many came (or went) by part, alone on this list until
    the transaction ends, and count them. How many came and went; None, without running it, when there is no such list.
    """
    counts = await lists.lock_size(conn, app_id, list_id)
    if counts is None:
        return None
    deltas = await move(conn)
    if deltas:
        counts, sum_of_all = sizes.changed(counts, deltas)
        await lists.set_size(conn, app_id, list_id, sum_of_all, counts)
    return sum(map(abs, deltas.values()))


async def expire(conn: Conn, app_id: int, list_id: int) -> Mapping[int, int]:
    """A `move`: delete up to 10,000 members whose time is over."""
    return await members.expire(conn, app_id, list_id, EXPIRED_AT_ONCE)


async def forget_devices(conn: Conn, app_id: int, ids: Sequence[int]) -> None:
    """Take devices off all lists, in the transaction that deletes them. May be overtaken: run through
    `retry.transact`."""

    for list_id in await members.lists_of(conn, app_id, ids):

        async def forget(conn: Conn, list_id: int = list_id) -> Mapping[int, int]:
            return await members.forget(conn, app_id, list_id, ids)

        await moving(conn, app_id, list_id, forget)
