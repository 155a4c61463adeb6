"""Group updates of devices on the v1 wire, in both forms of their body (v1 rules 68 to 70)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, convert

from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer
from clarion.api.v1.errors import Label, Problem, V1Error, in_order
from clarion.apps import service as apps
from clarion.apps.model import Scheme
from clarion.base.errors import Finding, Invalid
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.service import GroupEntry

# What a user's own values say is about form; what the application has and allows is about data. On this route a field
# that only the server sets is 403 (v1 rule 103).
_FORM = frozenset({"wrong_value", "repeated"})
_FORBIDDEN = "read_only"
_KEYS = re.compile(r"(/users/[0-9]+|)/matchingKeys", re.ASCII)


class _User(Struct, rename="camel"):
    matching_keys: dict[str, Any]
    fields: dict[str, Any]


async def update_device_group(call: Call) -> Response:
    """Write fields of the devices that up to 100 users name; all or nothing."""
    body: Mapping[str, Any] = call.body
    keys: Sequence[str] | None = body.get("matchingKeys")

    async def work(conn: Conn) -> None:
        scheme = await apps.load_scheme(conn, call.app.id)
        entries = _own_keys(body["users"]) if keys is None else _shared_keys(scheme, keys, body["users"])
        try:
            await devices.update_group(conn, call.app, scheme, entries)
        except Invalid as error:
            raise _refusal([_placed(finding, shared=keys is not None) for finding in error.findings], body) from None

    await retry.transact(call.services.db, work)
    return empty_answer()


def form_problems(findings: Iterable[Finding]) -> list[Problem]:
    """What the contract's check of a body found. That nothing says which devices are meant is about data, wherever the
    keys could have stood; a user without them may be of either form, so nothing else is said of what they lack."""
    found = list(findings)
    keyless = {
        match[1]
        for each in found
        if each.code in ("missing", "too_few") and (match := _KEYS.fullmatch(each.pointer)) is not None
    }
    problems = []
    for each in found:
        owner, _, member = each.pointer.rpartition("/")
        if owner in keyless and member == "matchingKeys":
            problems.append(Problem(400, Label.DATA, each.message))
        elif owner not in keyless or not owner or each.code != "missing":
            problems.append(Problem(400, Label.FORMAT, each.message))
    return problems


def _own_keys(users: Sequence[Any]) -> list[GroupEntry]:
    return [GroupEntry(user.matching_keys, user.fields) for user in convert(users, list[_User])]


def _shared_keys(scheme: Scheme, keys: Sequence[str], users: Sequence[Mapping[str, Any]]) -> list[GroupEntry]:
    try:
        return devices.shared_keys(scheme, keys, users)
    except Invalid as error:
        problems = [
            Problem(400, Label.DATA, f"Unacceptable field `matchingKeys{finding.pointer}`: {finding.message}")
            for finding in error.findings
        ]
        raise V1Error.several(problems) from None


def _placed(finding: Finding, *, shared: bool) -> Finding:
    """A finding at its place in the body; the sentence names the user's index."""
    _, index, part, *rest = finding.pointer.split("/")
    member = {"keys": "matchingKeys", "fields": "fields"}[part]
    place = "/".join(["", "users", index, *([] if shared else [member]), *rest])
    what = "Malformed" if finding.code in _FORM else "Unacceptable"
    return Finding(place, finding.code, f"{what} field `users/{index}`: {finding.message}")


def _refusal(findings: Sequence[Finding], body: Mapping[str, Any]) -> V1Error:
    problems = []
    for finding in in_order(findings, body):
        if finding.code in _FORM:
            problems.append(Problem(400, Label.FORMAT, finding.message))
        else:
            problems.append(Problem(403 if finding.code == _FORBIDDEN else 400, Label.DATA, finding.message))
    return V1Error.several(problems)
