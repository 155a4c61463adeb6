"""Writing profiles in sets: the one way in for every surface.

Two keys tell devices apart, UDID and push token, each unique in an application (v1 rule 70). A token that another
profile holds moves to the profile that is written, and no profile is ever re-keyed.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from clarion.apps.model import App, Column
from clarion.base.telemetry import get_logger
from clarion.db.retry import Overtaken
from clarion.db.sql import Conn
from clarion.devices.model import TOKEN, DeadToken, DeviceRecord, Value, device_id, token_digest
from clarion.devices.store import write
from clarion.devices.store.source import Source, from_records

log = get_logger(__name__)


async def upsert(conn: Conn, app: App, records: Sequence[DeviceRecord], *, known: bool = False) -> list[int | None]:
    """Write devices in sets; the id of each record, None where it was refused because another UDID has its id.

    Of records with the same UDID the later one wins, field by field; of records with the same token the last one has
    it. Values are typed and valid (`values.parse_value`). `known` devices were just found: none is made anew when it
    has been purged since. May be overtaken: run it through `retry.transact`.
    """
    merged: dict[str, DeviceRecord] = {}
    for record in records:
        before = merged.pop(record.udid, None)
        if before is not None:
            keys = record.keys if TOKEN in record.fields else record.keys or before.keys
            record = DeviceRecord(record.udid, {**before.fields, **record.fields}, keys)
        merged[record.udid] = record
    groups = _by_shape(_without_doubles(merged.values()))
    sources = [from_records(app.id, columns, group, keys=has_keys) for (columns, has_keys), group in groups.items()]
    refused = set(await write_sources(conn, app.id, sources, known=known))
    ids = [device_id(app.id, record.udid) for record in records]
    return [None if number in refused else number for number in ids]


async def write_sources(conn: Conn, app_id: int, sources: Sequence[Source], *, known: bool = False) -> list[int]:
    """The core of every write: upsert sources, and make their tokens their own. The ids refused, which are logged.

    One source without tokens to move locks its devices by writing them, in order. Otherwise all devices concerned are
    locked first, in order; and those who move tokens go one by one, so that they wait instead of meeting in a deadlock.
    Raises Overtaken when a token turns out to be held by a device that is not locked, or a `known` device is gone.
    """
    holders = await _holders(conn, app_id, sources)
    if holders:
        await write.lock_moves(conn, app_id)
        holders = await _holders(conn, app_id, sources)  # who waited finds others than before
    locked = write.Locked()
    if known or holders or len(sources) > 1:
        locked = await write.lock(conn, app_id, sources, holders)
    if known and locked.new:
        raise Overtaken
    refused: list[int] = []
    for source in sources:
        refused += await _write_source(conn, app_id, source, locked.ids)
    return refused


async def _holders(conn: Conn, app_id: int, sources: Sequence[Source]) -> list[int]:
    return [number for source in sources for number in await write.holders(conn, app_id, source)]


async def _write_source(conn: Conn, app_id: int, source: Source, locked: AbstractSet[int]) -> list[int]:
    refused: list[int] = []
    if await write.upsert(conn, app_id, source) < source.size:
        for number, udid in await write.collisions(conn, app_id, source):
            log.error("device_id_collision", app_id=app_id, device_id=number, refused_udid=udid)
            refused.append(number)
    if source.has_token:
        former = [held for held in await write.former_tokens(conn, app_id, source) if held[1] not in refused]
        if former:
            await write.delete_tokens(conn, app_id, [digest for digest, _ in former], [number for _, number in former])
        held = await write.claim_tokens(conn, app_id, source, refused)
        if any(token.holder not in locked for token in held):
            raise Overtaken
        if held:
            await write.move_tokens(conn, app_id, held)
    return refused


def _without_doubles(records: Iterable[DeviceRecord]) -> list[DeviceRecord]:
    """The records with every token left to the last that has it."""
    kept: list[DeviceRecord] = []
    seen: set[Value] = set()
    for record in reversed(list(records)):
        token = record.fields.get(TOKEN)
        if token is not None:
            if token in seen:
                record = DeviceRecord(record.udid, {**record.fields, TOKEN: None})
            seen.add(token)
        kept.append(record)
    return kept[::-1]


def _by_shape(records: Iterable[DeviceRecord]) -> dict[tuple[tuple[Column, ...], bool], list[DeviceRecord]]:
    """Records that write the same columns, together: one statement serves them all."""
    groups: dict[tuple[tuple[Column, ...], bool], list[DeviceRecord]] = {}
    for record in records:
        columns = tuple(sorted(record.fields, key=lambda column: column.sql))
        groups.setdefault((columns, record.keys is not None), []).append(record)
    return groups


async def switch_off(conn: Conn, app_id: int, dead: Sequence[DeadToken]) -> int:
    """Take dead tokens from the devices that still have them and count the refusal; how many.

    A token set after the gateway says it died is left alone. May fail with a deadlock, as `upsert`.
    """
    if not dead:
        return 0
    gone = set(
        await write.switch_off(
            conn, app_id, [d.device_id for d in dead], [d.token for d in dead], [d.since for d in dead]
        )
    )
    off = [token for token in dead if token.device_id in gone]
    await write.delete_tokens(conn, app_id, [token_digest(d.token) for d in off], [d.device_id for d in off])
    return len(gone)
