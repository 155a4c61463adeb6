"""The rules of devices: writing profiles, who a device is, finding one, and what senders need.

Two keys tell devices apart, UDID and push token, each unique in an application (v1 rule 70). A token that another
profile holds moves to the profile that is written, and no profile is ever re-keyed.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from clarion.apps.model import App, Column, Scheme
from clarion.base import secrets
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.base.telemetry import get_logger
from clarion.db.sql import Conn
from clarion.devices.model import (
    EVER,
    TOKEN,
    UDID,
    DeadToken,
    DeviceRecord,
    Part,
    Period,
    Registered,
    Registration,
    SendRow,
    Value,
    device_id,
    token_digest,
)
from clarion.devices.store import export, identity, read, write
from clarion.devices.store.source import Source, from_records
from clarion.devices.values import parse_udid, parse_value, wire_value

log = get_logger(__name__)

EXPORT_PART = 10_000

Wire = str | int | float | bool | None

_NO_DEVICE = "The application has no device with this UDID."
_ALL_BITS = 2**64 - 1
_DEVICE_OF_SECRET = re.compile(r"[0-9a-f]{16}")


async def upsert(conn: Conn, app: App, records: Sequence[DeviceRecord]) -> list[int | None]:
    """Write devices in sets; the id of each record, None where it was refused because another UDID has its id.

    Of records with the same UDID the later one wins, field by field; of records with the same token the last one has
    it. Values are typed and valid (`values.parse_value`). May fail with a deadlock: run it through `retry.transact`.
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
    refused = set(await write_sources(conn, app.id, sources))
    ids = [device_id(app.id, record.udid) for record in records]
    return [None if number in refused else number for number in ids]


async def write_sources(conn: Conn, app_id: int, sources: Sequence[Source]) -> list[int]:
    """The core of every write: upsert sources, and make their tokens their own. The ids refused, which are logged.

    One source without tokens to move locks its devices by writing them, in order. Otherwise all devices concerned are
    locked first, in order; and those who move tokens go one by one, so that they wait instead of meeting in a deadlock.
    """
    holders = await _holders(conn, app_id, sources)
    if holders:
        await write.lock_moves(conn, app_id)
        holders = await _holders(conn, app_id, sources)  # who waited finds others than before
    if holders or len(sources) > 1:
        await write.lock(conn, app_id, sources, holders)
    refused: list[int] = []
    for source in sources:
        refused += await _write_source(conn, app_id, source)
    return refused


async def _holders(conn: Conn, app_id: int, sources: Sequence[Source]) -> list[int]:
    return [number for source in sources for number in await write.holders(conn, app_id, source)]


async def _write_source(conn: Conn, app_id: int, source: Source) -> list[int]:
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


async def register(conn: Conn, app: App, wanted: Registration) -> Registered:
    """Give a device its identity (v1 rule 70): the profile it proves to be, else a new one under a UDID made here.

    An application's key is public, so a UDID alone proves nothing once a profile has a secret. Proof is the profile's
    current secret, or the push token it holds; a profile that never had a secret (imported) goes by its UDID once.
    A UDID without proof, and one that nobody has, is answered with another one. A presented secret that holds is kept,
    so that a lost answer locks nobody out; any other proof replaces it.
    """
    if wanted.udid is not None and not _is_udid(wanted.udid):
        wanted = structs.replace(wanted, udid=None)
    await identity.lock_registrations(conn, app.id, wanted.udid, wanted.token)
    found = await _proven(conn, app.id, wanted)
    udid = found.udid if found else str(uuid.uuid4()).upper()
    record = DeviceRecord(udid, wanted.fields)
    if wanted.token is not None:
        record = DeviceRecord(udid, {**wanted.fields, TOKEN: wanted.token}, wanted.keys)
    [number] = await upsert(conn, app, [record])
    if number is None:
        raise RuntimeError(f"The fresh UDID {udid} has the id of another device.")
    if found and wanted.secret and _opens(found, wanted.secret):
        return Registered(number, udid, wanted.secret, created=False)
    secret = f"{number & _ALL_BITS:016x}.{secrets.new_token()}"
    await identity.set_secret(conn, app.id, number, secrets.digest(secret))
    return Registered(number, udid, secret, created=found is None)


async def _proven(conn: Conn, app_id: int, wanted: Registration) -> identity.Identity | None:
    """The profile that a registration proves to be."""
    by_udid = await identity.by_udid(conn, app_id, wanted.udid) if wanted.udid else None
    if by_udid and (by_udid.secret_digest is None or (wanted.secret and _opens(by_udid, wanted.secret))):
        return by_udid
    return await identity.by_token(conn, app_id, wanted.token) if wanted.token is not None else None


def _opens(profile: identity.Identity, secret: str) -> bool:
    expected = profile.secret_digest
    return expected is not None and secret.isascii() and secrets.same(expected, secrets.digest(secret))


async def authenticate(conn: Conn, app_id: int, secret: str) -> int | None:
    """The device whose secret this is, None when it is nobody's. The secret names its device: no index is needed."""
    named, dot, _ = secret.partition(".")
    if not dot or not _DEVICE_OF_SECRET.fullmatch(named) or not secret.isascii():
        return None
    number = int(named, 16)
    number -= (number >> 63) << 64
    expected = await identity.secret_digest(conn, app_id, number)
    return number if expected is not None and secrets.same(expected, secrets.digest(secret)) else None


def parse_fields(scheme: Scheme, fields: Mapping[str, object]) -> tuple[dict[Column, Value], list[Finding]]:
    """Named values as typed columns, and all that is wrong with them.

    Codes of findings: `unknown_column`, `read_only` (UDID and id), `repeated` (names that differ in case only),
    `wrong_value`. Names are found without case (v1 rule 69).
    """
    parsed: dict[Column, Value] = {}
    findings: list[Finding] = []
    for name, given in fields.items():
        pointer = "/" + _shown(name).replace("~", "~0").replace("/", "~1")
        column = scheme.find(name)
        if column is None:
            findings.append(Finding(pointer, "unknown_column", f"`{_shown(name)}` is no field of this application."))
        elif not column.writable:
            findings.append(Finding(pointer, "read_only", f"`{_shown(name)}` cannot be written."))
        elif column in parsed:
            findings.append(Finding(pointer, "repeated", f"`{_shown(name)}` is given twice."))
        else:
            try:
                parsed[column] = parse_value(column, given)
            except ValueError as error:
                parsed[column] = None
                findings.append(Finding(pointer, "wrong_value", str(error)))
    return parsed, findings


def _shown(name: str) -> str:
    """A caller's name for a field, fit to be shown: cut short, and without what cannot be encoded."""
    return name[:100].encode(errors="replace").decode()


async def update_one(conn: Conn, app: App, scheme: Scheme, udid: str, fields: Mapping[str, object]) -> bool:
    """Write fields of one device (v1 rule 67); False when there is nothing to write.

    Raises NotFound for an unknown device; Invalid with the findings of `parse_fields`, to which an unknown device adds
    one of code `unknown_device`. May fail with a deadlock: run it through `retry.transact`.
    """
    parsed, findings = parse_fields(scheme, fields)
    known = _is_udid(udid) and await read.exists(conn, app.id, udid)
    if findings:
        missing = [] if known else [Finding("", "unknown_device", _NO_DEVICE)]
        raise Invalid(findings + missing)
    if not known:
        raise NotFound(_NO_DEVICE)
    if parsed:
        await upsert(conn, app, [DeviceRecord(udid, parsed)])
    return bool(parsed)


def _is_udid(text: str) -> bool:
    """Whether a device can have this UDID; what cannot be stored is nobody's."""
    try:
        parse_udid(text)
    except ValueError:
        return False
    return True


async def find_first(conn: Conn, app_id: int, scheme: Scheme, filters: Mapping[str, str]) -> dict[str, Wire] | None:
    """The first device, by id, that matches every filter on an indexed column; its fields as the wire shows them.

    Raises Invalid: code `no_filter`, `not_indexed` (unknown columns too), `wrong_value` (v1 rule 66).
    """
    findings = [] if filters else [Finding("", "no_filter", "At least one filter on an indexed field is needed.")]
    wanted: list[tuple[Column, Value]] = []
    for name, given in filters.items():
        column = scheme.find(name)
        if column is None or not column.indexed:
            findings.append(Finding("/" + _shown(name), "not_indexed", f"`{_shown(name)}` is not an indexed field."))
            continue
        try:
            wanted.append((column, parse_value(column, given)))
        except ValueError as error:
            findings.append(Finding("/" + _shown(name), "wrong_value", str(error)))
    if findings:
        raise Invalid(findings)
    if any(value is None for _, value in wanted):
        return None  # a filter on nothing matches nobody
    found = await read.first(conn, app_id, scheme.columns, wanted)
    return None if found is None else _wire(scheme.columns, found)


def _wire(columns: Sequence[Column], values: Sequence[Value]) -> dict[str, Wire]:
    return {column.name: wire_value(column, value) for column, value in zip(columns, values, strict=True)}


async def for_sending(conn: Conn, app_id: int, ids: Sequence[int], columns: Sequence[Column]) -> list[SendRow]:
    """What a sender needs of these devices, in one query, by ascending id; those that are gone are left out.

    `values` are typed, in the order of `columns`; texts show them through `values.wire_value`.
    """
    found = await read.for_sending(conn, app_id, ids, columns)
    return [
        SendRow(number, udid, token, p256dh, auth, language, opted_in, feedback, tuple(values))
        for number, udid, token, p256dh, auth, language, opted_in, feedback, *values in found
    ]


async def columns_of(
    conn: Conn, app_id: int, ids: Sequence[int], columns: Sequence[Column]
) -> dict[int, dict[str, Wire]]:
    """These columns of these devices as the wire shows them, by device id."""
    found = await read.by_ids(conn, app_id, ids, columns)
    return {row[0]: _wire(columns, row[1:]) for row in found}


async def udids_of(conn: Conn, app_id: int, ids: Sequence[int]) -> dict[int, str]:
    """The UDIDs of these devices, by device id."""
    return dict(await read.by_ids(conn, app_id, ids, [UDID]))


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


async def export_part(
    conn: Conn,
    app_id: int,
    columns: Sequence[Column],
    period: Period = EVER,
    *,
    after: int | None = None,
    page: int = 1,
    size: int = EXPORT_PART,
) -> Part:
    """One part of the device base as CSV lines that end in CR LF, by ascending id (v1 rule 64).

    Parts follow each other by the id they end with (`after`), which costs the same for the last as for the first and
    neither skips nor repeats a device while others come and go. `page` counts parts from the place `after` names.
    """
    found = await export.lines(conn, app_id, columns, period, after, (page - 1) * size, size + 1)
    more = len(found) > size
    part = found[:size]
    text = "".join([f"{line}\r\n" for _, line in part])
    return Part(text, len(part), part[-1][0] if more else None)
