"""Inboxes: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

import datetime
from typing import Literal

from msgspec import UNSET, UnsetType, field

from clarion.client.v1.model import Model
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import CustomParams, ExternalId, IdResponse, List, Segments


class InboxButtonAction(Model, kw_only=True):
    type: Literal["url", "system", "event", "close", "web", "richpush", "text"]
    data: str | None = None


class InboxButton(Model, kw_only=True):
    id: str | int | None = None
    title: str
    action: InboxButtonAction
    custom_params: CustomParams | None = None


class ContentObject(Model, kw_only=True):
    type: Literal["text", "web", "richpush", "event", "url", "urlscheme", "system"]
    body: str | None = None
    data: str | None = None
    open_rich_push_in: Literal["webview", "browser"] = "webview"
    buttons: list[InboxButton] | None = None


class InboxMessage(Model, kw_only=True):
    language: str | None = None
    title: str
    sender: str | None = None
    category: str | None = None
    text: str | None = None
    icon: str | None = None
    content: ContentObject
    custom_params: CustomParams | None = None


class InboxMessages(Model, kw_only=True):
    """The server sets id."""

    id: int | None = None
    name: str
    external_id: ExternalId | None = None
    campaign_id: int | None = None
    messages: list[InboxMessage]
    segments: Segments | None = None
    lists: list[List] = field(default_factory=list)
    sending_date: datetime.datetime | UnsetType | None = UNSET
    timezone: str | None = None
    expiration_date: datetime.datetime | UnsetType | None = UNSET


class InboxStatus(Model, kw_only=True):
    read_date: datetime.datetime | UnsetType | None = UNSET
    archived_date: datetime.datetime | UnsetType | None = UNSET


class InboxesOperations(Resource):
    """Operations of inboxes."""

    async def create_inbox(self, partner_id: str, body: InboxMessages) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/inboxes"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/inboxes", body=body)

    async def update_inbox(self, partner_id: str, inbox_id: int, body: InboxMessages) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/inboxes/{inboxId}"""
        return await self._read(IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/inboxes/{inbox_id}", body=body)

    async def set_inbox_status(self, partner_id: str, inbox_id: int, body: InboxStatus, *, udid: str) -> None:
        """PUT /v1/me/apps/{partnerId}/inboxes/{inboxId}/status"""
        await self._call(
            "PUT", f"/v1/me/apps/{quoted(partner_id)}/inboxes/{inbox_id}/status", query=[*one("UDID", udid)], body=body
        )

    async def update_inbox_by_external_id(self, partner_id: str, external_id: str, body: InboxMessages) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/inboxes/external/{externalId}"""
        return await self._read(
            IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/inboxes/external/{quoted(external_id)}", body=body
        )

    async def set_inbox_status_by_external_id(
        self, partner_id: str, external_id: str, body: InboxStatus, *, udid: str
    ) -> None:
        """PUT /v1/me/apps/{partnerId}/inboxes/external/{externalId}/status"""
        await self._call(
            "PUT",
            f"/v1/me/apps/{quoted(partner_id)}/inboxes/external/{quoted(external_id)}/status",
            query=[*one("UDID", udid)],
            body=body,
        )
