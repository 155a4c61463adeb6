"""Schedules: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from clarion.client.v1.model import Model
from clarion.client.v1.query import quoted
from clarion.client.v1.resource import Resource


class Schedule(Model, kw_only=True):
    type: Literal["ONCE", "DAILY", "WEEKLY", "MONTHLY"] = "ONCE"
    next_sending_date: datetime.datetime
    timezone: str = "UTC"
    start_date: datetime.datetime | UnsetType | None = UNSET
    end_date: datetime.datetime | UnsetType | None = UNSET
    status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"


class ScheduleExclusion(Model, kw_only=True):
    type: Literal["DAYS", "DATES"]
    days: str | None = None
    start_date: datetime.datetime | UnsetType | None = UNSET
    end_date: datetime.datetime | UnsetType | None = UNSET


class ScheduleExclusionList(Model, kw_only=True):
    data: list[ScheduleExclusion]


class SchedulesOperations(Resource):
    """Operations of schedules."""

    async def get_schedule(self, partner_id: str, message_id: int) -> Schedule:
        """GET /v1/me/apps/{partnerId}/messages/{messageId}/schedules"""
        return await self._read(Schedule, "GET", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules")

    async def update_schedule(self, partner_id: str, message_id: int, body: Schedule) -> None:
        """PUT /v1/me/apps/{partnerId}/messages/{messageId}/schedules"""
        await self._call("PUT", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules", body=body)

    async def create_schedule(self, partner_id: str, message_id: int, body: Schedule) -> None:
        """POST /v1/me/apps/{partnerId}/messages/{messageId}/schedules"""
        await self._call("POST", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules", body=body)

    async def delete_schedule(self, partner_id: str, message_id: int) -> None:
        """DELETE /v1/me/apps/{partnerId}/messages/{messageId}/schedules"""
        await self._call("DELETE", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules")

    async def list_schedule_exclusions(self, partner_id: str, message_id: int) -> ScheduleExclusionList:
        """GET /v1/me/apps/{partnerId}/messages/{messageId}/schedules/exclusions"""
        return await self._read(
            ScheduleExclusionList, "GET", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules/exclusions"
        )

    async def create_schedule_exclusion(self, partner_id: str, message_id: int, body: ScheduleExclusion) -> None:
        """POST /v1/me/apps/{partnerId}/messages/{messageId}/schedules/exclusions"""
        await self._call(
            "POST", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules/exclusions", body=body
        )

    async def delete_schedule_exclusions(self, partner_id: str, message_id: int) -> None:
        """DELETE /v1/me/apps/{partnerId}/messages/{messageId}/schedules/exclusions"""
        await self._call("DELETE", f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/schedules/exclusions")
