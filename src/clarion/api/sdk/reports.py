"""Reports of a device: judged one by one, recorded together, acknowledged when durable."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, convert

from clarion.api.exchange import Response
from clarion.api.sdk.call import Call, json_answer
from clarion.api.sdk.items import items
from clarion.base.errors import Finding
from clarion.tracking.model import EventKind, EventValue, Report

BATCH: Final = 500
"""Most reports of a batch; the contract says the same."""

_EXPLAINED: Final = 50
"""Rejected reports that are explained in full: listing findings is dearer than finding out that there are some."""
_MOST_ITEMS: Final = 5
_KINDS: Final = {
    "open": EventKind.OPEN,
    "displayed": EventKind.DISPLAYED,
    "clicked": EventKind.CLICKED,
    "custom": EventKind.CUSTOM,
}


class _Report(Struct, rename="camel"):
    id: UUID
    type: str
    at: str
    message_id: int | None = None
    button: str = ""
    code: int = 0
    value: EventValue | None = None


class _Rejected(Struct):
    index: int
    errors: list[dict[str, str]]


class _Receipt(Struct, rename="camel"):
    accepted: int
    duplicates: int
    rejected: list[_Rejected]
    report_interval: int


async def send_reports(call: Call) -> Response:
    """Record what is right, list what is wrong. The answer leaves after the transaction has committed."""
    given: list[Any] = call.body["reports"]
    reports, rejected = _judge(call, given)
    recorded = await call.services.reports.receive(call.app.id, reports)
    interval = call.services.settings.report_interval
    return json_answer(_Receipt(recorded.accepted, recorded.duplicates, rejected, interval))


def _judge(call: Call, given: list[Any]) -> tuple[list[Report], list[_Rejected]]:
    """The reports that are right, and what is wrong with the others. Most batches are right as a whole."""
    if not call.unusual and call.contract.schemas.schema("ReportBatch").is_valid(call.body):
        return [_read(call.device.id, entry) for entry in given], []
    return _judge_one_by_one(call, given)


def _judge_one_by_one(call: Call, given: list[Any]) -> tuple[list[Report], list[_Rejected]]:
    validator = call.contract.schemas.schema("Report")
    reports: list[Report] = []
    rejected: list[_Rejected] = []
    for index, entry in enumerate(given):
        if len(rejected) < _EXPLAINED:
            findings = validator.check_value(entry, limit=_MOST_ITEMS)
        elif validator.is_valid(entry):
            findings = validator.check_value(entry, limit=1)
        else:
            findings = [Finding("", "invalid", "The report breaks the rules; earlier ones are explained.")]
        if findings:
            placed = [Finding(f"/reports/{index}{f.pointer}", f.code, f.message) for f in findings]
            rejected.append(_Rejected(index, items(placed)))
        else:
            reports.append(_read(call.device.id, entry))
    return reports, rejected


def read_instant(text: str) -> datetime:
    """As `parse_instant`, of a text that is known to be one: the contract has checked it."""
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def _read(device_id: int, entry: Any) -> Report:
    wire = convert(entry, _Report)
    return Report(
        device_id=device_id,
        report_id=wire.id,
        kind=_KINDS[wire.type],
        occurred_at=read_instant(wire.at),
        code=wire.code,
        message_id=wire.message_id,
        button=wire.button or None,
        value=wire.value,
    )
