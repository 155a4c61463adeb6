"""Rules of audiences: what a segment may be called, what "everybody" means, how an audience is counted and read.

Static lists have a room of their own, `lists`.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

from clarion.apps.model import Column, Scheme
from clarion.audience import predicate as predicates
from clarion.audience import store
from clarion.audience.compile import (
    Condition,
    Conjunction,
    compile_memberships,
    compile_numbered,
    compile_predicate,
    compile_targets,
)
from clarion.audience.lists.service import create_list, find_lists
from clarion.audience.model import All, AnyOf, Compare, InList, Not, Predicate, Segment
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.db.pool import Database
from clarion.db.sql import Conn

__all__ = [
    "count",
    "create_list",
    "create_segment",
    "delete_segment",
    "find_lists",
    "get_segment",
    "list_values",
    "memberships",
    "met",
    "numbered_selection",
    "opted_in",
    "page_of_segments",
    "pieces",
    "read_predicate",
    "segments",
    "segments_on_column",
    "selection",
    "target",
    "targets_selection",
    "unknown_lists",
    "update_segment",
]

_FIRST = -(2**63)


def opted_in(scheme: Scheme) -> Predicate:
    """The opted-in base, which is the audience of a message without segment and list (v1 rules 43 and 84)."""
    document = {
        "all": [
            {"column": "system_optin_notifs", "op": "eq", "value": True},
            {"column": "token", "op": "set"},
            {"column": "feedback", "op": "eq", "value": 0},
        ]
    }
    return predicates.parse(document, scheme)


def target(scheme: Scheme, segments: Sequence[Segment], lists: Sequence[int]) -> Predicate:
    """Who is in one of the segments or on one of the lists; the opted-in base when neither is given."""
    if not segments and not lists:
        return opted_in(scheme)
    parts = [predicates.parse(segment.predicate, scheme) for segment in segments]
    parts += [InList(list_id) for list_id in lists]
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def selection(app_id: int, predicate: Predicate) -> Condition:
    """`SELECT d.id` of the devices of an audience, for use as a subquery; ids come unordered."""
    return store.selection(app_id, compile_predicate(app_id, predicate))


def numbered_selection(app_id: int, parts: Sequence[Predicate]) -> Condition:
    """As `selection`, of the devices in any part, each with the number of the first part it is in."""
    return compile_numbered(app_id, parts)


def targets_selection(app_id: int, targets: Sequence[Conjunction]) -> Condition:
    """`SELECT id, no` of the devices of each target by its number; a device once for each target it is in."""
    return compile_targets(app_id, targets)


async def list_values(
    conn: Conn, app_id: int, list_ids: Sequence[int], device_ids: Sequence[int], fields: Collection[str], at: datetime
) -> dict[int, dict[str, Any]]:
    """By device, the personalisation values it has in static lists of which it was a member at `at` (v1 rule 45).

    `fields` are exact names, without `a4p_`. Of several lists the first in `list_ids` that has a value gives it.
    """
    found: dict[int, dict[str, Any]] = {}
    place = {list_id: number for number, list_id in reversed(list(enumerate(list_ids)))}
    members = await store.list_values(conn, app_id, list_ids, device_ids, at)
    for device_id, _, data in sorted(members, key=lambda member: place[member[1]]):
        values = found.setdefault(device_id, {})
        for field in fields:
            if data.get(field) is not None:
                values.setdefault(field, data[field])
    return found


async def count(conn: Conn, app_id: int, predicate: Predicate) -> int:
    """How many devices are in the audience now."""
    return await store.count(conn, app_id, compile_predicate(app_id, predicate))


def memberships(app_id: int, predicates: Sequence[Predicate]) -> Condition:
    """What `met` asks of a device: which of these predicates it meets. Worth keeping for many devices."""
    return compile_memberships(app_id, predicates)


async def met(conn: Conn, app_id: int, memberships: Condition, device_id: int) -> list[bool] | None:
    """Which of the predicates one device meets, in their order; None when the application has no such device."""
    return await store.met(conn, app_id, memberships, device_id)


async def pieces(db: Database, app_id: int, predicate: Predicate, *, size: int = 10_000) -> AsyncIterator[list[int]]:
    """The device ids of an audience, ascending, in lists of at most `size`, each read in a statement of its own:
    no snapshot is held open between them."""
    condition = compile_predicate(app_id, predicate)
    after = _FIRST
    while True:
        async with db.connection() as conn:
            ids = await store.piece(conn, app_id, condition, after, size)
        if ids:
            yield ids
            after = ids[-1]
        if len(ids) < size:
            return


async def create_segment(
    conn: Conn, app_id: int, scheme: Scheme, name: str, document: object, *, test: bool = False
) -> Segment:
    """Keep a predicate under a name that no other segment of the application has (without case).

    Raises Invalid with pointers into the tree, or Conflict (code `segment_name_taken`) when the name is taken.
    """
    kept = await _checked(conn, app_id, scheme, name, document)
    segment_id = await store.insert_segment(conn, app_id, name, kept, test)
    if segment_id is None:
        raise _name_taken(name)
    return Segment(segment_id, name, kept, test)


async def update_segment(
    conn: Conn, app_id: int, scheme: Scheme, segment_id: int, name: str, document: object, *, test: bool = False
) -> Segment:
    """Replace a segment; sends that have begun keep what it was. Raises NotFound, and as `create_segment` does."""
    await get_segment(conn, app_id, segment_id)
    kept = await _checked(conn, app_id, scheme, name, document)
    if not await store.update_segment(conn, app_id, segment_id, name, kept, test):
        raise _name_taken(name)
    return Segment(segment_id, name, kept, test)


async def get_segment(conn: Conn, app_id: int, segment_id: int) -> Segment:
    """One segment. Raises NotFound."""
    found = await store.segments(conn, app_id, [segment_id])
    if not found:
        raise NotFound(f"This application has no segment {segment_id}.")
    return found[0]


async def delete_segment(conn: Conn, app_id: int, segment_id: int) -> None:
    """Delete a segment, whoever names it: `content.uses` asks that first. Raises NotFound."""
    if not await store.delete_segment(conn, app_id, segment_id):
        raise NotFound(f"This application has no segment {segment_id}.")


async def page_of_segments(conn: Conn, app_id: int, after: int | None, limit: int) -> list[Segment]:
    """Segments by ascending id, from above `after` on."""
    return await store.page_of_segments(conn, app_id, after, limit)


async def segments_on_column(conn: Conn, app_id: int, scheme: Scheme, name: str) -> list[Segment]:
    """The segments whose predicate looks at the column of this name."""
    column = scheme.find(name)
    return [
        segment
        for segment in await store.segments(conn, app_id, None)
        if column is not None and column in _columns_in(segment.predicate, scheme)
    ]


async def segments(conn: Conn, app_id: int, ids: Sequence[int] | None = None) -> list[Segment]:
    """The segments with these ids (those that exist), or all, by ascending id."""
    return await store.segments(conn, app_id, ids)


async def unknown_lists(conn: Conn, app_id: int, predicate: Predicate) -> list[int]:
    """The list ids a predicate names that the application does not have."""
    named = _lists_of(predicate)
    known = {found.id for found in await find_lists(conn, app_id, list_ids=sorted(named))}
    return sorted(named - known)


async def read_predicate(conn: Conn, app_id: int, scheme: Scheme, document: object) -> Predicate:
    """The predicate that a document says, all of whose lists exist. Raises Invalid with pointers into the tree."""
    parsed = predicates.parse(document, scheme)
    unknown = await unknown_lists(conn, app_id, parsed)
    if unknown:
        text = ", ".join(str(list_id) for list_id in unknown)
        raise Invalid([Finding("", "unknown_list", f"This application has no static list {text}.")])
    return parsed


async def _checked(conn: Conn, app_id: int, scheme: Scheme, name: str, document: object) -> Any:
    """The JSON form of a predicate that may be kept under this name. Raises Invalid."""
    if not name.strip() or len(name) > 255 or not name.isprintable():
        raise Invalid([Finding("/name", "wrong_value", "A segment's name has 1 to 255 printable characters.")])
    return predicates.dump(await read_predicate(conn, app_id, scheme, document))


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"The application has a segment called {name} already.", "Choose another name.", code="segment_name_taken"
    )


def _columns_in(document: Any, scheme: Scheme) -> set[Column]:
    try:
        return _columns_of(predicates.parse(document, scheme))
    except Invalid:  # it names a column that is gone: it looks at nothing any more
        return set()


def _columns_of(predicate: Predicate) -> set[Column]:
    match predicate:
        case Compare(column):
            return {column}
        case All(parts) | AnyOf(parts):
            return set().union(*(_columns_of(part) for part in parts))
        case Not(part):
            return _columns_of(part)
        case _:
            return set()


def _lists_of(predicate: Predicate) -> set[int]:
    match predicate:
        case InList(list_id):
            return {list_id}
        case All(parts) | AnyOf(parts):
            return set().union(*(_lists_of(part) for part in parts))
        case Not(part):
            return _lists_of(part)
        case _:
            return set()
