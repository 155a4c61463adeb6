"""Campaigns: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime

from msgspec import UNSET, UnsetType

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import ExternalId, IdResponse, Links


class Campaign(Model, kw_only=True):
    """The server sets id."""

    id: int | None = None
    name: str
    external_id: ExternalId | None = None
    description: str | None = None
    start_date: datetime.datetime | UnsetType | None = UNSET
    end_date: datetime.datetime | UnsetType | None = UNSET


class CampaignList(Model, kw_only=True):
    data: list[Campaign]
    links: Links


class CampaignsOperations(Resource):
    """Operations of campaigns."""

    def list_campaigns(self, partner_id: str, *, page: int | None = None) -> Pages[Campaign]:
        """GET /v1/me/apps/{partnerId}/campaigns"""
        return self._pages(CampaignList, f"/v1/me/apps/{quoted(partner_id)}/campaigns", [*one("page", page)])

    async def create_campaign(self, partner_id: str, body: Campaign) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/campaigns"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/campaigns", body=body)

    async def get_campaign(self, partner_id: str, campaign_id: int) -> Campaign:
        """GET /v1/me/apps/{partnerId}/campaigns/{campaignId}"""
        return await self._read(Campaign, "GET", f"/v1/me/apps/{quoted(partner_id)}/campaigns/{campaign_id}")

    async def update_campaign(self, partner_id: str, campaign_id: int, body: Campaign) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/campaigns/{campaignId}"""
        return await self._read(
            IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/campaigns/{campaign_id}", body=body
        )

    async def delete_campaign(self, partner_id: str, campaign_id: int) -> None:
        """DELETE /v1/me/apps/{partnerId}/campaigns/{campaignId}"""
        await self._call("DELETE", f"/v1/me/apps/{quoted(partner_id)}/campaigns/{campaign_id}")
