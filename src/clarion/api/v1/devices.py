"""The device base on the v1 wire: export as CSV, search, update of one device (v1 rules 64 to 67)."""

import re
from collections.abc import Mapping
from typing import Any

from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer, json_answer
from clarion.api.v1.device_wire import shown
from clarion.api.v1.errors import Label, Problem, V1Error, format_problems
from clarion.api.v1.pages import absolute_url
from clarion.api.v1.reactions import instant_of
from clarion.apps import service as apps
from clarion.apps.model import Column, Scheme
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.model import OpeningPeriod

_CSV = ("Content-Type", "text/csv; charset=utf-8")
# Where a part of an export goes on: the id the part before ended with. Links carry it beside `page`, which alone would
# make the database count its way to the part and could skip or repeat devices while others come and go.
_AFTER = "after"
_ID = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_FARTHEST_PAGE = 10**12
_MOST_NAMED = 100


async def list_devices(call: Call) -> Response:
    """A part of up to 10,000 devices; the Link header names the next part as long as there is one (rule 64)."""
    async with call.services.db.connection() as conn:
        scheme = await apps.load_scheme(conn, call.app.id)
        columns, period, after = _wanted(call, scheme)
        if not 1 <= call.page <= _FARTHEST_PAGE:
            return Response(200, [_CSV])
        page = call.page if after is None else 1
        part = await devices.export_part(conn, call.app.id, columns, period, after=after, page=page)
    if not part.devices:
        return Response(200, [_CSV])
    header = ";".join(column.name for column in columns)
    headers = [_CSV]
    if part.next_after is not None:
        headers.append(("Link", f'<{_next_url(call, part.next_after)}>; rel="next"'))
    return Response(200, headers, f"{header}\r\n{part.lines}".encode())


def _next_url(call: Call, after: int) -> str:
    kept = [(name, value) for name, value in call.pairs if name not in ("page", _AFTER)]
    return absolute_url(call, [*kept, ("page", str(call.page + 1)), (_AFTER, str(after))])


def malformed(query: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the bounds of openings in themselves (rule 65)."""
    first, last = query.get("firstOpen"), query.get("lastOpen")
    findings: list[Finding] = []
    if first is not None and any(instant_of(end, last=False) is None for end in first.split("|", 1)):
        expected = "expected YYYY-MM-DD or YYYY-MM-DD hh:mm:ss, or two of them with | between"
        findings.append(Finding("firstOpen", "format", f"Malformed parameter `firstOpen`: {expected}"))
    if last is not None and instant_of(last, last=False) is None:
        expected = "expected YYYY-MM-DD or YYYY-MM-DD hh:mm:ss"
        findings.append(Finding("lastOpen", "format", f"Malformed parameter `lastOpen`: {expected}"))
    return findings


def _wanted(call: Call, scheme: Scheme) -> tuple[tuple[Column, ...], OpeningPeriod, int | None]:
    """Columns, period and place of an export. Raises V1Error with everything that is wrong with them."""
    problems: list[Problem] = []
    columns: list[Column] = []
    names: Mapping[str, str] = call.query.get("fields", {})
    for name in names.values():
        column = scheme.find(name)
        if column is None:
            problems.append(_malformed("fields", f"`{name[:100]}` is no field of this application"))
        else:
            columns.append(column)
    problems += format_problems(malformed(call.query))
    cursors = [value for name, value in call.pairs if name == _AFTER]
    if cursors and not (_ID.fullmatch(cursors[-1]) and abs(int(cursors[-1])) < 2**63):
        problems.append(_malformed(_AFTER, "follow the links of the export as they are"))
    if problems:
        raise V1Error.several(problems)
    period = _period(call.query.get("firstOpen"), call.query.get("lastOpen"))
    return tuple(columns) or scheme.columns, period, int(cursors[-1]) if cursors else None


def _period(first: str | None, last: str | None) -> OpeningPeriod:
    """The bounds of rule 65, which are well formed."""
    left, bar, right = (first or "").partition("|")
    return OpeningPeriod(
        instant_of(left, last=False),
        instant_of(right, last=False) if bar else None,
        instant_of(last or "", last=False),
    )


def _malformed(parameter: str, expected: str) -> Problem:
    return Problem(400, Label.FORMAT, f"Malformed parameter `{parameter}`: {expected}")


async def search_device(call: Call) -> Response:
    """The first device that matches all filters, with all its fields (rule 66)."""
    filters: Mapping[str, str] = call.query.get("filters", {})
    async with call.services.db.connection() as conn:
        scheme = await apps.load_scheme(conn, call.app.id)
        try:
            found = await devices.find_first(conn, call.app.id, scheme, filters)
        except Invalid as error:
            raise V1Error.several([_of_search(finding) for finding in error.findings]) from None
    if found is None:
        raise NotFound("No device matches the filters.")
    return json_answer({"data": shown(found)})


def _of_search(finding: Finding) -> Problem:
    return Problem(400, Label.DATA if finding.code == "not_indexed" else Label.FORMAT, finding.message)


async def update_device(call: Call) -> Response:
    """Write fields of one device; 204 when the body names none (rule 67)."""
    body: Mapping[str, object] = call.body

    async def work(conn: Conn) -> bool:
        scheme = await apps.load_scheme(conn, call.app.id)
        return await devices.update_one(conn, call.app, scheme, call.path["udid"], body)

    try:
        written = await retry.transact(call.services.db, work)
    except Invalid as error:
        raise V1Error.several(_of_update(error.findings)) from None
    return empty_answer(200 if written else 204)


def _of_update(findings: list[Finding]) -> list[Problem]:
    """Errors of an update. Unknown fields are one, with the words the SDK looks for."""
    problems: list[Problem] = []
    unknown: list[str] = []
    for finding in findings:
        if finding.code == "unknown_column":
            unknown.append(finding.pointer[1:].replace("~1", "/").replace("~0", "~"))
        elif finding.code == "unknown_device":
            problems.append(Problem(404, Label.DATA, finding.message))
        else:
            problems.append(Problem(400, Label.FORMAT, f"Malformed field {finding.message}"))
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown[:_MOST_NAMED])
        problems.append(Problem(500, Label.DB, f"Unknown fields: {names}"))
    return problems
