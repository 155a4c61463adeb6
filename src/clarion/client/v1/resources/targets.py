"""Targets: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime
from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import many, one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import Links


class TargetedDevice(Model, kw_only=True):
    device_id: str
    campaign_id: int | UnsetType | None = UNSET
    message_id: int | None = None
    date: str
    bounce: bool | None = None
    data: dict[str, str | int | float | bool | None] | None = None


class TargetList(Model, kw_only=True):
    data: list[TargetedDevice]
    links: Links


class TargetsOperations(Resource):
    """Operations of targets."""

    def list_campaign_targets(
        self,
        partner_id: str,
        campaign_id: int,
        *,
        page: int | None = None,
        start_date: datetime.date | str | None = None,
        end_date: datetime.date | str | None = None,
        data: Sequence[str] = (),
    ) -> Pages[TargetedDevice]:
        """GET /v1/me/apps/{partnerId}/campaigns/{campaignId}/targets"""
        return self._pages(
            TargetList,
            f"/v1/me/apps/{quoted(partner_id)}/campaigns/{campaign_id}/targets",
            [*one("page", page), *one("startDate", start_date), *one("endDate", end_date), *many("data[]", data)],
        )

    def list_message_targets(
        self,
        partner_id: str,
        message_id: int,
        *,
        page: int | None = None,
        start_date: datetime.date | str | None = None,
        end_date: datetime.date | str | None = None,
        data: Sequence[str] = (),
    ) -> Pages[TargetedDevice]:
        """GET /v1/me/apps/{partnerId}/messages/{messageId}/targets"""
        return self._pages(
            TargetList,
            f"/v1/me/apps/{quoted(partner_id)}/messages/{message_id}/targets",
            [*one("page", page), *one("startDate", start_date), *one("endDate", end_date), *many("data[]", data)],
        )
