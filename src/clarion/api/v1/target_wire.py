"""The targets of an instant message on the v1 wire (v1 rules 50 to 53).

They are judged one by one, because wrong ones among right ones are left out. The kinds (segments, static lists, fields
of devices) are counted over all of them, wrong ones included.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clarion.api.contract.decode import Decoded
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.v1.errors import Label, Problem, V1Error, format_problems
from clarion.audience.targets import Criterion
from clarion.content.render import as_text
from clarion.sending.instant.model import ByFields, ByList, BySegment, Target

_LIST_MEMBERS = frozenset({"staticListId", "staticListExternalId"})
_RESERVED = _LIST_MEMBERS | {"segmentId", "data"}
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_HIGHEST = 2**63 - 1


def read_targets(
    contract: Contract, operation: Operation, body: Mapping[str, Any], *, fields_only: bool = False
) -> list[Target]:
    """The targets that can be read, in their order. Raises V1Error when kinds are mixed, or none can be read.

    `fields_only` tells that segments and static lists are not allowed (v1 rule 57).
    """
    given: Sequence[Any] = body["targets"]
    kinds = {kind for entry in given for kind in _kinds(entry)}
    if len(kinds) > 1:
        expected = "segments, static lists and fields of devices cannot be mixed"
        raise V1Error(400, Label.FORMAT, f"Malformed field `targets`: {expected}")
    if fields_only and kinds - {"fields"}:
        expected = "segments and static lists are for messages of one application"
        raise V1Error(400, Label.FORMAT, f"Malformed field `targets`: {expected}")
    schema = contract.schemas.schema("Target")
    targets: list[Target] = []
    problems: list[Problem] = []
    for at, entry in enumerate(given):
        if schema.is_valid(entry):
            try:
                targets.append(Target(at, _whom(entry), read_data(entry.get("data"))))
            except ValueError as error:
                problems.append(Problem(400, Label.FORMAT, f"Malformed field `targets/{at}/{error}"))
    if not targets:
        findings = contract.check_body(operation, Decoded(body))  # as the document has it, targets included
        problems = format_problems(each for each in findings if each.pointer.startswith("/targets")) + problems
        raise V1Error.several(problems)
    return targets


def read_number(given: int | str) -> int | None:
    """An id given as a number, or as a text of its digits; None when it is none."""
    if isinstance(given, str):
        given = int(given) if _NUMBER.fullmatch(given) else 0
    return given if 0 < given <= _HIGHEST else None


def read_data(given: Mapping[str, str | int | float | bool | None] | None) -> dict[str, str]:
    """Values for marks as the texts they are shown as; null is an empty one."""
    return {name: as_text(value) for name, value in (given or {}).items()}


def _kinds(entry: Any) -> set[str]:
    if not isinstance(entry, dict):
        return set()
    members = entry.keys()
    found = {
        "segments": "segmentId" in members,
        "lists": bool(members & _LIST_MEMBERS),
        "fields": bool(members - _RESERVED),
    }
    return {kind for kind, there in found.items() if there}


def _whom(entry: Mapping[str, Any]) -> ByFields | BySegment | ByList:
    """Whom a valid target means. Raises ValueError with the end of a sentence that names the member."""
    if "segmentId" in entry:
        return BySegment(_number(entry, "segmentId"))
    if entry.keys() & _LIST_MEMBERS:
        list_id = _number(entry, "staticListId") if "staticListId" in entry else None
        return ByList(list_id, entry.get("staticListExternalId"))
    criteria = tuple(each for name, value in entry.items() if name not in _RESERVED for each in _criteria(name, value))
    if not criteria:
        raise ValueError("data`: a target names devices, a segment or a static list")
    return ByFields(criteria)


def _number(entry: Mapping[str, Any], member: str) -> int:
    number = read_number(entry[member])
    if number is None:
        raise ValueError(f"{member}`: expected a number above 0")
    return number


def _criteria(name: str, value: Any) -> list[Criterion]:
    """A bare value is an equality; several operators of one field must all hold (v1 rule 53)."""
    if not isinstance(value, dict):
        return [Criterion(name, "eq", value)]
    return [
        Criterion(name, operator.removeprefix("$"), tuple(each) if isinstance(each, list) else each)
        for operator, each in value.items()
    ]
