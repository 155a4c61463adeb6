"""The rules of devices as the rest of the house uses them: finding, updating, reading for senders, exporting.

Writing profiles in sets is `writing`'s, updates of several groups are `group_update`'s, identities `registration`'s;
whole files are `transfer`'s, and `purging` takes away profiles that nobody uses.
"""

from collections.abc import Mapping, Sequence

from clarion.apps.model import App, Column, Scheme
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.db.sql import Conn
from clarion.devices.fields import parse_fields, pointer_to, shown
from clarion.devices.group_update import GroupEntry, shared_keys, update_group
from clarion.devices.model import EVER, UDID, DeviceRecord, OpeningPeriod, Part, SendRow, Standing, Value
from clarion.devices.registration import authenticate, register
from clarion.devices.store import export, read
from clarion.devices.values import is_udid, parse_value, wire_value
from clarion.devices.writing import switch_off, upsert

__all__ = [
    "EXPORT_PART",
    "GroupEntry",
    "Wire",
    "authenticate",
    "columns_of",
    "export_part",
    "find_first",
    "for_sending",
    "parse_fields",
    "register",
    "shared_keys",
    "standing",
    "switch_off",
    "udids_of",
    "update_group",
    "update_one",
    "upsert",
]

EXPORT_PART = 10_000

Wire = str | int | float | bool | None

_NO_DEVICE = "The application has no device with this UDID."


async def update_one(conn: Conn, app: App, scheme: Scheme, udid: str, fields: Mapping[str, object]) -> bool:
    """Write fields of one device (v1 rule 67); False when there is nothing to write.

    Raises NotFound for an unknown device; Invalid with the findings of `parse_fields`, to which an unknown device adds
    one of code `unknown_device`. May be overtaken: run it through `retry.transact`.
    """
    parsed, findings = parse_fields(scheme, fields)
    known = is_udid(udid) and await read.exists(conn, app.id, udid)
    if findings:
        missing = [] if known else [Finding("", "unknown_device", _NO_DEVICE)]
        raise Invalid(findings + missing)
    if not known:
        raise NotFound(_NO_DEVICE)
    if parsed:
        await upsert(conn, app, [DeviceRecord(udid, parsed)], known=True)
    return bool(parsed)


async def find_first(conn: Conn, app_id: int, scheme: Scheme, filters: Mapping[str, str]) -> dict[str, Wire] | None:
    """The first device, by id, that matches every filter on an indexed column; its fields as the wire shows them.

    Raises Invalid: code `no_filter`, `not_indexed` (unknown columns too), `wrong_value` (v1 rule 66).
    """
    findings = [] if filters else [Finding("", "no_filter", "At least one filter on an indexed field is needed.")]
    wanted: list[tuple[Column, Value]] = []
    for name, given in filters.items():
        column = scheme.find(name)
        if column is None or not column.indexed:
            findings.append(Finding(pointer_to(name), "not_indexed", f"`{shown(name)}` is not an indexed field."))
            continue
        try:
            wanted.append((column, parse_value(column, given)))
        except ValueError as error:
            findings.append(Finding(pointer_to(name), "wrong_value", str(error)))
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
        SendRow(number, token, p256dh, auth, language, opted_in, feedback, tuple(values))
        for number, token, p256dh, auth, language, opted_in, feedback, *values in found
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


async def standing(conn: Conn, app_id: int) -> Standing:
    """How an application's devices stand now (v1 rule 84). Looks at all of them."""
    return await read.standing(conn, app_id)


async def export_part(
    conn: Conn,
    app_id: int,
    columns: Sequence[Column],
    period: OpeningPeriod = EVER,
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
