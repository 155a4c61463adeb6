"""Rules of audiences: what a segment may be called, what "everybody" means, how an audience is counted and read."""

from collections.abc import AsyncIterator, Sequence

from clarion.apps.model import Scheme
from clarion.audience import predicate as predicates
from clarion.audience import store
from clarion.audience.compile import Condition, compile_predicate
from clarion.audience.model import All, AnyOf, InList, Not, Predicate, Segment, StaticList
from clarion.base.errors import Conflict, Finding, Invalid
from clarion.db.pool import Database
from clarion.db.sql import Conn

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


async def count(conn: Conn, app_id: int, predicate: Predicate) -> int:
    """How many devices are in the audience now."""
    return await store.count(conn, app_id, compile_predicate(app_id, predicate))


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

    Raises Invalid with pointers into the tree, or Conflict when the name is taken.
    """
    if not name.strip() or len(name) > 255 or not name.isprintable():
        raise Invalid([Finding("/name", "wrong_value", "A segment's name has 1 to 255 printable characters.")])
    parsed = predicates.parse(document, scheme)
    unknown = await unknown_lists(conn, app_id, parsed)
    if unknown:
        text = ", ".join(str(list_id) for list_id in unknown)
        raise Invalid([Finding("", "unknown_list", f"This application has no static list {text}.")])
    kept = predicates.dump(parsed)
    segment_id = await store.insert_segment(conn, app_id, name, kept, test)
    if segment_id is None:
        raise Conflict(f"The application has a segment called {name} already.", "Choose another name.")
    return Segment(segment_id, name, kept, test)


async def segments(conn: Conn, app_id: int, ids: Sequence[int] | None = None) -> list[Segment]:
    """The segments with these ids (those that exist), or all, by ascending id."""
    return await store.segments(conn, app_id, ids)


async def create_list(conn: Conn, app_id: int, name: str, external_id: str | None = None) -> StaticList:
    """A new, empty static list."""
    return StaticList(await store.insert_list(conn, app_id, name, external_id), name, external_id)


async def find_lists(
    conn: Conn, app_id: int, *, list_ids: Sequence[int] = (), external_ids: Sequence[str] = ()
) -> list[StaticList]:
    """The static lists with these numbers or external ids (those that exist), by ascending number."""
    return await store.static_lists(conn, app_id, list_ids, external_ids)


async def unknown_lists(conn: Conn, app_id: int, predicate: Predicate) -> list[int]:
    """The list ids a predicate names that the application does not have."""
    named = _lists_of(predicate)
    known = {found.id for found in await store.static_lists(conn, app_id, sorted(named))}
    return sorted(named - known)


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
