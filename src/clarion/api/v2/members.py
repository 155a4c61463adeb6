"""The members of a body as values of a record's fields.

Bodies are valid against the contract by then. Members that are no field of the record keep their value, under the
field's spelling of their name: the rules of the resource know them.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from clarion.api.contract.instants import parse_instant
from clarion.db.records import Kind, Records

_UPPER: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def field_name(member: str) -> str:
    """`expectedResolutionDate` as `expected_resolution_date`."""
    return _UPPER.sub(r"_\1", member).lower()


def typed(records: Records[Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a body by field. Instants are in UTC, cut to milliseconds."""
    values: dict[str, Any] = {}
    for member, value in body.items():
        field = records.by_wire.get(member)
        if field is None:
            values[field_name(member)] = value
        elif field.kind is Kind.INSTANT and isinstance(value, str):
            values[field.name] = milliseconds(value)
        else:
            values[field.name] = msgspec.convert(value, field.type)
    return values


def milliseconds(text: str) -> datetime | None:
    """The instant of a valid text, cut to milliseconds."""
    found = parse_instant(text)
    return found and found.replace(microsecond=found.microsecond // 1000 * 1000)
