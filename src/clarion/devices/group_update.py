"""Updates of several groups of devices at once: each entry says by which columns its devices are found, and what is
written to them. All or nothing (v1 rules 68 to 70).
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from clarion.apps.model import App, Column, Scheme
from clarion.base.errors import Finding, Invalid
from clarion.db.sql import Conn
from clarion.devices.fields import parse_fields, pointer_to, shown
from clarion.devices.model import TOKEN, DeviceRecord, Value
from clarion.devices.store import read
from clarion.devices.values import parse_value
from clarion.devices.writing import upsert

MOST_DEVICES = 10_000
"""Devices that one update may reach: more of them are an import's business."""


class GroupEntry(Struct, frozen=True):
    """What selects devices and what is written to them, both by names of columns."""

    keys: Mapping[str, object]
    fields: Mapping[str, object]


class _Selection(Struct, frozen=True):
    """A read entry: the columns its devices are found by, their values, and what is written."""

    columns: tuple[Column, ...]
    values: tuple[Value, ...]
    fields: Mapping[Column, Value]


def shared_keys(scheme: Scheme, names: Sequence[str], users: Sequence[Mapping[str, object]]) -> list[GroupEntry]:
    """Entries that are all found by the same columns: of each user those are the keys, the rest is written.

    Raises Invalid, with pointers `/<index>` into `names`, as `update_group` does about keys.
    """
    keys, wrong = _key_columns(scheme, names)
    if wrong:
        raise Invalid([Finding(f"/{at}", finding.code, finding.message) for at, finding in wrong])
    entries: list[GroupEntry] = []
    for user in users:
        own = {name: given for name, given in user.items() if scheme.find(name) in keys}
        had = {scheme.find(name) for name in own}
        missing = {name: None for name in names if scheme.find(name) not in had}
        fields = {name: given for name, given in user.items() if name not in own}
        entries.append(GroupEntry({**missing, **own}, fields))
    return entries


async def update_group(conn: Conn, app: App, scheme: Scheme, entries: Sequence[GroupEntry]) -> int:
    """Write the fields of every entry to the devices that have all of its keys; how many devices.

    Devices are found as they stood before; of entries that reach the same device the later one wins, field by field.
    An entry that finds nothing is passed over. Raises Invalid, with pointers `/<index>/keys/<name>` and
    `/<index>/fields/<name>`: codes `no_key`, `unknown_key`, `not_indexed` and `empty_key` about keys, `repeated` and
    `wrong_value` about both, those of `parse_fields` and `shared_token` about fields, `too_many_devices`. May be
    overtaken: run it through `retry.transact`.
    """
    findings: list[Finding] = []
    selections = [_read(scheme, at, entry, findings) for at, entry in enumerate(entries)]
    if findings:
        raise Invalid(findings)
    found = await _find(conn, app.id, selections)
    shared = [
        Finding(
            f"/{at}/fields{pointer_to(TOKEN.name)}",
            "shared_token",
            f"The keys select {len(udids)} devices, and a token is one device's.",
        )
        for at, (selection, udids) in enumerate(zip(selections, found, strict=True))
        if selection.fields.get(TOKEN) is not None and len(udids) > 1
    ]
    if shared:
        raise Invalid(shared)
    records = [
        DeviceRecord(udid, selection.fields)
        for selection, udids in zip(selections, found, strict=True)
        for udid in udids
        if selection.fields
    ]
    if records:
        await upsert(conn, app, records, known=True)
    return len({record.udid for record in records})


def _read(scheme: Scheme, at: int, entry: GroupEntry, findings: list[Finding]) -> _Selection:
    """An entry as typed values; all that is wrong with it goes to `findings`."""
    names = list(entry.keys)
    columns, refused = _key_columns(scheme, names)
    wrong = [Finding(pointer_to(names[n]), finding.code, finding.message) for n, finding in refused]
    if not entry.keys:
        wrong.append(Finding("", "no_key", "No key says which devices are meant."))
    values: list[Value] = []
    for column, name in columns.items():
        try:
            values.append(parse_value(column, entry.keys[name]))
        except ValueError as error:
            wrong.append(Finding(pointer_to(name), "wrong_value", str(error)))
            continue
        if values[-1] is None:
            wrong.append(Finding(pointer_to(name), "empty_key", f"`{shown(name)}` has no value to look for."))
    findings += [Finding(f"/{at}/keys{each.pointer}", each.code, each.message) for each in wrong]
    fields, wrong = parse_fields(scheme, entry.fields)
    findings += [Finding(f"/{at}/fields{each.pointer}", each.code, each.message) for each in wrong]
    return _Selection(tuple(columns), tuple(values), fields)


def _key_columns(scheme: Scheme, names: Sequence[str]) -> tuple[dict[Column, str], list[tuple[int, Finding]]]:
    """The columns that devices are found by, each with its name as given, and what is wrong with which name."""
    columns: dict[Column, str] = {}
    wrong: list[tuple[int, Finding]] = []
    for at, name in enumerate(names):
        column = scheme.find(name)
        if column is None:
            wrong.append((at, Finding("", "unknown_key", f"`{shown(name)}` is no field of this application.")))
        elif not column.indexed:
            wrong.append((at, Finding("", "not_indexed", f"`{shown(name)}` is not an indexed field.")))
        elif column in columns:
            wrong.append((at, Finding("", "repeated", f"`{shown(name)}` is given twice.")))
        else:
            columns[column] = name
    return columns, wrong


async def _find(conn: Conn, app_id: int, selections: Sequence[_Selection]) -> list[list[str]]:
    """The UDIDs each selection finds, by ascending id. Raises Invalid (code `too_many_devices`)."""
    by_columns: dict[tuple[Column, ...], list[int]] = {}
    for at, selection in enumerate(selections):
        by_columns.setdefault(selection.columns, []).append(at)
    found: list[list[str]] = [[] for _ in selections]
    left = MOST_DEVICES
    for columns, places in by_columns.items():
        wanted = [selections[at].values for at in places]
        reached = await read.matching(conn, app_id, columns, wanted, left + 1)
        if len(reached) > left:
            at = places[reached[-1][0]]
            message = f"More than {MOST_DEVICES:,} devices are selected; load so many from a file."
            raise Invalid([Finding(f"/{at}/keys", "too_many_devices", message)])
        left -= len(reached)
        for number, udid in reached:
            found[places[number]].append(udid)
    return found
