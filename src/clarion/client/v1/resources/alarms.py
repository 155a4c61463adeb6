"""Alarms: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime
from typing import Literal

from msgspec import field

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import (
    ActiveStatus,
    ExternalId,
    IdResponse,
    Links,
    List,
    PlatformMessage,
    Segments,
    Triggers,
)


class Programmation(Model, kw_only=True):
    use_local_date: bool = False
    type: Literal["timer", "date"]
    duration: int | None = None
    date: datetime.datetime | None = None
    allow_update: bool = False


class ExclusionRange(Model, kw_only=True):
    days: list[int] | None = None
    start_time: str | None = None
    end_time: str | None = None
    start_date: datetime.datetime | None = None
    end_date: datetime.datetime | None = None
    use_local_date: bool = True


class AlarmSettings(Model, kw_only=True):
    programmation: Programmation
    exclusion_ranges: list[ExclusionRange] = field(default_factory=list)


class AlarmWebservice(Model, kw_only=True):
    url: str


class Alarm(Model, kw_only=True):
    """The server sets id."""

    id: int | None = None
    name: str
    external_id: ExternalId | None = None
    campaign_id: int | None = None
    messages: list[PlatformMessage]
    triggers: Triggers | None = None
    segments: Segments | None = None
    lists: list[List] = field(default_factory=list)
    settings: AlarmSettings
    webservice: AlarmWebservice | None = None
    is_active: bool = False


class AlarmList(Model, kw_only=True):
    data: list[Alarm]
    links: Links


class AlarmsOperations(Resource):
    """Operations of alarms."""

    def list_alarms(self, partner_id: str, *, page: int | None = None) -> Pages[Alarm]:
        """GET /v1/me/apps/{partnerId}/alarms"""
        return self._pages(AlarmList, f"/v1/me/apps/{quoted(partner_id)}/alarms", [*one("page", page)])

    async def create_alarm(self, partner_id: str, body: Alarm) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/alarms"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/alarms", body=body)

    async def get_alarm(self, partner_id: str, alarm_id: int) -> Alarm:
        """GET /v1/me/apps/{partnerId}/alarms/{alarmId}"""
        return await self._read(Alarm, "GET", f"/v1/me/apps/{quoted(partner_id)}/alarms/{alarm_id}")

    async def update_alarm(self, partner_id: str, alarm_id: int, body: Alarm) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/alarms/{alarmId}"""
        return await self._read(IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/alarms/{alarm_id}", body=body)

    async def set_alarm_status(self, partner_id: str, alarm_id: int, body: ActiveStatus) -> bool:
        """PUT /v1/me/apps/{partnerId}/alarms/{alarmId}/status"""
        return await self._changed("PUT", f"/v1/me/apps/{quoted(partner_id)}/alarms/{alarm_id}/status", body=body)

    async def get_alarm_by_external_id(self, partner_id: str, external_id: str) -> Alarm:
        """GET /v1/me/apps/{partnerId}/alarms/external/{externalId}"""
        return await self._read(Alarm, "GET", f"/v1/me/apps/{quoted(partner_id)}/alarms/external/{quoted(external_id)}")

    async def update_alarm_by_external_id(self, partner_id: str, external_id: str, body: Alarm) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/alarms/external/{externalId}"""
        return await self._read(
            IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/alarms/external/{quoted(external_id)}", body=body
        )

    async def set_alarm_status_by_external_id(self, partner_id: str, external_id: str, body: ActiveStatus) -> bool:
        """PUT /v1/me/apps/{partnerId}/alarms/external/{externalId}/status"""
        return await self._changed(
            "PUT", f"/v1/me/apps/{quoted(partner_id)}/alarms/external/{quoted(external_id)}/status", body=body
        )
