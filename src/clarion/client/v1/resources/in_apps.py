"""In apps: what the API takes and gives, and its operations.

Made from the contract by `python -m tools.v1`; do not edit.
"""

from typing import Literal

from msgspec import field

from clarion.client.v1.model import Model
from clarion.client.v1.pages import Pages
from clarion.client.v1.query import one, quoted
from clarion.client.v1.resource import Resource
from clarion.client.v1.resources.shared import (
    ActiveStatus,
    ButtonAction,
    CustomParams,
    ExternalId,
    IdResponse,
    Links,
    List,
    Segments,
    Triggers,
)


class InAppButton(Model, kw_only=True):
    title: str
    action: ButtonAction | None = None
    url: str | None = None
    icon: str | None = None
    click_custom_params: CustomParams | None = None


class PopupTemplate(Model, kw_only=True, tag_field="type", tag="popup"):
    title: str
    text: str
    buttons: list[InAppButton] | None = None


class BrowserTemplate(Model, kw_only=True, tag_field="type", tag="browser"):
    url: str


class Action(Model, kw_only=True):
    type: Literal["none", "webview", "browser", "urlscheme", "request"] = "none"
    template_value: str | None = None
    url: str | None = None
    title: str | None = None
    body: str | None = None


class CustomTemplate(Model, kw_only=True, tag_field="type", tag="custom"):
    template_value: str
    title: str | None = None
    body: str | None = None
    url: str | None = None
    interstitial: bool = False
    autoclose: int | None = None
    in_animation: str | None = None
    out_animation: str | None = None
    action: Action | None = None


class InAppMessage(Model, kw_only=True):
    language: str | None = None
    title: str | None = None
    template: PopupTemplate | BrowserTemplate | CustomTemplate
    display_custom_params: CustomParams | None = None
    click_custom_params: CustomParams | None = None


class Inapp(Model, kw_only=True):
    """The server sets id."""

    id: int | None = None
    name: str
    external_id: ExternalId | None = None
    campaign_id: int | None = None
    messages: list[InAppMessage]
    triggers: Triggers | None = None
    segments: Segments | None = None
    lists: list[List] = field(default_factory=list)
    is_active: bool = False


class InappList(Model, kw_only=True):
    data: list[Inapp]
    links: Links


class InAppsOperations(Resource):
    """Operations of in apps."""

    def list_inapps(self, partner_id: str, *, page: int | None = None) -> Pages[Inapp]:
        """GET /v1/me/apps/{partnerId}/inapps"""
        return self._pages(InappList, f"/v1/me/apps/{quoted(partner_id)}/inapps", [*one("page", page)])

    async def create_inapp(self, partner_id: str, body: Inapp) -> IdResponse:
        """POST /v1/me/apps/{partnerId}/inapps"""
        return await self._read(IdResponse, "POST", f"/v1/me/apps/{quoted(partner_id)}/inapps", body=body)

    async def get_inapp(self, partner_id: str, inapp_id: int) -> Inapp:
        """GET /v1/me/apps/{partnerId}/inapps/{inappId}"""
        return await self._read(Inapp, "GET", f"/v1/me/apps/{quoted(partner_id)}/inapps/{inapp_id}")

    async def update_inapp(self, partner_id: str, inapp_id: int, body: Inapp) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/inapps/{inappId}"""
        return await self._read(IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/inapps/{inapp_id}", body=body)

    async def set_inapp_status(self, partner_id: str, inapp_id: int, body: ActiveStatus) -> bool:
        """PUT /v1/me/apps/{partnerId}/inapps/{inappId}/status"""
        return await self._changed("PUT", f"/v1/me/apps/{quoted(partner_id)}/inapps/{inapp_id}/status", body=body)

    async def get_inapp_by_external_id(self, partner_id: str, external_id: str) -> Inapp:
        """GET /v1/me/apps/{partnerId}/inapps/external/{externalId}"""
        return await self._read(Inapp, "GET", f"/v1/me/apps/{quoted(partner_id)}/inapps/external/{quoted(external_id)}")

    async def update_inapp_by_external_id(self, partner_id: str, external_id: str, body: Inapp) -> IdResponse:
        """PUT /v1/me/apps/{partnerId}/inapps/external/{externalId}"""
        return await self._read(
            IdResponse, "PUT", f"/v1/me/apps/{quoted(partner_id)}/inapps/external/{quoted(external_id)}", body=body
        )

    async def set_inapp_status_by_external_id(self, partner_id: str, external_id: str, body: ActiveStatus) -> bool:
        """PUT /v1/me/apps/{partnerId}/inapps/external/{externalId}/status"""
        return await self._changed(
            "PUT", f"/v1/me/apps/{quoted(partner_id)}/inapps/external/{quoted(external_id)}/status", body=body
        )
