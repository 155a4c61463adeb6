"""Segments: predicates kept under a name, and how many devices are in them.

A count that takes longer than a moment is answered with its address (202), and looked at there.
"""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from msgspec import Struct, convert

from clarion.api.admin.call import Call, created, empty_answer, json_answer
from clarion.api.admin.errors import placed
from clarion.api.admin.pages import answer_page
from clarion.api.exchange import Response
from clarion.apps import service as apps
from clarion.apps.model import Scheme
from clarion.audience import service as audience
from clarion.audience.long_counts import service as long_counts
from clarion.audience.long_counts.model import LongCount
from clarion.audience.model import Segment
from clarion.content import uses
from clarion.db.retry import transact
from clarion.db.sql import Conn


class _Segment(Struct):
    id: int
    name: str
    test: bool
    where: Any


class _Count(Struct, rename="camel"):
    count: int
    source: str
    as_of: datetime


class _LongCount(Struct):
    id: int
    state: str
    progress: float
    result: _Count | None
    reason: str | None


class _Draft(Struct):
    name: str
    where: dict[str, Any]
    test: bool = False


async def list_segments(call: Call) -> Response:
    """Segments, by id."""
    async with call.services.db.connection() as conn:
        read = partial(audience.page_of_segments, conn, call.app.id)
        return await answer_page(call, int, read, lambda segment: segment.id, _written)


async def create_segment(call: Call) -> Response:
    """Keep a predicate under a name."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> Segment:
        scheme = await _scheme(conn, call, wire.where)
        return await audience.create_segment(conn, call.app.id, scheme, wire.name, wire.where, test=wire.test)

    made = await transact(call.services.db, work)
    return created(call, _written(made), str(made.id))


async def preview_segment(call: Call) -> Response:
    """How many devices a predicate holds for, without keeping it."""
    where: dict[str, Any] = call.body["where"]
    async with call.services.db.connection() as conn:
        scheme = await _scheme(conn, call, where)
    return await _counted(call, where, scheme)


async def get_segment(call: Call) -> Response:
    """One segment."""
    async with call.services.db.connection() as conn:
        return json_answer(_written(await audience.get_segment(conn, call.app.id, call.path["segmentId"])))


async def replace_segment(call: Call) -> Response:
    """Another name, predicate and use."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> Segment:
        segment = await audience.get_segment(conn, call.app.id, call.path["segmentId"])
        scheme = await _scheme(conn, call, wire.where)
        return await audience.update_segment(
            conn, call.app.id, scheme, segment.id, wire.name, wire.where, test=wire.test
        )

    return json_answer(_written(await transact(call.services.db, work)))


async def delete_segment(call: Call) -> Response:
    """Delete a segment that nothing still to be sent names."""

    async def work(conn: Conn) -> None:
        await uses.delete_segment(conn, call.app.id, call.path["segmentId"])

    await transact(call.services.db, work)
    return empty_answer()


async def count_segment(call: Call) -> Response:
    """How many devices are in a segment now."""
    async with call.services.db.connection() as conn:
        segment = await audience.get_segment(conn, call.app.id, call.path["segmentId"])
        scheme = await apps.load_scheme(conn, call.app.id)
    return await _counted(call, segment.predicate, scheme)


async def get_count(call: Call) -> Response:
    """How far a long count is, or its number."""
    async with call.services.db.connection() as conn:
        return json_answer(_stands(await long_counts.look(conn, call.app.id, call.path["countId"])))


async def cancel_count(call: Call) -> Response:
    """Give a long count up."""

    async def work(conn: Conn) -> None:
        await long_counts.cancel(conn, call.app.id, call.path["countId"])

    await transact(call.services.db, work)
    return empty_answer()


async def _scheme(conn: Conn, call: Call, where: dict[str, Any]) -> Scheme:
    """The scheme against which a predicate of a body reads. Raises Invalid about `/where`."""
    scheme = await apps.load_scheme(conn, call.app.id)
    with placed("/where"):
        await audience.read_predicate(conn, call.app.id, scheme, where)
    return scheme


async def _counted(call: Call, where: Any, scheme: Scheme) -> Response:
    settings = call.services.settings
    counted = await long_counts.count(
        call.services.db,
        settings.snapshots,
        call.app.id,
        scheme,
        where,
        exact=call.query.get("exact", False),
        within=settings.count_within,
    )
    if not isinstance(counted, int):
        return json_answer(_Count(counted.count, counted.source, counted.as_of))
    address = f"{call.base_url}/admin/apps/{quote(call.app.partner_id, safe='')}/counts/{counted}"
    begun = _stands(LongCount(counted, 0.0, None, None, None))
    return json_answer(begun, 202, ("Location", address), ("Retry-After", "1"))


def _stands(found: LongCount) -> _LongCount:
    if found.count is not None and found.as_of is not None:
        return _LongCount(found.id, "done", 1.0, _Count(found.count, "sql", found.as_of), None)
    return _LongCount(found.id, "failed" if found.reason else "counting", found.progress, None, found.reason)


def _written(segment: Segment) -> _Segment:
    return _Segment(segment.id, segment.name, segment.test, segment.predicate)
