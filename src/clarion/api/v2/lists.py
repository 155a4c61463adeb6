"""Lists: the query of one, and its envelope (v2 section 5).

Which fields may be filtered and sorted by stands in the contract (`x-filterable`, `x-sortable`), how each is compared
in the declaration of the records. Names are those of the members, in camel or Pascal case.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from clarion.api.contract.document import Operation
from clarion.api.contract.instants import parse_day, parse_instant
from clarion.api.contract.parameters import split_list
from clarion.api.exchange import Response
from clarion.api.v2.call import Call
from clarion.api.v2.conditions import fresh
from clarion.api.v2.errors import in_query
from clarion.api.v2.wire import plain
from clarion.base.errors import ConfigurationError
from clarion.db.records import Field, Filter, Kind, Operator, Order, Page, PageRequest, Records

MOST_KEYS: Final = 5
DEFAULT_LIMIT: Final = 25
MOST_ROWS: Final = 200
_FARTHEST: Final = 1_000_000_000
_LONGEST: Final = 400
_LONGEST_LINK: Final = 2048
"""What the contract lets an offset, the text of a filter and a link be."""
_FILTER: Final = re.compile(r"filter\[([A-Za-z]{1,60})\](?:\[([A-Za-z]{1,20})\])?")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


class Listing(Struct, frozen=True):
    """The fields of records by what a query calls them: for filters and for sort keys, each in Pascal case too."""

    records: Records[Any]
    filters: dict[str, str]
    keys: dict[str, Field]
    filterable: tuple[str, ...]
    sortable: tuple[str, ...]

    @classmethod
    def of(cls, operation: Operation, records: Records[Any]) -> "Listing":
        """The fields that the contract names. Raises ConfigurationError for one that the records do not have."""
        filterable = tuple(operation.extensions.get("x-filterable", ()))
        sortable = tuple(operation.extensions.get("x-sortable", ()))
        filters, keys = {}, {}
        for name in filterable:
            member = _camel(name)
            field = records.by_wire.get(member)
            if field is None and name not in records.special:
                raise ConfigurationError(f"{operation.operation_id} cannot be filtered by {name}.")
            filters[name] = filters[member] = name if name in records.special or field is None else field.name
        for name in sortable:
            field = records.by_wire.get(_camel(name))
            if field is None:
                raise ConfigurationError(f"{operation.operation_id} cannot be sorted by {name}.")
            keys[name] = keys[_camel(name)] = field
        return cls(records, filters, keys, filterable, sortable)


def is_of_list(name: str) -> bool:
    """Whether a query parameter is a list's."""
    return name in ("sort", "page[offset]", "page[limit]") or name.startswith("filter[")


def read(call: Call, listing: Listing) -> PageRequest:
    """The rows that a query asks for. Raises Refused with 400."""
    seen: set[str] = set()
    offset, limit = 0, DEFAULT_LIMIT
    order: tuple[Order, ...] = ()
    filters: list[Filter] = []
    for name, text in call.pairs:
        if not is_of_list(name):
            continue
        if name in seen:
            raise in_query("invalid_parameter", name, f"The parameter {name} is given twice.")
        seen.add(name)
        if name == "sort":
            order = _order(text, listing)
        elif name == "page[offset]":
            offset = _number(name, text, 0, _FARTHEST)
        elif name == "page[limit]":
            limit = _number(name, text, 1, MOST_ROWS)
        else:
            filters.append(_filter(name, text, listing))
    request = PageRequest(offset, limit, tuple(filters), order)
    if len(_address(call, request, _FARTHEST)) > _LONGEST_LINK:
        longest, _ = max(call.pairs, key=lambda pair: len(pair[1]))
        raise in_query("invalid_parameter", longest, "The query is too long for the links of the answer.")
    return request


def answer(call: Call, listing: Listing, request: PageRequest, page: Page[Any]) -> Response:
    """The page with its envelope, `Link` and entity tag; 304 for who has it (rules 5.1 to 5.6, 5.14, 7.1)."""
    links = _links(call, request, page)
    order = request.order or listing.records.order
    body = {
        "data": [plain(row) for row in page.rows],
        "metadata": {
            "offset": request.offset,
            "limit": request.limit,
            "hasMore": page.more,
            "total": page.total,
            "sort": [("-" if each.descending else "") + _pascal(listing, each.field) for each in order],
        },
        "links": links,
    }
    beside = [f'<{links[name]}>; rel="{rel}"' for name, rel in (("next", "next"), ("previous", "prev")) if links[name]]
    headers = [("Link", ", ".join(beside))] if beside else []
    return fresh(call.request, msgspec.json.encode(body), *headers)


def _links(call: Call, request: PageRequest, page: Page[Any]) -> dict[str, str | None]:
    def at(offset: int) -> str:
        return _address(call, request, offset)

    previous = None
    if page.rows and request.offset:
        previous = at(max(0, request.offset - request.limit))
    elif page.end:  # past the end: back to the last page that has rows
        previous = at((page.end - 1) // request.limit * request.limit)
    return {
        "self": at(request.offset),
        "next": at(request.offset + request.limit) if page.more else None,
        "previous": previous,
    }


def _address(call: Call, request: PageRequest, offset: int) -> str:
    """The request again, from another offset: then sort, filters in the order given, and what else it asked for."""
    given = [(name, text) for name, text in call.pairs if name == "sort"]
    given += [(name, text) for name, text in call.pairs if name.startswith("filter[")]
    given += [(name, text) for name, text in call.pairs if not is_of_list(name)]
    pairs = [("page[offset]", str(offset)), ("page[limit]", str(request.limit)), *given]
    query = "&".join(f"{quote(name, safe='')}={quote(text, safe=':-._~,')}" for name, text in pairs)
    return f"{call.base_url}{call.request.path}?{query}"


def _number(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or not least <= int(text) <= most:
        raise in_query("invalid_parameter", name, f"{name} is an integer from {least} to {most}.")
    return int(text)


def _order(text: str, listing: Listing) -> tuple[Order, ...]:
    order: list[Order] = []
    for part in text.split(","):
        field = listing.keys.get(part.removeprefix("-"))
        if field is None:
            allowed = ", ".join(listing.sortable)
            raise in_query("unknown_sort_field", "sort", f"{part[:60]!r} is no sort field. There are: {allowed}.")
        if any(each.field == field.name for each in order):
            raise in_query("invalid_parameter", "sort", f"{part[:60]!r} is named twice.")
        order.append(Order(field.name, part.startswith("-")))
    if len(order) > MOST_KEYS:
        raise in_query("invalid_parameter", "sort", f"At most {MOST_KEYS} fields can be sorted by.")
    return tuple(order)


def _filter(name: str, text: str, listing: Listing) -> Filter:
    found = _FILTER.fullmatch(name)
    field_name = listing.filters.get(found[1]) if found else None
    if found is None or field_name is None:
        allowed = ", ".join(listing.filterable) or "none"
        raise in_query("unknown_filter_field", name, f"{name[:80]!r} filters by no field. There are: {allowed}.")
    given = found[2] or "eq"
    operator = next((each for each in Operator if each.value == given), None)
    special = field_name in listing.records.special
    field = None if special else listing.records.fields[field_name]
    fitting = frozenset({Operator.EQ}) if field is None else field.operators
    if operator is None or operator not in fitting:
        known = ", ".join(each.value for each in Operator if each in fitting)
        raise in_query("unsupported_filter_operator", name, f"{given!r} does not fit {found[1]}. It takes: {known}.")
    if field is None:
        return Filter(field_name, operator, _text(name, text))
    if operator is Operator.EXISTS:
        return Filter(field_name, operator, _value(name, text, Kind.BOOLEAN, ()))
    if operator is Operator.IN:
        values = tuple(_value(name, part, field.kind, field.values) for part in _parts(name, text))
        return Filter(field_name, operator, values)
    return Filter(field_name, operator, _value(name, text, field.kind, field.values))


def _parts(name: str, text: str) -> Iterator[str]:
    parts = split_list(text)
    if len(parts) > 50:
        raise in_query("invalid_parameter", name, f"{name} takes at most 50 values.")
    return iter(parts)


def _value(name: str, text: str, kind: Kind, values: tuple[str, ...]) -> Any:
    read: Any = None
    match kind:
        case Kind.TEXT:
            return _text(name, text)
        case Kind.ENUM:
            read = text if text in values else None
        case Kind.BOOLEAN:
            read = {"true": True, "false": False}.get(text)
        case Kind.INTEGER:
            read = int(text) if _INTEGER.fullmatch(text) else None
        case Kind.DECIMAL:
            read = Decimal(text) if _DECIMAL.fullmatch(text) else None
        case Kind.DATE:
            read = parse_day(text)
        case Kind.INSTANT:
            read = parse_instant(text)
    if read is None:
        expected = f"one of {', '.join(values)}" if values else _EXPECTED[kind]
        raise in_query("invalid_parameter", name, f"{name}: expected {expected}.")
    return read


def _text(name: str, text: str) -> str:
    if len(text) > _LONGEST:
        raise in_query("invalid_parameter", name, f"{name} is longer than {_LONGEST} characters.")
    return text


_EXPECTED: Final = {
    Kind.BOOLEAN: "true or false",
    Kind.INTEGER: "an integer",
    Kind.DECIMAL: "a decimal number",
    Kind.DATE: "a date as YYYY-MM-DD",
    Kind.INSTANT: "a date and time with offset (RFC 3339)",
    Kind.ENUM: "one of its values",
    Kind.OTHER: "nothing",
}


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _pascal(listing: Listing, field: str) -> str:
    wire = listing.records.fields[field].wire
    return wire[:1].upper() + wire[1:]
