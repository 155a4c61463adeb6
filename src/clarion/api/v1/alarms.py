"""Alarms on the v1 wire (v1 rules 90, 92 to 98): push messages with triggers and a time to ring."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.contract.instants import parse_with_offset
from clarion.api.exchange import Response
from clarion.api.v1 import message_wire, triggered
from clarion.api.v1.call import Call
from clarion.api.v1.triggers_wire import written
from clarion.apps.model import App, Platform
from clarion.content.model import Content
from clarion.content.triggered.model import (
    AlarmDraft,
    AlarmSettings,
    ExclusionRange,
    Programmation,
    ProgrammationKind,
    TriggeredKind,
)

_UNSAID = {
    "priority": 0,
    "foreground": False,
    "popup": False,
    "contentAvailable": False,
    "requireInteraction": False,
}
"""Defaults of language versions that the reference document does not print in an alarm."""


class _Programmation(Struct, rename="camel", omit_defaults=True):
    type: ProgrammationKind
    use_local_date: bool | UnsetType = UNSET
    duration: int | None = None
    date: str | None = None
    allow_update: bool | None = None


class _Range(Struct, rename="camel", omit_defaults=True):
    days: list[int] | None = None
    start_time: str | None = None
    end_time: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    use_local_date: bool | UnsetType = UNSET


class _Settings(Struct, rename="camel"):
    programmation: _Programmation
    exclusion_ranges: list[_Range] = []


class _Webservice(Struct):
    url: str


class _Body(Struct):
    messages: list[Any]
    settings: _Settings
    webservice: _Webservice | None = None


class _Alarm(triggered.Shown, rename="camel", kw_only=True):
    settings: _Settings
    webservice: _Webservice | UnsetType


def _read(app: App, body: Any, frame: dict[str, Any]) -> AlarmDraft:
    wire = convert(body, _Body)
    return AlarmDraft(
        contents=message_wire.read(app.platform, wire.messages),
        settings=AlarmSettings(
            _read_programmation(wire.settings.programmation),
            tuple(_read_range(each) for each in wire.settings.exclusion_ranges),
        ),
        webservice=None if wire.webservice is None else wire.webservice.url,
        **frame,
    )


def _write(app: App, draft: AlarmDraft, frame: dict[str, Any]) -> _Alarm:
    settings = draft.settings
    return _Alarm(
        messages=_write_messages(app.platform, draft.contents),
        settings=_Settings(
            _write_programmation(settings.programmation), [_write_range(each) for each in settings.exclusion_ranges]
        ),
        webservice=UNSET if draft.webservice is None else _Webservice(draft.webservice),
        **frame,
    )


def _places(app: App) -> dict[str, str]:
    return {
        **triggered.PLACES,
        **message_wire.places(app.platform),
        "exclusion_ranges": "exclusionRanges",
        "start_time": "startTime",
        "end_time": "endTime",
    }


_FORM = triggered.Form(TriggeredKind.ALARM, "alarmId", _read, _write, _places)


async def list_alarms(call: Call) -> Response:
    """Alarms by ascending id."""
    return await triggered.list_all(call, _FORM)


async def create_alarm(call: Call) -> Response:
    """Create an alarm."""
    return await triggered.create(call, _FORM)


async def get_alarm(call: Call) -> Response:
    """One alarm, by its id or external id."""
    return await triggered.show(call, _FORM)


async def update_alarm(call: Call) -> Response:
    """Replace an alarm, by its id or external id."""
    return await triggered.replace(call, _FORM)


async def set_alarm_status(call: Call) -> Response:
    """Turn an alarm on or off, by its id or external id."""
    return await triggered.switch(call, _FORM)


def _write_messages(platform: Platform, contents: Sequence[Content]) -> list[Any]:
    return [
        {name: value for name, value in entry.items() if name not in _UNSAID or value != _UNSAID[name]}
        for entry in msgspec.to_builtins(message_wire.write(platform, contents))
    ]


def _read_programmation(wire: _Programmation) -> Programmation:
    return Programmation(
        kind=wire.type,
        duration=wire.duration,
        date=_date(wire.date),
        use_local_date=wire.use_local_date or False,
        allow_update=wire.allow_update,
    )


def _write_programmation(programmation: Programmation) -> _Programmation:
    return _Programmation(
        type=programmation.kind,
        use_local_date=programmation.use_local_date,
        duration=programmation.duration,
        date=_written(programmation.date),
        allow_update=programmation.allow_update,
    )


def _read_range(wire: _Range) -> ExclusionRange:
    return ExclusionRange(
        days=None if wire.days is None else tuple(wire.days),
        start_time=wire.start_time,
        end_time=wire.end_time,
        start_date=_date(wire.start_date),
        end_date=_date(wire.end_date),
        use_local_date=True if wire.use_local_date is UNSET else wire.use_local_date,
    )


def _write_range(excluded: ExclusionRange) -> _Range:
    return _Range(
        days=None if excluded.days is None else list(excluded.days),
        start_time=excluded.start_time,
        end_time=excluded.end_time,
        start_date=_written(excluded.start_date),
        end_date=_written(excluded.end_date),
        use_local_date=excluded.use_local_date,
    )


def _date(text: str | None) -> datetime | None:
    """A date in the offset it was given with: its clock face may be read in the zone of the device."""
    return None if text is None else parse_with_offset(text, lenient=True)


def _written(date: datetime | None) -> str | None:
    return None if date is None else written(date)
