"""`clarion segments`: named audiences, given as predicates in their JSON form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import UNSET, Struct, UnsetType
from rich.progress import Progress as Bar

from clarion.apps import service as apps
from clarion.apps.model import Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.audience.model import Predicate, Segment
from clarion.audience.snapshot import service as counting
from clarion.base import clock
from clarion.base.errors import Finding, Invalid
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.content import uses
from clarion.db.pool import Database

app = typer.Typer(help="Named audiences.", no_args_is_help=True)

Where = Annotated[
    str,
    typer.Option("--where", metavar="PREDICATE_JSON", help="The predicate; @FILE reads it from a file."),
]

SegmentId = Annotated[int, typer.Argument(metavar="SEGMENT", min=1, max=2**63 - 1, help="Its number.")]


Exact = Annotated[
    bool, typer.Option("--exact", help="Count the devices themselves, also where there is a snapshot of them.")
]


class Shown(Struct, frozen=True, rename="camel"):
    """A segment as commands show it; `count` is the number of its devices, now or `as_of` when a snapshot gave it."""

    id: int
    name: str
    test: bool
    count: int
    where: Any
    as_of: datetime | UnsetType = UNSET


class Number(Struct, frozen=True, rename="camel"):
    """How many devices, now or `as_of` when a snapshot gave it."""

    count: int
    as_of: datetime | UnsetType = UNSET

    def __str__(self) -> str:
        if self.as_of is UNSET:
            return f"{self.count:,} devices"
        return f"{self.of_when('')} (--exact counts them now)"

    def of_when(self, now: str) -> str:
        """The number and of when it is, in the word given when it is of now."""
        when = now if self.as_of is UNSET else f"{max(0, round((clock.now() - self.as_of).total_seconds()))} s ago"
        return f"{self.count:,} devices {when}"


@app.command("create")
def create(
    partner_id: PartnerId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, once in an application.")],
    where: Where,
    test: Annotated[bool, typer.Option("--test", help="A segment for test sends only.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Create a segment; prints its id, which messages name, and the number of its devices.

    Conditions: {"column", "op", "value"} with eq ne lt lte gt gte in contains starts set unset within_days;
    {"list": ID}; {"event": {"kind", "days", "op", "count"}}; combined with "all", "any", "not".

    Example:

        clarion segments create shop-ios "French, active" --where
        '{"all": [{"column": "language", "op": "eq", "value": "fr"},
        {"column": "lastopen", "op": "within_days", "value": 30}]}'
    """
    document = _document(where)
    settings = installation(data_dir, database_url)
    made = output.run(_create(settings, partner_id, name, document, test, shown=not as_json))
    output.answer(made, _changed(made), as_json=as_json)


async def _create(
    settings: Settings, partner_id: str, name: str, document: object, test: bool, *, shown: bool
) -> Shown:
    async with changing(settings, "segments.create", f"{partner_id} {name}") as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        scheme = await apps.load_scheme(conn, app_id)
        made = await audience.create_segment(conn, app_id, scheme, name, document, test=test)
    # Counting may take long: the segment is kept first, and no transaction is open meanwhile.
    async with _counter(settings, exact=False, shown=shown) as counter:
        return await _counted(counter, app_id, scheme, made)


def _changed(segment: Shown) -> str:
    """What is said of a segment that was just kept."""
    holds = "holds" if segment.as_of is UNSET else "is kept and held"
    return f"Segment {segment.id} ({segment.name}) {holds} {Number(segment.count, segment.as_of).of_when('now')}."


async def _counted(counter: "_Counter", app_id: int, scheme: Scheme, segment: Segment) -> Shown:
    number = await counter.count(app_id, predicates.parse(segment.predicate, scheme), segment.name)
    return Shown(segment.id, segment.name, segment.test, number.count, segment.predicate, number.as_of)


class _Counter(Struct, frozen=True):
    """Counts as people count, with a bar where it takes long."""

    db: Database
    settings: Settings
    exact: bool
    bar: Bar

    async def count(self, app_id: int, predicate: Predicate, name: str) -> Number:
        task = self.bar.add_task(name, total=None, visible=False)

        async def watch(done: int, total: int) -> None:
            self.bar.update(task, completed=done, total=total, visible=done < total)

        counted = await counting.count(
            self.db,
            self.settings.snapshots,
            app_id,
            predicate,
            exact=self.exact,
            progress=None if self.bar.disable else watch,
        )
        return Number(counted.count, counted.as_of if counted.source == "snapshot" else UNSET)


@asynccontextmanager
async def _counter(settings: Settings, exact: bool, shown: bool) -> AsyncIterator[_Counter]:
    async with database(settings) as db:
        with output.progress(shown=shown) as bar:
            yield _Counter(db, settings, exact, bar)


@app.command("replace")
def replace(
    partner_id: PartnerId,
    segment: SegmentId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name from now on.")],
    where: Where,
    test: Annotated[bool, typer.Option("--test", help="A segment for test sends only.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Replace a segment; sends that have begun keep what it was.

    Example:

        clarion segments replace shop-ios 3 "French" --where '{"column": "language", "op": "starts", "value": "fr"}'
    """
    document = _document(where)
    settings = installation(data_dir, database_url)
    made = output.run(_replace(settings, partner_id, segment, name, document, test, shown=not as_json))
    output.answer(made, _changed(made), as_json=as_json)


async def _replace(
    settings: Settings, partner_id: str, segment_id: int, name: str, document: object, test: bool, *, shown: bool
) -> Shown:
    async with changing(settings, "segments.replace", f"{partner_id} {segment_id}") as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        scheme = await apps.load_scheme(conn, app_id)
        made = await audience.update_segment(conn, app_id, scheme, segment_id, name, document, test=test)
    async with _counter(settings, exact=False, shown=shown) as counter:
        return await _counted(counter, app_id, scheme, made)


@app.command("show")
def show(
    partner_id: PartnerId,
    segment: SegmentId,
    exact: Exact = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show one segment with the number of its devices.

    Example:

        clarion segments show shop-ios 3
    """
    found = output.run(_show(installation(data_dir, database_url), partner_id, segment, exact, shown=not as_json))
    test = ", for tests" if found.test else ""
    predicate = msgspec.json.format(msgspec.json.encode(found.where)).decode()
    output.answer(found, f"{found.name} ({Number(found.count, found.as_of)}{test})\n{predicate}", as_json=as_json)


async def _show(settings: Settings, partner_id: str, segment_id: int, exact: bool, *, shown: bool) -> Shown:
    async with _counter(settings, exact, shown) as counter:
        async with counter.db.connection() as conn:
            app_id = (await apps.get_app(conn, partner_id)).id
            scheme = await apps.load_scheme(conn, app_id)
            segment = await audience.get_segment(conn, app_id, segment_id)
        return await _counted(counter, app_id, scheme, segment)


@app.command("delete")
def delete(
    partner_id: PartnerId,
    segment: SegmentId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Delete a segment. Refused while something that can still be sent or shown names it.

    Example:

        clarion segments delete shop-ios 3
    """
    output.run(_delete(installation(data_dir, database_url), partner_id, segment))
    shown = {"partnerId": partner_id, "id": segment, "deleted": True}
    output.answer(shown, f"{partner_id} has no segment {segment} any more.", as_json=as_json)


async def _delete(settings: Settings, partner_id: str, segment_id: int) -> None:
    async with changing(settings, "segments.delete", f"{partner_id} {segment_id}") as conn:
        await uses.delete_segment(conn, (await apps.get_app(conn, partner_id)).id, segment_id)


@app.command("list")
def list_segments(
    partner_id: PartnerId,
    exact: Exact = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """List the segments of an application with the number of their devices.

    Example:

        clarion segments list shop-ios
    """
    found = output.run(_list(installation(data_dir, database_url), partner_id, exact, shown=not as_json))
    rows: list[tuple[object, ...]] = [
        (str(each.id), each.name, each.count, "test" if each.test else "", msgspec.json.encode(each.where).decode())
        for each in found
    ]
    human = output.table("id", "name", "devices", "", "where", rows=rows, empty="No segment yet.")
    output.answer(found, human, as_json=as_json)


async def _list(settings: Settings, partner_id: str, exact: bool, *, shown: bool) -> list[Shown]:
    async with _counter(settings, exact, shown) as counter:
        async with counter.db.connection() as conn:
            app_id = (await apps.get_app(conn, partner_id)).id
            scheme = await apps.load_scheme(conn, app_id)
            segments = await audience.segments(conn, app_id)
        return [await _counted(counter, app_id, scheme, segment) for segment in segments]


@app.command("count")
def count(
    partner_id: PartnerId,
    where: Where,
    exact: Exact = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Count the devices a predicate holds for, without keeping it.

    Large applications are counted over a snapshot of their devices, seconds old, which the answer then tells.

    Example:

        clarion segments count shop-ios --where '{"column": "countryCode", "op": "in", "value": ["FR", "BE"]}'
    """
    settings = installation(data_dir, database_url)
    number = output.run(_count(settings, partner_id, _document(where), exact, shown=not as_json))
    output.answer(number, str(number), as_json=as_json)


async def _count(settings: Settings, partner_id: str, document: object, exact: bool, *, shown: bool) -> Number:
    async with _counter(settings, exact, shown) as counter:
        async with counter.db.connection() as conn:
            app_id = (await apps.get_app(conn, partner_id)).id
            scheme = await apps.load_scheme(conn, app_id)
        return await counter.count(app_id, predicates.parse(document, scheme), "devices")


def _document(where: str) -> object:
    """The decoded predicate. Raises Invalid."""
    text = where
    if where.startswith("@"):
        try:
            text = Path(where[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid([Finding("", "unreadable_file", f"{where[1:]} cannot be read: {error}.")]) from None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        message = f'The predicate is not JSON ({error}). Example: {{"column": "language", "op": "eq", "value": "fr"}}'
        raise Invalid([Finding("", "not_json", message)]) from None
